"""The log of a server: a line per request and per failed attempt, nothing of what customers or keys say."""

import json
import time
from pathlib import Path
from typing import Any

from tests.acceptance.official import Client, Management, Plain
from tests.acceptance.process import Server, running_server
from tests.acceptance.shop import Shop
from tests.receiver import Answer, Receiver

WAIT_SECONDS = 60
REQUEST_ID = "v-"
SECRETS = ("SECRET-IN-PATH", "secret-in-query", "secret-in-key", "secret@example.com", "secret-in-body")


def lines(server: Server) -> list[dict[str, Any]]:
    """What was logged; the first words of a start, for people, are left out."""
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def logged(server: Server, event: str, count: int = 1) -> list[dict[str, Any]]:
    """The lines of this event, as soon as there are so many."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = [line for line in lines(server) if line["event"] == event]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_a_request_is_one_line(server: Server, client: Client) -> None:
    """Who, what, how it ended and how long it took; the route as its template, and the id that an error gave to the client."""
    before = len(logged(server, "request"))
    said: list[tuple[str, str | None, str | None, int, str | None]] = []
    for method, path, route, project in (
        ("GET", "/v1/customers/nobody-1", "/v1/customers/{customerId}", server.project_id),
        ("POST", "/v1/orders", "/v1/orders", server.project_id),
        ("GET", "/v1/nothing", None, None),
        ("PATCH", "/v1/customers", None, None),
        ("GET", "/v1/promotions/tiers", None, None),
        ("GET", "/v1/exports/exp_1?token=x", "/v1/exports/{exportId}", None),
    ):
        answer = client.ask(method, path, {"amount": "many"} if method == "POST" else None)
        said.append((method, route, project, answer.status, answer.json.get("request_id")))
    found = logged(server, "request", before + len(said))[before:]
    keys = {"event", "level", "timestamp", "method", "route", "status", "request_id", "project", "ms"}
    assert [set(line) for line in found] == [keys] * len(said)
    told = [(line["method"], line["route"], line["project"], line["status"], line["request_id"]) for line in found]
    assert [one[:4] for one in told] == [one[:4] for one in said]
    assert [mine == theirs for *_, mine in told for theirs in [said[told.index((*_, mine))][4]] if theirs] == [True] * 6
    assert all(line["ms"] >= 0 and line["request_id"].startswith(REQUEST_ID) for line in found)


def test_a_failed_attempt_is_one_line(server: Server, management: Management, shop: Shop, receiver: Receiver) -> None:
    """Which send-out, to which webhook, the how manieth attempt, what came, and when it is tried again."""
    webhook = management.subscribe(receiver.url, ["customer.created"])
    receiver.answers.append(Answer(status=503))
    shop.customer()
    (line,) = [one for one in logged(server, "attempt_failed") if one["webhook_id"] == webhook]
    assert (line["attempt"], line["status"], line["error"]) == (1, 503, None)
    assert line["send_out_id"].startswith("whs_")
    assert line["retry_at"] > line["timestamp"][:10]
    management.unsubscribe(webhook)


def test_nothing_secret_is_logged(server: Server, client: Client) -> None:
    """No token, no code, no name or address, whatever goes wrong with a request that has them."""
    path, query, key, mail, word = SECRETS
    known = {"X-App-Id": server.app_id, "X-App-Token": server.app_token}
    for method, asked in (
        ("GET", f"/v1/vouchers/{path}"), ("POST", f"/v1/vouchers/{path}/redemption"), ("GET", f"/v1/unknown/{path}"),
        ("GET", f"/v1/customers?email={mail}&x={query}"), ("GET", f"/v1/exports/exp_1?token={query}"),
    ):  # fmt: skip
        client.ask(method, asked)
    client.ask("POST", "/v1/customers", {"name": word, "email": mail, "source_id": word}, Idempotency_Key=key)
    client.ask("POST", "/v1/orders", {"amount": word, "metadata": {"note": mail}})
    client.send("POST", "/v1/orders", b'{"' + word.encode())
    Plain(server, known | {"X-App-Token": key}).ask("GET", "/v1/customers")
    last = client.ask("GET", "/v1/customers/the-last-one").json["request_id"]
    deadline = time.monotonic() + WAIT_SECONDS
    while last not in server.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    log = json.dumps(lines(server))  # a first start prints the keys it made, for people, once
    assert last in log
    tokens = (server.app_token, server.management_token, server.webhook_secret)
    assert [secret for secret in (*SECRETS, *tokens) if secret in log] == []


def test_requests_are_not_logged_from_level_warning_on(tmp_path: Path) -> None:
    """What goes wrong still is."""
    with (
        running_server(f"sqlite:///{tmp_path / 'book.db'}", tmp_path, settings={"TALLYBOOK_LOG_LEVEL": "warning"}) as server,
        Receiver() as receiver,
    ):
        receiver.answer = Answer(status=500)
        management = Management(server)
        management.subscribe(receiver.url, ["customer.created"])
        client = Client(server)
        assert client.ask("POST", "/v1/customers", {"source_id": "ann"}).status == 200
        logged(server, "attempt_failed")
        assert {line["event"] for line in lines(server)} == {"attempt_failed"}
        client.close()
        management.close()
