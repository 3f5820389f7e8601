"""The midnight sweep: whoever is due is settled, once, slice by slice, and nobody can hold it up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.ids import Ids
from tallybook.jobs.midnight import SLICE, Midnight
from tests.books import PROJECT, Book, empty_book, fixed, put_order

PAID_AT = datetime(2025, 1, 15, 11, tzinfo=UTC)
MIDNIGHT = datetime(2025, 1, 17, 23, tzinfo=UTC)
"""When the day begins in Warsaw on which the points of the book are due."""


class Watch:
    """A clock that a test sets."""

    at = PAID_AT

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def watch() -> Watch:
    """The instant of the orders."""
    return Watch()


@pytest.fixture
def book(database_url: str, watch: Watch) -> Iterator[Book]:
    """A programme whose points wait three days, and one member more than a slice takes."""
    with empty_book(database_url, watch) as book:
        book.waiting_rule(book.programme(points=0), fixed(10), days=3)
        book.together([put_order(f"order-{number}", f"member-{number:03}") for number in range(SLICE + 1)])
        yield book


@pytest.fixture
def midnight(book: Book, watch: Watch) -> Midnight:
    """The sweep of this book."""
    return Midnight(book.database, book.engine, Ids(2), watch)


def _statuses(book: Book) -> dict[str, int]:
    with book.database.reading() as connection:
        rows = connection.execute(text("SELECT status, COUNT(*) FROM pending_entries GROUP BY status"))
        return {row[0]: row[1] for row in rows}


def _run(book: Book, sql: str) -> Any:
    with book.database.writing() as connection:
        connection.execute(text(sql))


def test_it_wakes_at_the_first_midnight_that_matters(book: Book, midnight: Midnight, watch: Watch) -> None:
    """That is when the local day begins on which something is due; nothing is done before, and nothing left after."""
    assert midnight.next_due(watch.at) == MIDNIGHT
    assert midnight.run_slice(watch.at) is False
    assert _statuses(book) == {"PENDING": SLICE + 1}
    watch.at = MIDNIGHT
    assert [midnight.run_slice(watch.at) for _ in range(3)] == [True, True, False]
    assert _statuses(book) == {"ACTIVATED": SLICE + 1}
    assert midnight.next_due(watch.at) is None
    assert book.verify().findings == []


def test_who_was_settled_meanwhile_is_not_settled_again(book: Book, midnight: Midnight, watch: Watch) -> None:
    """Those whom somebody touched after midnight are left out; everybody's points came once."""
    watch.at = MIDNIGHT + timedelta(hours=8)
    book.order("touch", "member-000", status="CREATED")
    midnight.sweep(PROJECT)
    midnight.sweep(PROJECT)
    with book.database.reading() as connection:
        counted = connection.execute(text("SELECT COUNT(*), COUNT(DISTINCT card_id), SUM(points) FROM transactions")).one()
    assert tuple(counted) == (SLICE + 1, SLICE + 1, 10 * (SLICE + 1))


def test_a_project_on_its_test_clock_is_left_to_it(book: Book, midnight: Midnight, watch: Watch) -> None:
    """Real time does not touch a project whose clock stands still."""
    _run(book, f"UPDATE projects SET test_now = {int(PAID_AT.timestamp() * 1000)}, config_version = config_version + 1")
    watch.at = MIDNIGHT + timedelta(days=30)
    assert (midnight.next_due(watch.at), midnight.run_slice(watch.at)) == (None, False)
    midnight.sweep(PROJECT)
    assert _statuses(book) == {"PENDING": SLICE + 1}


def test_a_broken_card_holds_nobody_up(book: Book, midnight: Midnight, watch: Watch) -> None:
    """A card that denies its waiting points is passed over, named by `verify`, and the rest are settled."""
    _run(book, "UPDATE cards SET pending_points = 0 WHERE id = (SELECT MIN(id) FROM cards)")
    watch.at = MIDNIGHT
    midnight.sweep(PROJECT)
    assert _statuses(book) == {"ACTIVATED": SLICE, "PENDING": 1}
    assert midnight.run_slice(watch.at) in (True, False)
    while midnight.run_slice(watch.at):
        pass
    assert len(book.verify().findings) == 1
