"""Keys over the management API: made, listed, rotated with an overlap, revoked. Ours: the documents have one key per project."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.acceptance.official import Answer, Management, Plain
from tests.acceptance.process import Server

PROJECTS = "/management/v1/projects"


@pytest.fixture
def project(management: Management) -> str:
    """The path of the keys of a project of this test alone."""
    said = {"name": "Keys", "timezone": "UTC", "currency": "EUR", "case_sensitive_codes": True}
    return f"{PROJECTS}/{management.ask('POST', PROJECTS, said).json['id']}/api-keys"


def issue(management: Management, path: str, **said: Any) -> Any:
    """Make a key and give the answer."""
    answer = management.ask("POST", path, {"name": "Till"} | said)
    assert answer.status == 200, answer
    return answer.json


def opens(server: Server, key: Any) -> int:
    """The status with which this key gets a list."""
    realm = {"app": "App", "management": "Management"}[key["kind"]]
    headers = {f"X-{realm}-Id": key["app_id"], f"X-{realm}-Token": key["app_token"]}
    return Plain(server, headers).ask("GET", "/v1/customers" if realm == "App" else PROJECTS).status


def soon(seconds: int) -> str:
    """An instant so many seconds from now; the keys of a server live in real time."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def shown(key: Any) -> Any:
    """A key as it is listed."""
    return {name: value for name, value in key.items() if name != "app_token"}


def refused(answer: Answer) -> tuple[int, str]:
    """How it was refused."""
    return answer.status, answer.json["key"]


def test_several_keys_open_one_project(server: Server, management: Management, project: str) -> None:
    """Each by its own token; they are listed oldest first, without their tokens."""
    keys = [issue(management, project, name=name) for name in ("Till", "Shop")]
    assert [opens(server, key) for key in keys] == [200, 200]
    listed = management.get(project)
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", 3)
    assert (listed["data"][0]["name"], listed["data"][1:]) == ("Primary", [shown(key) for key in keys])
    assert sorted(keys[0]) == ["app_id", "app_token", "created_at", "expires_at", "kind", "name", "object", "revoked_at"]
    swapped = {**keys[0], "app_token": keys[1]["app_token"]}
    assert opens(server, swapped) == 401


def test_a_revoked_key_stops_at_once(server: Server, management: Management, project: str) -> None:
    """The next request after the answer is refused, though the key worked a moment ago; it stays in the list, with its end."""
    key = issue(management, project)
    assert [opens(server, key) for _ in range(3)] == [200] * 3
    assert management.ask("DELETE", f"{project}/{key['app_id']}").status == 204
    assert opens(server, key) == 401
    (listed,) = [one for one in management.get(project)["data"] if one["app_id"] == key["app_id"]]
    assert listed["revoked_at"] is not None
    assert {**listed, "revoked_at": None} == shown(key)
    for method, path in (("DELETE", key["app_id"]), ("POST", f"{key['app_id']}/rotate")):
        answer = management.ask(method, f"{project}/{path}")
        assert (answer.status, answer.json["resource_type"], answer.json["resource_id"]) == (404, "api_key", key["app_id"])


def test_a_key_is_rotated_with_an_overlap(server: Server, management: Management, project: str) -> None:
    """Old and new both open until the old one is revoked."""
    old = issue(management, project)
    new = management.ask("POST", f"{project}/{old['app_id']}/rotate").json
    assert (new["name"], new["kind"], new["expires_at"]) == ("Till", "app", None)
    assert (new["app_id"] != old["app_id"], new["app_token"] != old["app_token"]) == (True, True)
    assert [opens(server, key) for key in (old, new)] == [200, 200]
    management.ask("DELETE", f"{project}/{old['app_id']}")
    assert [opens(server, key) for key in (old, new)] == [401, 200]


def test_an_overlap_has_an_end_if_asked(management: Management, project: str) -> None:
    """The old key says until when it opens; a later end never takes the place of an earlier one."""
    old = issue(management, project)
    for seconds in (1000, 2000):
        assert management.ask("POST", f"{project}/{old['app_id']}/rotate", {"expires_at": soon(seconds)}).status == 200
    ends = [one["expires_at"] for one in management.get(project)["data"]]
    assert [end is None for end in ends] == [True, False, True, True]
    assert ends[1] < soon(1500)


def test_a_key_that_ends_opens_until_then(server: Server, management: Management, project: str) -> None:
    """`expires_at` is in the future when the key is made."""
    key = issue(management, project, expires_at=soon(3600))
    assert opens(server, key) == 200
    late = management.ask("POST", project, {"name": "Late", "expires_at": "2020-01-01T00:00:00.000Z"})
    assert (refused(late), late.json["details"]) == ((400, "invalid_payload"), "Property .expires_at must be in the future")


def test_a_management_key_of_a_project(server: Server, management: Management, project: str) -> None:
    """It manages that project; it cannot revoke itself, so that nobody is locked out by a slip."""
    key = issue(management, project, kind="management")
    own = Plain(server, {"X-Management-Id": key["app_id"], "X-Management-Token": key["app_token"]})
    assert own.get(project)["total"] == 2
    assert refused(own.ask("DELETE", f"{project}/{key['app_id']}")) == (400, "resource_protected")
    new = own.ask("POST", f"{project}/{key['app_id']}/rotate").json
    assert management.ask("DELETE", f"{project}/{key['app_id']}").status == 204
    assert [opens(server, one) for one in (key, new)] == [401, 200]


@pytest.mark.parametrize("said", [{}, {"name": ""}, {"name": "a", "kind": "root"}, {"name": "a", "expires_at": "soon"}])
def test_a_malformed_key_is_refused(management: Management, project: str, said: Any) -> None:
    """A key has a name, and a kind that there is."""
    assert refused(management.ask("POST", project, said)) == (400, "invalid_payload")
    assert management.get(project)["total"] == 1


def test_tokens_are_stored_nowhere(server: Server, management: Management, project: str) -> None:
    """Not with the key, and not in the kept answer of a request that may repeat: repeated, it shows the key without it."""
    first, again = (management.ask("POST", project, {"name": "Once"}, Idempotency_Key=f"{project} once") for _ in range(2))
    token = first.json["app_token"]
    assert (again.headers["idempotency-replayed"], again.json) == ("true", shown(first.json))
    engine = create_engine(server.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        keys = connection.execute(text("SELECT * FROM api_keys")).all()
        receipts = [bytes(body) for body in connection.scalars(text("SELECT body FROM receipts"))]
    engine.dispose()
    assert token not in str(keys)
    assert not any(token.encode() in body for body in receipts)
    assert any(first.json["app_id"].encode() in body for body in receipts)


def test_keys_of_another_project_are_not_there(management: Management, project: str) -> None:
    """A key is found in its own project only, also by who manages both."""
    key = issue(management, project)
    elsewhere = f"{management.path}/api-keys/{key['app_id']}"
    answers = [management.ask("DELETE", elsewhere), management.ask("POST", f"{elsewhere}/rotate")]
    assert [refused(answer) for answer in answers] == [(404, "not_found")] * 2
    assert key["app_id"] not in {one["app_id"] for one in management.get(f"{management.path}/api-keys")["data"]}
