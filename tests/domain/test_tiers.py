"""Tiers by balance: ranges with both ends included, gaps, and what a change of balance is called."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.config import Tier
from tallybook.domain.tiers import change_between, tier_at

AT = datetime(2025, 1, 1, tzinfo=UTC)


def tier(name: str, points_from: int, points_to: int | None = None) -> Tier:
    """A tier of that name, which is its id too."""
    return Tier(id=name, campaign_id="camp", name=name, points_from=points_from, points_to=points_to, created_at=AT)


BASIC, SILVER, GOLD, OPEN = tier("basic", 1, 249), tier("silver", 250, 499), tier("gold", 600, 1_000), tier("open", 351)
CLOSED_RANGES = [GOLD, BASIC, SILVER]

HELD = [
    # balance, tiers, tier held
    (0, CLOSED_RANGES, None),
    (1, CLOSED_RANGES, "basic"),
    (249, CLOSED_RANGES, "basic"),
    (250, CLOSED_RANGES, "silver"),
    (499, CLOSED_RANGES, "silver"),
    (500, CLOSED_RANGES, None),
    (599, CLOSED_RANGES, None),
    (600, CLOSED_RANGES, "gold"),
    (1_000, CLOSED_RANGES, "gold"),
    (1_001, CLOSED_RANGES, None),
    (0, [], None),
    (0, [tier("zero", 0, 0)], "zero"),
    (1, [tier("zero", 0, 0)], None),
    (350, [OPEN], None),
    (351, [OPEN], "open"),
    (10**9, [OPEN], "open"),
    (400, [BASIC, SILVER, OPEN], "open"),
    (400, [OPEN, SILVER, BASIC], "open"),
]


@pytest.mark.parametrize(("balance", "tiers", "held"), HELD)
def test_the_tier_of_a_balance(balance: int, tiers: list[Tier], held: str | None) -> None:
    """Both ends of a range belong to it; in a gap, below all and above all there is no tier; the highest of two wins."""
    found = tier_at(balance, tiers)
    assert (found.id if found else None) == held


CHANGES = [
    # tier held, tier the balance stands for, what happens
    (None, None, None),
    (None, BASIC, "joined"),
    (BASIC, None, "left"),
    (BASIC, BASIC, None),
    (BASIC, tier("basic", 100, 300), None),
    (BASIC, SILVER, "upgraded"),
    (BASIC, GOLD, "upgraded"),
    (GOLD, SILVER, "downgraded"),
    (GOLD, BASIC, "downgraded"),
]


@pytest.mark.parametrize(("old", "new", "word"), CHANGES)
def test_what_a_change_of_tier_is_called(old: Tier | None, new: Tier | None, word: str | None) -> None:
    """Into the tiers is joined, out of them is left, between two it is the one that starts higher that decides."""
    assert change_between(old, new) == word


@given(
    starts=st.lists(st.integers(0, 1_000), unique=True, min_size=1, max_size=6).map(sorted),
    first=st.integers(0, 1_200),
    second=st.integers(0, 1_200),
)
def test_more_points_never_mean_a_lower_tier(starts: list[int], first: int, second: int) -> None:
    """Where ranges follow each other without gaps, a higher balance is never in a lower tier, nor outside of all."""
    ends: list[int | None] = [start - 1 for start in starts[1:]]
    tiers = [tier(str(start), start, end) for start, end in zip(starts, [*ends, None], strict=True)]
    lower, higher = (tier_at(balance, tiers) for balance in sorted([first, second]))
    assert change_between(lower, higher) in (None, "joined", "upgraded")
