"""Settling on touch: what is due is done before anything else, by whoever comes first, and to nobody's harm."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.domain.refusals import NotFound
from tallybook.usecases.pending_points import ActivatePendingPoints, CancelPendingPoints
from tests.books import PROJECT, Book, empty_book, fixed, put_order


class Watch:
    """A clock that a test sets."""

    def __init__(self, at: str) -> None:
        self.at = datetime.fromisoformat(at)

    def __call__(self) -> datetime:
        return self.at

    def pass_days(self, days: float) -> None:
        self.at += timedelta(days=days)


@pytest.fixture
def watch() -> Watch:
    """Noon of a winter day in Warsaw."""
    return Watch("2025-01-15T11:00:00+00:00")


@pytest.fixture
def book(database_url: str, watch: Watch) -> Iterator[Book]:
    """A programme whose points wait three days, two members, and an order of each."""
    with empty_book(database_url, watch) as book:
        book.waiting_rule(book.programme(points=0), fixed(10), days=3)
        for person in ("ann", "ben"):
            book.order(f"of-{person}", person)
        yield book


def _rows(book: Book, sql: str) -> list[Any]:
    with book.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def _of(book: Book, person: str) -> tuple[str, str]:
    """The card and the entry of somebody."""
    sql = f"""SELECT e.card_id, e.id FROM pending_entries e JOIN customers u ON u.id = e.customer_id
              WHERE u.source_id = '{person}'"""
    ((card_id, entry_id),) = _rows(book, sql)
    return card_id, entry_id


def _states(book: Book) -> list[Any]:
    return _rows(
        book,
        """SELECT u.source_id, e.status, c.balance FROM pending_entries e JOIN customers u ON u.id = e.customer_id
           JOIN cards c ON c.id = e.card_id ORDER BY 1""",
    )


def test_who_is_touched_is_settled_and_nobody_else(book: Book, watch: Watch) -> None:
    """An order of ann's three days later finds her points there; ben's wait for the sweep."""
    watch.pass_days(3)
    book.order("later", "ann", status="CREATED")
    assert _states(book) == [("ann", "ACTIVATED", 10), ("ben", "PENDING", 0)]
    assert book.verify().findings == []


def test_it_happens_at_the_midnight_of_its_day(book: Book, watch: Watch) -> None:
    """Whenever somebody comes: the row says the beginning of the day, and the lot is dated by it (semantics 5.7)."""
    watch.pass_days(9.3)
    book.order("later", "ann", status="CREATED")
    sql = "SELECT t.created_at, l.expires_on FROM transactions t JOIN lots l ON l.card_id = t.card_id"
    ((at, expires_on),) = _rows(book, sql)
    midnight = datetime(2025, 1, 17, 23, tzinfo=UTC)
    assert datetime.fromtimestamp(at / 1000, UTC) == midnight + timedelta(milliseconds=1)
    assert expires_on == "2026-01-18"


@pytest.mark.parametrize("command", [ActivatePendingPoints, CancelPendingPoints])
def test_somebody_elses_entry_is_left_alone(book: Book, watch: Watch, command: Any) -> None:
    """Naming ben's due entry for ann's card is refused, and does ben and the rest of the batch no harm."""
    watch.pass_days(3)
    ((card_id, _), (_, entry_id)) = _of(book, "ann"), _of(book, "ben")
    wrong = command(project_id=PROJECT, member=card_id, entry_id=entry_id)
    refused, order = book.together([wrong, put_order("later", "carl")])
    assert isinstance(refused, NotFound)
    assert order.order.source_id == "later"
    assert _states(book)[1] == ("ben", "PENDING", 0)
    assert book.verify().findings == []


def test_an_entry_that_became_due_waits_no_more(book: Book, watch: Watch) -> None:
    """Who cancels it too late finds it activated, since settling comes first."""
    watch.pass_days(3)
    card_id, entry_id = _of(book, "ann")
    (refused,) = book.together([CancelPendingPoints(project_id=PROJECT, member=card_id, entry_id=entry_id)])
    assert refused.details == "Only pending points in 'PENDING' status can be canceled. Current status: 'ACTIVATED'."
    assert _states(book)[0] == ("ann", "ACTIVATED", 10)


@pytest.mark.parametrize(
    ("paid_at", "days", "activates_on"),
    [
        ("2025-03-29T22:30:00+00:00", 1, "2025-03-30"),  # 23:30 in Warsaw, and the clocks go forward in that night
        ("2025-03-29T22:30:00+00:00", 90, "2025-06-27"),
        ("2025-10-25T22:30:00+00:00", 1, "2025-10-27"),  # 0:30 of the 26th, on which they go back
        ("2025-10-26T22:30:00+00:00", 1, "2025-10-27"),  # 23:30
    ],
)
def test_points_wait_whole_days_of_the_calendar(database_url: str, paid_at: str, days: int, activates_on: str) -> None:
    """The date is that of the payment and so many days, in the project's time zone, whatever clocks do (semantics 6.5)."""
    with empty_book(database_url, Watch(paid_at)) as book:
        book.waiting_rule(book.programme(), fixed(1), days=days)
        book.order("paid", "ann")
        assert _rows(book, "SELECT activates_on FROM pending_entries") == [(activates_on,)]
