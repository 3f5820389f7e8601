"""/management/v1/projects/{projectId}/api-keys (ours): several keys per project, replaced with an overlap.

A key that is revoked here opens nothing from the answer on; other processes of the same installation follow within 5 seconds.
"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.store.keys import keys_of
from tallybook.usecases.api_keys import ApiKeyFields, CreateApiKey, IssuedKey, RevokeApiKey, RotateApiKey, RotationFields
from tallybook.wire import lists
from tallybook.wire.api_keys import api_key_full, api_key_issued


def _issued(issued: IssuedKey) -> Any:
    return api_key_issued(issued.key, issued.token)


def _kept(issued: IssuedKey) -> Any:
    return api_key_full(issued.key)


def list_api_keys(call: Call, look: Look) -> Any:
    """All keys of the project, revoked ones too, oldest first. Tokens are never shown again."""
    found = keys_of(look.connection, call.project_id)
    return lists.page([api_key_full(one) for one in found], len(found))


def create_api_key(call: Call) -> Wish:
    """Make one more key, for the application or for management. The token is shown this once."""
    command = CreateApiKey(**call.wish, fields=call.body(ApiKeyFields))
    return Wish(command, _issued, kept=_kept)


def rotate_api_key(call: Call) -> Wish:
    """Make a key in place of this one. Both open until `expires_at`, if it is sent, or until the old one is revoked."""
    command = RotateApiKey(**call.wish, app_id=call.path["appId"], fields=call.body(RotationFields))
    return Wish(command, _issued, kept=_kept, changes_keys=True)


def revoke_api_key(call: Call) -> Wish:
    """Let a key open nothing any more. A management key cannot revoke itself."""
    return Wish(RevokeApiKey(**call.wish, app_id=call.path["appId"]), changes_keys=True)


_KEYS = "/management/v1/projects/{projectId}/api-keys"

ROUTES = [
    Route("GET", _KEYS, "List API keys", read=list_api_keys),
    Route("POST", _KEYS, "Create API key", write=create_api_key, takes=ApiKeyFields),
    Route("POST", _KEYS + "/{appId}/rotate", "Rotate API key", write=rotate_api_key, takes=RotationFields),
    Route("DELETE", _KEYS + "/{appId}", "Revoke API key", write=revoke_api_key, status=204),
]
