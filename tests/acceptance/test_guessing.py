"""Guessing keys and card codes on a real server: refused in the documented form after a while, and served again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.official import Answer, Client
from tests.acceptance.process import Server, running_server

RATE = {"x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-retry", "x-rate-limit-type", "retry-after"}
ALLOWED = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that bears few guesses, behind a proxy on this machine."""
    allowed = {"TALLYBOOK_WRONG_KEYS_PER_MINUTE": str(ALLOWED), "TALLYBOOK_UNKNOWN_CODES_PER_MINUTE": str(ALLOWED)}
    with running_server(f"sqlite:///{tmp_path / 'book.db'}", tmp_path, settings=allowed) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """The application key of this server."""
    client = Client(server)
    yield client
    client.close()


def is_refused(answer: Answer) -> bool:
    """Whether this is the refusal, as documented (semantics 12)."""
    if answer.status != 429:
        return False
    body = answer.json
    assert (body["code"], body["key"], body["message"]) == (
        429,
        "too_many_requests",
        "Too many requests hit the API too quickly.",
    )
    assert body.keys() >= {"details", "request_id"}
    assert answer.headers.keys() >= RATE
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    return True


def test_keys_cannot_be_guessed_for_long(client: Client) -> None:
    """From one address; those who came with the right key from elsewhere, or before, go on."""
    there, elsewhere = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    assert client.send("GET", "/v1/customers", headers=there).status == 200
    guess = there | {"X-App-Token": "guess"}
    answers = [client.send("GET", "/v1/customers", headers=guess) for _ in range(3 * ALLOWED)]
    assert {answer.status for answer in answers} == {401, 429}
    assert any(is_refused(answer) for answer in answers)
    for headers in (there, elsewhere, {}):
        assert client.send("GET", "/v1/customers", headers=headers).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/vouchers/guess-{}"), ("POST", "/v1/loyalties/members/guess-{}/balance"), ("GET", "/v1/loyalties/members/{}")],
)
def test_codes_cannot_be_guessed_for_long(client: Client, method: str, path: str) -> None:
    """In reading and in writing; what tells no codes goes on."""
    body = {"points": 1} if method == "POST" else None
    answers = [client.ask(method, path.format(number), body) for number in range(3 * ALLOWED)]
    assert {answer.status for answer in answers} == {404, 429}
    assert any(is_refused(answer) for answer in answers)
    assert client.ask("POST", "/v1/orders", {"amount": 1}).status == 200
