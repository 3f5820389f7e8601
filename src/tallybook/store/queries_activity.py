"""Reads of what happened to a customer: events with the occurrences that made them."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, Select, func, select

from tallybook.domain.records import Event, Occurrence
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.queries import ALWAYS, Span
from tallybook.store.tables import cards, events, occurrences

_event, _occurrence = mapping(Event), mapping(Occurrence)


class WantedEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of these names; of a card; of the customer's cards in a campaign; in a span whose ends are included."""

    names: Collection[str]
    card_id: str | None = None
    campaign_id: str | None = None
    with_card: bool = False
    """Only those that speak of a card."""
    during: Span = ALWAYS


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """How many events, from where on: behind the one of an id, or behind an instant."""

    limit: int = 10
    newest_first: bool = True
    after_id: str | None = None
    behind: Span = ALWAYS


Told = tuple[Event, Occurrence]


def list_events(connection: Connection, customer_id: str, wanted: WantedEvents, part: Stretch) -> tuple[list[Told], bool]:
    """A stretch of a customer's events in the order of their ids, and whether there is more."""
    c = events.c
    statement = _wanted(select(*_event.columns), customer_id, wanted)
    if part.after_id is not None:
        statement = statement.where(c.id < part.after_id if part.newest_first else c.id > part.after_id)
    if part.behind.after is not None:
        statement = statement.where(c.created_at > to_ms(part.behind.after))
    if part.behind.before is not None:
        statement = statement.where(c.created_at < to_ms(part.behind.before))
    ordered = statement.order_by(c.id.desc() if part.newest_first else c.id.asc()).limit(part.limit + 1)
    found = [_event.record(row) for row in connection.execute(ordered)]
    shown = found[: part.limit]
    groups = {one.occurrence_id for one in shown}
    rows = connection.execute(select(*_occurrence.columns).where(occurrences.c.id.in_(groups)))
    made = {row[0]: _occurrence.record(row) for row in rows}
    return [(one, made[one.occurrence_id]) for one in shown], len(found) > part.limit


def count_events(connection: Connection, customer_id: str, wanted: WantedEvents) -> int:
    """How many events of a customer there are."""
    return connection.scalar(_wanted(select(func.count()), customer_id, wanted).select_from(events)) or 0


def _wanted(statement: "Select[tuple[int]]", customer_id: str, wanted: WantedEvents) -> "Select[tuple[int]]":
    c = events.c
    statement = statement.where(c.customer_id == customer_id, c.name.in_(sorted(wanted.names)))
    if wanted.card_id is not None:
        statement = statement.where(c.card_id == wanted.card_id)
    if wanted.campaign_id is not None:
        own = select(cards.c.id).where(cards.c.customer_id == customer_id, cards.c.campaign_id == wanted.campaign_id)
        statement = statement.where(c.card_id.in_(own))
    if wanted.with_card:
        statement = statement.where(c.card_id.is_not(None))
    if wanted.during.after is not None:
        statement = statement.where(c.created_at >= to_ms(wanted.during.after))
    if wanted.during.before is not None:
        statement = statement.where(c.created_at <= to_ms(wanted.during.before))
    return statement
