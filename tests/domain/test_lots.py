"""Lots: what expires first goes first, and no point is lost or made."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.lots import in_order, next_expiration, take
from tallybook.domain.records import NEVER, Lot

AT = datetime(2025, 1, 1, tzinfo=UTC)


def lot(id: str, expires_on: str | None, points: int, status: str = "ACTIVE") -> Lot:
    """A lot of one card; no date: its points never expire."""
    day = date.fromisoformat(expires_on) if expires_on else NEVER
    return Lot(
        id=id, project_id="proj", customer_id="cust", card_id="v", campaign_id="camp",
        expires_on=day, points=points, status=status, created_at=AT,
    )  # fmt: skip


@st.composite
def lots_of_a_card(draw: st.DrawFn) -> list[Lot]:
    """Some lots, one for each date, in any order."""
    dates = draw(st.lists(st.dates(date(2025, 1, 1), date(2026, 12, 31)) | st.just(NEVER), unique=True, max_size=8))
    return [
        lot(f"lopb_{number}", None if day == NEVER else day.isoformat(), draw(st.integers(0, 1_000)))
        for number, day in enumerate(dates)
    ]


JANUARY, MARCH, UNDATED = lot("c", "2025-01-31", 10), lot("a", "2025-03-31", 20), lot("b", None, 40)

TAKEN = [
    # lots, points, what is taken of which
    ([], 0, []),
    ([JANUARY], 0, []),
    ([JANUARY], 10, [("c", 10)]),
    ([MARCH, JANUARY], 4, [("c", 4)]),
    ([MARCH, JANUARY], 11, [("c", 10), ("a", 1)]),
    ([UNDATED, MARCH, JANUARY], 31, [("c", 10), ("a", 20), ("b", 1)]),
    ([UNDATED, MARCH, JANUARY], 70, [("c", 10), ("a", 20), ("b", 40)]),
    ([lot("empty", "2025-01-01", 0), MARCH], 5, [("a", 5)]),
    ([lot("y", "2025-03-31", 3), lot("x", "2025-03-31", 3)], 4, [("x", 3), ("y", 1)]),
]


@pytest.mark.parametrize(("lots", "points", "taken"), TAKEN)
def test_which_lots_a_debit_takes_from(lots: list[Lot], points: int, taken: list[tuple[str, int]]) -> None:
    """Points are taken from the lot that expires first; those without a date come last; empty lots are passed over."""
    assert [(one.id, part) for one, part in take(lots, points)] == taken


def test_a_debit_larger_than_the_lots() -> None:
    """A debit that the lots do not cover is a broken invariant, not a smaller debit."""
    with pytest.raises(AssertionError, match="larger than the lots"):
        take([JANUARY], 11)


@given(lots=lots_of_a_card(), share=st.fractions(0, 1))
def test_no_point_is_lost_or_made(lots: list[Lot], share: Fraction) -> None:
    """What is taken sums up to the debit, never more than a lot holds, and a lot is touched only when all before it are empty."""
    points = int(sum(one.points for one in lots) * share)
    taken = take(lots, points)
    assert sum(part for _, part in taken) == points
    assert all(0 < part <= one.points for one, part in taken)
    left = {one.id: one.points for one in lots}
    for one, part in taken:
        left[one.id] -= part
    touched = [one for one in in_order(lots) if left[one.id] < one.points]
    assert all(left[one.id] == 0 for one in touched[:-1])
    first_left = next((one for one in in_order(lots) if left[one.id]), None)
    assert not touched or first_left is None or first_left.expires_on >= touched[-1].expires_on


EXPIRING = [
    # lots, next date, points on it
    ([], None, 0),
    ([UNDATED], None, 0),
    ([MARCH, UNDATED, JANUARY], "2025-01-31", 10),
    ([lot("e", "2025-01-01", 0), MARCH], "2025-03-31", 20),
    ([lot("e", "2025-01-01", 5, "EXPIRED"), MARCH], "2025-03-31", 20),
    ([lot("e", "2025-03-31", 5), MARCH], "2025-03-31", 25),
]


@pytest.mark.parametrize(("lots", "day", "points"), EXPIRING)
def test_what_expires_next(lots: list[Lot], day: str | None, points: int) -> None:
    """The earliest date of active lots that hold points, and all points of that date."""
    assert next_expiration(lots) == (date.fromisoformat(day) if day else None, points)
