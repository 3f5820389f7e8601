"""What may be forgotten: kept answers that are no longer promised, and send-outs that came to an end long ago.

Nothing else ever is: the ledger, the events and what they speak of stay for ever.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from tallybook.store.among import Among
from tallybook.store.mapping import from_ms, to_ms
from tallybook.store.tables import attempts, receipts, send_outs

_FINISHED = text("state <> 'WAITING'")
"""As the index says it: a bound value would hide it from the planner."""


def oldest_receipt(connection: Connection) -> datetime | None:
    """When the oldest answer was kept."""
    c = receipts.c
    ms = connection.scalar(select(c.created_at).order_by(c.created_at).limit(1))
    return None if ms is None else from_ms(ms)


def oldest_finished(connection: Connection) -> datetime | None:
    """When the send-out that came to its end (delivered, failed, canceled) the longest time ago was last due."""
    c = send_outs.c
    ms = connection.scalar(select(c.next_attempt_at).where(_FINISHED).order_by(c.next_attempt_at).limit(1))
    return None if ms is None else from_ms(ms)


def forget_receipts(connection: Connection, before: datetime, most: int) -> int:
    """Deletes so many at most of the answers kept before that instant, the oldest first; how many."""
    c = receipts.c
    old = select(c.id).where(c.created_at < to_ms(before)).order_by(c.created_at).limit(most)
    return connection.execute(delete(receipts).where(c.id.in_(old))).rowcount


def forget_send_outs(connection: Connection, before: datetime, most: int) -> int:
    """Deletes so many at most of the finished send-outs last due before that instant, with their attempts; how many."""
    c = send_outs.c
    old = select(c.id).where(_FINISHED, c.next_attempt_at < to_ms(before)).order_by(c.next_attempt_at).limit(most)
    found = list(connection.scalars(old))
    if found:
        among = Among(sqlite=connection.dialect.name == "sqlite")
        for table, column in ((attempts, attempts.c.send_out_id), (send_outs, c.id)):
            connection.execute(delete(table).where(among(column)), {"keys": among.keys(found)})
    return len(found)
