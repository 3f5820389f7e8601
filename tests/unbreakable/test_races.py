"""Many at once: one order of two hundred requests, and two workers whose customers come in opposite orders."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.store.database import Database
from tests.acceptance.process import Server, running_server
from tests.books import empty_book, engine_on, fixed, held, put_order, submit
from tests.receiver import Receiver
from tests.unbreakable.crowd import at_once, post
from tests.unbreakable.proof import POINTS, open_shop

REQUESTS = 200
CUSTOMERS = 100


@pytest.fixture(params=["sqlite", "postgresql-1", "postgresql-2"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server of one worker on SQLite, of one or two on PostgreSQL."""
    kind, _, workers = request.param.partition("-")
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path / 'book.db'}"
    with running_server(url, tmp_path, workers=int(workers or 1)) as server:
        yield server


def _facts(server: Server, source_id: str) -> tuple[int, int, int]:
    """How many orders of this name there are, their awards, and their events."""
    of_order = f"FROM orders o WHERE o.source_id = '{source_id}'"
    queries = (
        f"SELECT COUNT(*) {of_order}",
        f"SELECT COUNT(*) FROM awards WHERE cause_id IN (SELECT o.id {of_order})",
        f'SELECT COUNT(*) FROM occurrences WHERE subjects LIKE \'%"source_id":"{source_id}"%\'',
    )
    with contextlib.closing(Database(server.database_url)) as database, database.reading() as connection:
        orders, awards, occurrences = (connection.scalar(text(query)) for query in queries)
        return orders, awards, occurrences


def test_two_hundred_requests_of_one_order(
    server: Server, receiver: Receiver, times: Callable[[int, int], int], note: Callable[[str], None]
) -> None:
    """One order, one award of each rule, one set of events, and each is answered with the points; a key in use says 409."""
    ((source_id, code),) = open_shop(server, receiver, 1)
    rounds = times(2, 20)
    slowest = 0.0
    for number in range(rounds):
        order = {"source_id": f"rush-{number}", "status": "PAID", "amount": 1000, "customer": {"source_id": source_id}}
        keys: list[dict[str, str]] = [{}, {"Idempotency_Key": f"same-{number}"}] if number else [{}]
        requests = [post(server, "/v1/orders", order, **keys[one % len(keys)]) for one in range(REQUESTS)]
        answers = at_once(server, requests)
        slowest = max(slowest, *(answer.seconds for answer in answers))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert _facts(server, f"rush-{number}") == (1, 2, 1)
        card = asyncio.run(_card(server, code))
        assert card["loyalty_card"]["points"] == POINTS * (number + 1)
    (answer,) = at_once(server, [post(server, "/v1/orders", {"source_id": "other"}, Idempotency_Key="same-1")])
    assert (answer.status, answer.json["key"]) == (409, "idempotency_key_reused")
    note(f"{rounds} x {REQUESTS} requests, one award each; slowest answer {slowest:.2f} s")


async def _card(server: Server, code: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    keys = f"X-App-Id: {server.app_id}\r\nX-App-Token: {server.app_token}\r\nConnection: close\r\n"
    writer.write(f"GET /v1/loyalties/members/{code} HTTP/1.1\r\nHost: a\r\n{keys}\r\n".encode())
    said = await reader.read()
    writer.close()
    return json.loads(said.split(b"\r\n\r\n", 1)[1])


SLOW = (
    "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END'",
    "CREATE TRIGGER slow BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION linger()",
)
"""Makes every new customer take a while, so that two workers meet in the middle."""


@pytest.mark.parametrize("known", [False, True], ids=["new customers", "known customers"])
def test_opposite_orders(postgres_url: str, known: bool, times: Callable[[int, int], int], note: Callable[[str], None]) -> None:
    """Two engines are given orders of the same hundred customers, one from the first on, one from the last: all are done."""
    with empty_book(postgres_url) as book, contextlib.closing(Database(postgres_url)) as other, engine_on(other, 2) as second:
        book.rules(book.programme(), fixed(3))
        with book.database.writing() as connection:
            for statement in SLOW:
                connection.execute(text(statement))
        rounds = times(3, 50)
        for number in range(rounds):
            names = [f"customer-{0 if known else number}-{one}" for one in range(CUSTOMERS)]
            with held(book.engine), held(second):
                waiting = [submit(book.engine, put_order(f"up-{number}-{name}", name)) for name in names]
                waiting += [submit(second, put_order(f"down-{number}-{name}", name)) for name in reversed(names)]
            answers = [one.result(60).answer for one in waiting]
            assert [type(answer).__name__ for answer in answers] == ["OrderView"] * 2 * CUSTOMERS
        with book.database.reading() as connection:
            deadlocks = connection.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
        assert book.verify().findings == []
        assert deadlocks == 0
    note(f"{rounds} x 2 x {CUSTOMERS} orders, none refused, {deadlocks} deadlocks")
