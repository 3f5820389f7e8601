"""Forgets what is kept for a while only: answers of idempotency keys, and send-outs that came to an end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from tallybook.clock import monotonic
from tallybook.engine.engine import Engine
from tallybook.store.database import Database
from tallybook.store.retention import forget_receipts, forget_send_outs, oldest_finished, oldest_receipt

log = structlog.get_logger()

NAME = "retention"
SLICE = 500
"""Rows of a kind deleted in one batch of the engine."""
REST = 3
"""After a slice it rests for so many times as long as that took: requests always have most of the engine."""
ROUND = timedelta(hours=1)
"""What is old enough waits so long for more of its kind, so that a quiet server is not woken for every row."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept, in real time, whatever clock a project has. They go up to `ROUND` later."""

    receipts: timedelta
    send_outs: timedelta


class Retention:
    """Resumable, and harmless when two workers do it: what is old is looked up each time."""

    def __init__(self, database: Database, engine: Engine, kept: Kept) -> None:
        self._database = database
        self._engine = engine
        self._kept = kept
        self._under_way = False
        self._rests_until: datetime | None = None

    def next_due(self, now: datetime, /) -> datetime | None:
        """When the oldest has been old enough for a while; in a round that is under way, at the end of the rest."""
        if self._rests_until is not None and now < self._rests_until:
            return self._rests_until
        with self._database.reading() as connection:
            receipt, send_out = oldest_receipt(connection), oldest_finished(connection)
        ends = [receipt and receipt + self._kept.receipts, send_out and send_out + self._kept.send_outs]
        patience = timedelta() if self._under_way else ROUND
        return min((end + patience for end in ends if end), default=None)

    def run_slice(self, now: datetime, /) -> bool:
        """Deletes some of what is old; false, for then it rests."""
        began = monotonic()
        receipts = self._engine.errand(lambda connection: forget_receipts(connection, now - self._kept.receipts, SLICE))
        send_outs = self._engine.errand(lambda connection: forget_send_outs(connection, now - self._kept.send_outs, SLICE))
        self._under_way = SLICE in (receipts, send_outs)
        self._rests_until = now + (1 + REST) * timedelta(seconds=monotonic() - began)
        log.debug("forgotten", receipts=receipts, send_outs=send_outs)
        return False
