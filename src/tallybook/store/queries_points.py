"""Reads about points that wait and points that expire."""

from datetime import date

from sqlalchemy import Connection, func, select

from tallybook.domain.records import Lot, PendingEntry
from tallybook.store.mapping import mapping
from tallybook.store.tables import lots, pending_entries

_entry, _lot = mapping(PendingEntry), mapping(Lot)


def list_entries(
    connection: Connection,
    project_id: str,
    *,
    card_id: str | None = None,
    campaign_id: str | None = None,
    newest_first: bool = True,
    starting_after_id: str | None = None,
    limit: int = 10,
) -> tuple[list[PendingEntry], bool]:
    """A stretch of the entries that are PENDING, in the order of their ids (their activation), and whether there is more."""
    c = pending_entries.c
    statement = select(*_entry.columns).where(c.project_id == project_id, c.status == "PENDING")
    if card_id is not None:
        statement = statement.where(c.card_id == card_id)
    if campaign_id is not None:
        statement = statement.where(c.campaign_id == campaign_id)
    if starting_after_id is not None:
        statement = statement.where(c.id < starting_after_id if newest_first else c.id > starting_after_id)
    ordered = statement.order_by(c.id.desc() if newest_first else c.id.asc()).limit(limit + 1)
    found = [_entry.record(row) for row in connection.execute(ordered)]
    return found[:limit], len(found) > limit


def list_lots(connection: Connection, card_id: str, limit: int, page: int) -> tuple[list[Lot], int]:
    """A page of the ACTIVE lots of a card, the one that expires first in front, and how many there are."""
    own = (lots.c.card_id == card_id) & (lots.c.status == "ACTIVE")
    ordered = select(*_lot.columns).where(own).order_by(lots.c.expires_on, lots.c.id).limit(limit).offset((page - 1) * limit)
    total = connection.scalar(select(func.count()).select_from(lots).where(own)) or 0
    return [_lot.record(row) for row in connection.execute(ordered)], total


def customers_due(connection: Connection, project_id: str, today: date, limit: int) -> list[str]:
    """Customers of whom something is due by today and not done, so many at most."""
    c = pending_entries.c
    due = (c.project_id == project_id) & (c.status == "PENDING") & (c.activates_on <= today.isoformat())
    return list(connection.scalars(select(c.customer_id).where(due).distinct().limit(limit)))


def next_due_day(connection: Connection, project_id: str) -> date | None:
    """The earliest day on which something of this project is due."""
    c = pending_entries.c
    found = connection.scalar(select(func.min(c.activates_on)).where(c.project_id == project_id, c.status == "PENDING"))
    return None if found is None else date.fromisoformat(found)
