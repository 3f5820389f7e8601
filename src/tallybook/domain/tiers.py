"""Tiers by balance: which tier a balance stands for, and what a change of balance means for a membership. Pure."""

from collections.abc import Iterable

from tallybook.domain.config import Tier


def tier_at(balance: int, tiers: Iterable[Tier]) -> Tier | None:
    """The tier whose range holds `balance`; the one that starts highest where ranges overlap; None outside all of them."""
    held = [tier for tier in tiers if tier.points_from <= balance and (tier.points_to is None or balance <= tier.points_to)]
    return max(held, key=lambda tier: tier.points_from, default=None)


def change_between(old: Tier | None, new: Tier | None) -> str | None:
    """The last word of the tier event that leads from `old` to `new`; None when nothing changes (semantics 5.4)."""
    if old is None:
        return None if new is None else "joined"
    if new is None:
        return "left"
    if new.id == old.id:
        return None
    return "upgraded" if new.points_from > old.points_from else "downgraded"
