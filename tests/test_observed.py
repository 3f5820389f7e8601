"""What a look at the queue and the book tells the metrics: what waits, and what is late."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tallybook.app import Process
from tallybook.clock import real_now
from tallybook.engine.work import Errand
from tallybook.settings import Settings
from tests.books import empty_book, fixed

PAID_AT = datetime(2025, 1, 15, 11, tzinfo=UTC)
MIDNIGHT = datetime(2025, 1, 17, 23, tzinfo=UTC)
"""When the day began in Warsaw on which the points fell due."""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A worker that was never started, on a book with overdue points and events that nobody sent."""
    url = f"sqlite:///{tmp_path / 'book.db'}"
    with empty_book(url, lambda: PAID_AT) as book:
        book.webhook()
        book.waiting_rule(book.programme(points=0), fixed(10), days=3)
        book.order("first")
    process = Process(Settings(database_url=url))
    yield process
    process._database.close()


def _value(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"tallybook_{name}", labels)
    assert value is not None
    return value


def test_what_waits_and_what_is_late_is_measured_when_it_is_asked_for(process: Process) -> None:
    """Commands in the queue, send-outs that are due, and since when; the midnight that was missed."""
    process._engine.submit(Errand(lambda _: None))
    before = real_now()
    process.health.observe()
    assert _value("queue_depth") == 1
    assert _value("send_outs_waiting", state="due") > 0
    assert _value("send_outs_waiting", state="later") == 0
    for name, since in (("oldest_unsent_seconds", PAID_AT), ("sweep_lag_seconds", MIDNIGHT)):
        assert (before - since).total_seconds() <= _value(name) <= (real_now() - since).total_seconds()
