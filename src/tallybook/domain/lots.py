"""Lots: points of one card that expire on the same day. Earliest first out; lots without a date last. Pure."""

from collections.abc import Iterable
from datetime import date

from tallybook.domain.records import NEVER, Lot


def in_order(lots: Iterable[Lot]) -> list[Lot]:
    """Lots in the order they are consumed: earliest `expires_on` first, undated last."""
    return sorted(lots, key=lambda lot: (lot.expires_on, lot.id))


def take(lots: Iterable[Lot], points: int) -> list[tuple[Lot, int]]:
    """Which lots a debit of `points` takes from, and how much of each. The caller has checked that they hold enough."""
    taken: list[tuple[Lot, int]] = []
    for lot in in_order(lots):
        if points == 0:
            break
        part = min(lot.points, points)
        if part:
            taken.append((lot, part))
            points -= part
    assert points == 0, "a debit larger than the lots of its card"
    return taken


def next_expiration(lots: Iterable[Lot]) -> tuple[date | None, int]:
    """The earliest date on which points of these lots expire, and how many; (None, 0) when none do. Empty lots are skipped."""
    dated = [lot for lot in lots if lot.points > 0 and lot.expires_on != NEVER and lot.status == "ACTIVE"]
    if not dated:
        return None, 0
    first = min(lot.expires_on for lot in dated)
    return first, sum(lot.points for lot in dated if lot.expires_on == first)
