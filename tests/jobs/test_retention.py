"""Retention: what is old enough goes, slice by slice, in real time; everything else stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from tallybook.domain.records import Receipt
from tallybook.engine.work import Idempotency
from tallybook.jobs.retention import ROUND, SLICE, Kept, Retention
from tallybook.store.mapping import mapping
from tallybook.store.send_outs import Result, record
from tallybook.store.tables import receipts
from tests.books import PROJECT, WAIT_SECONDS, Book, empty_book, put_order, submit

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
KEPT = Kept(receipts=timedelta(hours=48), send_outs=timedelta(days=30))
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with a webhook and one paid order, asked for with an idempotency key, all at noon."""
    with empty_book(database_url, lambda: NOON) as book:
        book.webhook()
        submit(book.engine, put_order("first"), Idempotency("key", "hash")).result(WAIT_SECONDS)
        yield book


@pytest.fixture
def retention(book: Book) -> Retention:
    """The job of this book."""
    return Retention(book.database, book.engine, KEPT)


def _rows(book: Book, *tables: str) -> list[int]:
    with book.database.reading() as connection:
        return [connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one() for table in tables]


def _all_but(book: Book, *tables: str) -> dict[str, int]:
    """How many rows every other table has; the notes of the engine itself are left out."""
    with book.database.reading() as connection:
        names = set(mapping_names()) - {*tables, "batches"}
        return {name: connection.execute(text(f"SELECT COUNT(*) FROM {name}")).scalar_one() for name in names}


def mapping_names() -> list[str]:
    """Every table."""
    return list(receipts.metadata.tables)


def _send_outs(book: Book) -> list[str]:
    with book.database.reading() as connection:
        return list(connection.scalars(text("SELECT id FROM send_outs ORDER BY id")))


def _ended(book: Book, send_out_id: str, state: str, at: datetime, attempt: int = 1) -> None:
    with book.database.reading() as connection:
        webhook_id = connection.execute(text("SELECT MIN(webhook_id) FROM send_outs")).scalar_one()
    result = Result(
        send_out_id=send_out_id, project_id=PROJECT, webhook_id=webhook_id, attempt=attempt, at=at, first_attempt_at=at,
        state=state, next_attempt_at=at if state == "WAITING" else None, status=500,
    )  # fmt: skip
    book.engine.errand(lambda connection: record(connection, [result], sqlite=book.database.is_sqlite))


def test_a_kept_answer_goes_when_its_time_is_over(book: Book, retention: Retention) -> None:
    """Not a moment before: until then the same request gets it again; nothing else is touched."""
    before = _all_but(book, "receipts")
    retention.run_slice(NOON + KEPT.receipts)
    assert _rows(book, "receipts") == [1]
    retention.run_slice(NOON + KEPT.receipts + MOMENT)
    assert _rows(book, "receipts") == [0]
    assert _all_but(book, "receipts") == before
    assert book.verify().findings == []


def test_a_send_out_goes_with_its_attempts_a_while_after_its_end(book: Book, retention: Retention) -> None:
    """Delivered, failed or canceled; counted from its end, however long it had waited. What still waits stays for ever."""
    delivered, failed, retried, *waiting = _send_outs(book)
    events = _rows(book, "events", "occurrences")
    late = NOON + timedelta(days=20)
    _ended(book, delivered, "WAITING", NOON)
    _ended(book, delivered, "DELIVERED", late, attempt=2)
    _ended(book, failed, "FAILED", NOON)
    _ended(book, retried, "WAITING", NOON)
    assert _rows(book, "attempts") == [3]
    retention.run_slice(NOON + KEPT.send_outs + MOMENT)
    assert _send_outs(book) == [delivered, retried, *waiting]
    assert _rows(book, "attempts") == [2]
    retention.run_slice(late + KEPT.send_outs)
    assert delivered in _send_outs(book)
    retention.run_slice(late + KEPT.send_outs + MOMENT)
    assert _send_outs(book) == [retried, *waiting]
    assert _rows(book, "attempts") == [1]
    assert _rows(book, "events", "occurrences") == events
    assert book.verify().findings == []


def test_it_wakes_once_for_all_that_is_old_by_then(book: Book, retention: Retention) -> None:
    """A round after the first is old enough; then for what is old enough next."""
    assert retention.next_due(NOON) == NOON + KEPT.receipts + ROUND
    _ended(book, _send_outs(book)[0], "FAILED", NOON)
    at = NOON + KEPT.receipts + ROUND
    assert retention.run_slice(at) is False
    assert retention.next_due(at + ROUND) == NOON + KEPT.send_outs + ROUND
    assert retention.run_slice(NOON + KEPT.send_outs + ROUND) is False
    assert retention.next_due(NOON + KEPT.send_outs + 2 * ROUND) is None


def test_much_goes_in_slices_with_rests_between_them(book: Book, retention: Retention) -> None:
    """So that requests always have most of the engine."""
    made = [
        Receipt(id=f"old-{number}", project_id=PROJECT, body_hash="", status=200, body=b"{}", created_at=NOON)
        for number in range(2 * SLICE)
    ]
    rows = [mapping(Receipt).row(one) for one in made]
    book.engine.errand(lambda connection: connection.execute(insert(receipts), rows))
    now, left = NOON + KEPT.receipts + ROUND, []
    for _ in range(3):
        assert retention.run_slice(now) is False
        left += _rows(book, "receipts")
        due = retention.next_due(now)
        assert due is None or due > now
        now = due or now
    assert left == [SLICE + 1, 1, 0]


def test_what_is_old_is_found_by_an_index(book: Book) -> None:
    """A book with millions of rows is not read from end to end."""
    explain = "EXPLAIN QUERY PLAN" if book.database.is_sqlite else "EXPLAIN"
    said = "SELECT id FROM send_outs WHERE state <> 'WAITING' AND next_attempt_at < 5 ORDER BY next_attempt_at LIMIT 500"
    with book.database.reading() as connection:
        if not book.database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # the table is small here
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = " ".join(str(row) for row in connection.execute(text(f"{explain} {said}")))
    assert "send_outs_finished" in plan
