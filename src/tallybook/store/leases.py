"""Leases: one worker at a time does a job. Each new holder gets a higher fence, by which an old one is found out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from tallybook.store.mapping import to_ms
from tallybook.store.tables import leases
from tallybook.store.write_facts import postgres_insert, sqlite_insert


def take_lease(connection: Connection, name: str, owner: str, now: datetime, until: datetime) -> int | None:
    """Makes `owner` the holder until then and gives the fence; None when somebody else holds it. Its holder prolongs it so."""
    make: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgres_insert
    c = leases.c
    connection.execute(make(leases).values(name=name, owner="", until=0, fence=0).on_conflict_do_nothing())
    prolonged = connection.execute(update(leases).where(c.name == name, c.owner == owner).values(until=to_ms(until)))
    if not prolonged.rowcount:
        taken = connection.execute(
            update(leases)
            .where(c.name == name, or_(c.owner == "", c.until < to_ms(now)))
            .values(owner=owner, until=to_ms(until), fence=c.fence + 1)
        )
        if not taken.rowcount:
            return None
    return connection.scalar(select(c.fence).where(c.name == name))


def drop_lease(connection: Connection, name: str, owner: str) -> None:
    """Gives a lease back."""
    connection.execute(update(leases).where(leases.c.name == name, leases.c.owner == owner).values(owner="", until=0))
