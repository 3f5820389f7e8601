"""API keys as the management API answers them (ours). The token is in the answer to their making, and nowhere else."""

from tallybook.domain.records import ApiKey
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def api_key_full(key: ApiKey) -> Object:
    """A key without its token. `app_id` is sent beside the token, for management keys as X-Management-Id."""
    return {
        "object": "api_key",
        "app_id": key.id,
        "kind": key.kind,
        "name": key.name,
        "created_at": instant_text(key.created_at),
        "expires_at": instant_text(key.expires_at),
        "revoked_at": instant_text(key.revoked_at),
    }


def api_key_issued(key: ApiKey, token: str) -> Object:
    """A key that was just made, with its token, this once."""
    return {**api_key_full(key), "app_token": token}
