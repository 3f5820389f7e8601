"""The signature of a webhook, as receivers of Voucherify's webhooks check it (webhooks.md 1.4)."""

import hmac

HEADER = "x-voucherify-signature"


def sign(body: bytes, secret: str) -> str:
    """The lowercase hex HMAC-SHA256 of exactly the bytes that are sent; the key is the project's secret in UTF-8."""
    return hmac.digest(secret.encode(), body, "sha256").hex()
