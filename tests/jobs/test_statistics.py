"""PostgreSQL is told when tables have grown, so that its plans fit them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tallybook.jobs.statistics import LOOK, Statistics
from tests.books import PROJECT, WAIT_SECONDS, Book, empty_book, put_order

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
MANY = 1_000


@pytest.fixture
def book(postgres_url: str) -> Iterator[Book]:
    """An empty book on PostgreSQL."""
    with empty_book(postgres_url, lambda: NOON) as book:
        yield book


def _is_due(statistics: Statistics) -> bool:
    """Whether it is soon; the database tells of new rows a moment after they were committed."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        if statistics.next_due(NOON) == NOON:
            return True
        time.sleep(0.1)
    return False


def _looked_up_by(book: Book, condition: str) -> str:
    """What an index is asked for in a look-up among the customers, as it will be once they are too many to be read through."""
    with book.database.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.scalars(text(f"EXPLAIN SELECT id FROM customers WHERE {condition}"))
        return next(str(line) for line in plan if "Index Cond" in line)


def test_a_table_that_has_grown_is_counted_and_its_statements_find_their_index(book: Book) -> None:
    """A look-up by source ids went through all customers of the project; it goes by their index once there are many."""
    by_source = f"project_id = '{PROJECT}' AND source_id = ANY('{{customer-1,customer-2}}') AND deleted_at IS NULL"
    book.engine.do_all([put_order(f"order-{number}", f"customer-{number}") for number in range(MANY)])
    statistics = Statistics(book.database)

    assert _is_due(statistics)
    assert "source_id" not in _looked_up_by(book, by_source)
    assert not statistics.run_slice(NOON)

    assert statistics.next_due(NOON) == NOON + LOOK
    assert "source_id" in _looked_up_by(book, by_source)


def test_a_database_that_has_not_grown_is_left_alone(book: Book) -> None:
    """A few rows change nothing: it looks again after its pause."""
    book.order("only")

    assert Statistics(book.database).next_due(NOON) == NOON + LOOK
