"""Recorded history: a past that the books can stand for."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.domain.refusals import NotFound, PointsExceeded
from tests.books import PROJECT, Book, small_book
from tests.history import record_history, shares


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A small book, in which bob holds 46 points that expire in a year."""
    with small_book(database_url) as book:
        yield book


def _rows(book: Book, sql: str) -> list[Any]:
    with book.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def _card(book: Book, source_id: str = "bob") -> dict[str, Any]:
    sql = "SELECT c.* FROM cards c JOIN customers u ON u.id = c.customer_id WHERE u.source_id = :key"
    with book.database.reading() as connection:
        return dict(connection.execute(text(sql), {"key": source_id}).mappings().one())


def test_added_points_are_a_lot_without_a_date(book: Book) -> None:
    """One POINTS_ADDITION, and a lot that never expires beside the dated one."""
    before = _card(book)
    (added,) = record_history(book.database.url.render_as_string(hide_password=False), card_id=before["id"], points=100)
    after = _card(book)
    lots = _rows(book, f"SELECT expires_on, points FROM lots WHERE card_id = '{before['id']}' ORDER BY expires_on DESC")
    assert (added.type, added.points, added.balance, added.total) == ("POINTS_ADDITION", 100, 146, 146)
    assert (after["points"], after["balance"], after["last_transaction_id"]) == (146, 146, added.id)
    assert (lots[0], lots[1][1]) == (("9999-12-31", 100), 46)
    assert book.verify().findings == []


def test_redeemed_points_come_from_the_earliest_lot(book: Book) -> None:
    """Each redemption is a row of its own; `points` and `total` stay, the balance falls (decision 2)."""
    card = _card(book)
    url = book.database.url.render_as_string(hide_password=False)
    written = record_history(url, card_code=card["code"], project_id=PROJECT, points=100, redeemed_points=61, redemptions=3)
    after = _card(book)
    assert [(one.type, one.points, one.balance, one.total) for one in written] == [
        ("POINTS_ADDITION", 100, 146, 146),
        ("POINTS_REDEMPTION", -21, 125, 146),
        ("POINTS_REDEMPTION", -20, 105, 146),
        ("POINTS_REDEMPTION", -20, 85, 146),
    ]
    numbers = ("points", "redeemed_points", "redeemed_quantity", "balance", "last_transaction_id")
    assert tuple(after[name] for name in numbers) == (146, 61, 3, 85, written[-1].id)
    lots = _rows(book, f"SELECT points FROM lots WHERE card_id = '{card['id']}' ORDER BY expires_on")
    assert lots == [(0,), (85,)]
    assert book.verify().findings == []


def test_life_goes_on_after_history(book: Book) -> None:
    """The engine that was there before goes on from the new numbers, and the tier follows the balance."""
    record_history(book.database.url.render_as_string(hide_password=False), card_id=_card(book)["id"], points=1_000)
    book.order("afterwards", customer="bob", amount=1_000)
    assert _card(book)["balance"] == 46 + 1_000 + 13
    tier = """SELECT m.tier_id = (SELECT id FROM documents WHERE kind = 'tier' AND doc LIKE '%"from 100"%')
              FROM tier_memberships m JOIN customers u ON u.id = m.customer_id WHERE u.source_id = 'bob'"""
    assert [bool(held) for (held,) in _rows(book, tier)] == [True]
    assert book.verify().findings == []


def test_history_cannot_redeem_what_is_not_there(book: Book) -> None:
    """Nothing changes; nor is there history of a card that nobody holds."""
    url = book.database.url.render_as_string(hide_password=False)
    before = _card(book)
    with pytest.raises(PointsExceeded):
        record_history(url, card_id=before["id"], redeemed_points=47, redemptions=1)
    ((waiting,),) = _rows(book, "SELECT id FROM cards WHERE customer_id IS NULL")
    with pytest.raises(NotFound):
        record_history(url, card_id=waiting, points=1)
    assert _card(book) == before
    assert book.verify().findings == []


@pytest.mark.parametrize(
    ("points", "redemptions", "expected"), [(350, 5, [70] * 5), (7, 3, [3, 2, 2]), (0, 0, []), (1, 2, [1, 0])]
)
def test_points_are_shared_evenly(points: int, redemptions: int, expected: list[int]) -> None:
    """The shares make the whole."""
    assert shares(points, redemptions) == expected
