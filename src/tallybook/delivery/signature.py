"""The signature of a webhook, as receivers of Voucherify's webhooks check it (webhooks.md 1.4)."""

import hmac
from functools import lru_cache

HEADER = "x-voucherify-signature"

PIECE = 2047
"""Bytes hashed at a time: for more the library lets go of the interpreter, costing more than to hash (docs/performance.md)."""


def sign(body: bytes, secret: str) -> str:
    """The lowercase hex HMAC-SHA256 of exactly the bytes that are sent; the key is the project's secret in UTF-8."""
    signing = _keyed(secret).copy()
    for start in range(0, len(body), PIECE):
        signing.update(body[start : start + PIECE])
    return signing.hexdigest()


@lru_cache(1024)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="sha256")
