"""What must hold after the worst: what was answered is there once, what was refused is not, and every event arrived."""

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from tallybook.domain.event_names import SUBSCRIBABLE
from tallybook.store.database import Database, SQLAlchemyError
from tests.acceptance.official import Client, Management
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop, per_amount
from tests.receiver import Receiver
from tests.unbreakable.crowd import Told

RULES = 2
POINTS = 20
"""What an order of 1000 gives."""
BY_HAND = 5
SILENCE_SECONDS = 120
"""Without any arrival while something waits: a process that was killed keeps the right to send for 20 seconds."""
SHAPE = {"code", "key", "message", "details", "request_id"}


@dataclass(frozen=True)
class Found:
    """How much there was to prove."""

    orders: int
    by_hand: int
    events: int


def open_shop(server: Server, receiver: Receiver, members: int) -> list[tuple[str, str]]:
    """A programme of two rules, some members, and a webhook that gets everything; source id and code of each member."""
    management = Management(server)
    management.subscribe(f"{receiver.url}/hook", sorted(SUBSCRIBABLE))
    management.close()
    client = Client(server)
    shop = Shop(client, "unbreakable")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    shop.rule(campaign.id, per_amount(100, 1))
    cards = [(f"member-{number}", shop.join(campaign.id, f"member-{number}").code) for number in range(members)]
    client.close()
    return cards


def proved(database_url: str, told: Told, receiver: Receiver) -> Found:
    """Compare what was said with what is there, when everything that waited was sent. AssertionError: they differ."""
    with contextlib.closing(Database(database_url)) as database:
        events = _wait_for_arrivals(database, receiver)
        orders = dict(_rows(database, "SELECT source_id, id FROM orders"))
        awards = _rows(database, "SELECT o.source_id, SUM(a.points) FROM orders o JOIN awards a ON a.cause_id = o.id GROUP BY 1")
        times = dict(_rows(database, "SELECT reason, COUNT(*) FROM transactions WHERE reason IS NOT NULL GROUP BY 1"))
    _compare(told, orders, dict(awards), times)
    _verify(database_url)
    return Found(len(orders), len(times), events)


def _compare(told: Told, orders: dict[str, str], awards: dict[str, Any], times: dict[str, int]) -> None:
    answered = {name: answer.json for name, answer in told.done.items()}
    said = {name: answer["id"] for name, answer in answered.items() if name.startswith("order")}
    assert said == {name: orders.get(name) for name in said}, "an answered order is not there"
    assert {int(points) for points in awards.values()} <= {POINTS}
    assert awards.keys() == orders.keys(), "an order without its award"
    by_hand = {name: answer["points"] for name, answer in answered.items() if name.startswith("by-hand")}
    assert set(by_hand.values()) <= {BY_HAND}
    assert {name: times.get(name, 0) for name in by_hand} == dict.fromkeys(by_hand, 1), "answered points are there once"
    assert set(times.values()) <= {1}, "points were given twice"
    there = orders.keys() | times.keys()
    assert {name for name, answer in told.refused.items() if answer.status == 503} & there == set(), "503 says: not done"
    for answer in told.refused.values():
        assert answer.status in (500, 503), answer
        assert answer.json.keys() >= SHAPE
        assert answer.json["key"] == ("try_again" if answer.status == 503 else "outcome_unknown"), answer
        assert ("retry-after" in answer.headers) == (answer.status == 503)


def _wait_for_arrivals(database: Database, receiver: Receiver) -> int:
    """Wait until nothing waits; then each send-out has arrived at least once. How many there are."""
    arrived_before, deadline = -1, 0.0
    while rows := _rows(database, "SELECT state, attempts, last_error FROM send_outs WHERE state <> 'DELIVERED' LIMIT 3"):
        if len(receiver.received) != arrived_before:
            arrived_before, deadline = len(receiver.received), time.monotonic() + SILENCE_SECONDS
        assert time.monotonic() < deadline, f"never delivered: {rows}"
        time.sleep(0.2)
    sent = {key for (key,) in _rows(database, "SELECT id FROM send_outs")}
    arrived = {json.loads(one.body)["id"] for one in list(receiver.received)}
    assert arrived >= sent, f"{len(sent - arrived)} of {len(sent)} never arrived"
    return len(sent)


def _rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    try:
        with database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]
    except SQLAlchemyError:  # it is just coming back
        time.sleep(0.5)
        with database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]


def _verify(database_url: str) -> None:
    words = [sys.executable, "-m", "tallybook", "verify", "--database", database_url]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
