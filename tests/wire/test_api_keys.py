"""API keys as the management API shows them."""

from tallybook.domain.records import ApiKey
from tallybook.wire.api_keys import api_key_full, api_key_issued
from tests.wire.scenes import at

KEY = ApiKey(
    id="8c63e9eb-576f-4cc8-91df-b6797b6de8c6",
    project_id="proj_1",
    kind="app",
    name="Till",
    token_hash="never shown",
    created_at=at("2024-01-01T00:00:00.000"),
    expires_at=at("2024-02-01T00:00:00.000"),
)


def test_a_key_is_shown_without_its_token() -> None:
    """Neither the token nor what is kept of it."""
    assert api_key_full(KEY) == {
        "object": "api_key",
        "app_id": "8c63e9eb-576f-4cc8-91df-b6797b6de8c6",
        "kind": "app",
        "name": "Till",
        "created_at": "2024-01-01T00:00:00.000Z",
        "expires_at": "2024-02-01T00:00:00.000Z",
        "revoked_at": None,
    }


def test_a_key_that_was_just_made_shows_its_token() -> None:
    """This once, at the end."""
    assert list(api_key_issued(KEY, "s3cret").items())[-1] == ("app_token", "s3cret")
