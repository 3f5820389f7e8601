"""Two engines on one PostgreSQL: what one does to the other's customers, webhooks and moments."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.clock import real_now
from tallybook.engine.engine import Engine
from tallybook.store.database import Database
from tallybook.store.send_outs import Result, record
from tallybook.usecases.webhooks import DeleteWebhook
from tests.books import PROJECT, WAIT_SECONDS, Book, decided, engine_on, put_order, small_book, submit

BEHIND = timedelta(seconds=10)
WAITING = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def book(postgres_url: str) -> Iterator[Book]:
    """A small book."""
    with small_book(postgres_url) as book:
        yield book


@contextlib.contextmanager
def _another(book: Book, behind: timedelta = timedelta()) -> Iterator[Engine]:
    """A second worker, whose clock is behind."""
    url = book.database.url.render_as_string(hide_password=False)
    with contextlib.closing(Database(url)) as other, engine_on(other, 2, lambda: real_now() - behind) as engine:
        yield engine


def _rows(book: Book, sql: str) -> list[tuple[Any, ...]]:
    with book.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def test_the_events_of_a_customer_come_in_one_order(book: Book) -> None:
    """Ids of events and send-outs grow with the numbers of the events, whichever worker made them, whatever its clock says."""
    with _another(book, BEHIND) as other:
        for number in range(3):
            book.order(f"mine-{number}", "erin")
            other.do(put_order(f"other-{number}", "erin"))
    streams = _rows(
        book,
        """SELECT e.sequence, right(e.id, 18), right(s.id, 18) FROM events e JOIN send_outs s ON s.event_id = e.id
           JOIN customers c ON c.id = e.customer_id WHERE c.source_id = 'erin' ORDER BY s.id""",
    )
    assert [sequence for sequence, _, _ in streams] == list(range(1, len(streams) + 1))
    keys = [key for _, event, send_out in streams for key in (event, send_out)]
    assert keys == sorted(keys)


def test_a_batch_that_waited_for_a_customer_begins_after_it_was_free(book: Book) -> None:
    """The second worker's time is taken when it holds the customer, not when it began to wait."""
    freed = False
    asked: list[bool] = []

    def now() -> Any:
        asked.append(freed)
        return real_now()

    url = book.database.url.render_as_string(hide_password=False)
    with contextlib.closing(Database(url)) as other, engine_on(other, 2, now) as second:
        with decided(book.engine, [put_order("first", "bob")]) as first:
            late = submit(second, put_order("second", "bob"))
            _until_somebody_waits(book)
            freed = True
        assert first[0].result(WAIT_SECONDS).answer.order.status == "PAID"
        assert late.result(WAIT_SECONDS).answer.order.status == "PAID"
    assert asked == [False, True]  # the first time for the id of the batch


def _until_somebody_waits(book: Book) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while _rows(book, WAITING) == [(0,)]:
        assert time.monotonic() < deadline, "nobody waits for a lock"
        time.sleep(0.005)


def test_a_webhook_that_is_deleted_while_another_worker_sends_to_it(book: Book) -> None:
    """Nothing waits for it afterwards: what was decided before it was gone is decided again."""
    ((webhook,),) = _rows(book, "SELECT id FROM documents WHERE kind = 'webhook'")
    with _another(book) as other:
        with decided(other, [put_order("meanwhile", "frank")]) as late:
            book.do(DeleteWebhook(project_id=PROJECT, webhook_id=webhook))
        assert late[0].result(WAIT_SECONDS).answer.order.status == "PAID"
    assert _rows(book, "SELECT DISTINCT state FROM send_outs") == [("CANCELED",)]
    assert book.verify().findings == []


def test_a_reading_sees_one_moment(book: Book) -> None:
    """Two queries of one reading agree, whatever is committed between them."""
    count = text("SELECT COUNT(*) FROM orders")
    with book.database.reading() as connection:
        before = connection.scalar(count)
        book.order("between")
        assert connection.scalar(count) == before


def test_results_wait_for_who_deletes_their_webhook(book: Book) -> None:
    """Both change the same send-outs, each in an order of its own: side by side they would lock each other."""
    ((webhook_id,),) = _rows(book, "SELECT id FROM documents WHERE kind = 'webhook'")
    book.order("paid", "bob")
    sent = [row[0] for row in _rows(book, "SELECT id FROM send_outs")]
    now = real_now()
    results = [
        Result(
            send_out_id=one, project_id=PROJECT, webhook_id=webhook_id, attempt=1, at=now, first_attempt_at=now, state="DELIVERED"
        )
        for one in sent
    ]
    with _another(book) as recorder:
        with book.database.writing() as deleting:
            deleting.execute(text("DELETE FROM documents WHERE id = :id"), {"id": webhook_id})
            late = threading.Thread(target=recorder.errand, args=(lambda connection: record(connection, results, sqlite=False),))
            late.start()
            _until_somebody_waits(book)
            deleting.execute(text("UPDATE send_outs SET state = 'CANCELED'"))
        late.join(WAIT_SECONDS)
    assert sent
    assert not late.is_alive()
    assert {row[0] for row in _rows(book, "SELECT state FROM send_outs")} == {"DELIVERED"}
