"""The midnight sweep: settles those who are due and whom nobody touched. All it does is touch them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from tallybook.domain.dates import local_date
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.store import queries_points
from tallybook.store.database import Database
from tallybook.store.projects import project_ids
from tallybook.store.read_book import BookReader
from tallybook.usecases.settle import SettleCustomer, midnight

log = structlog.get_logger()

NAME = "midnight"
SLICE = 200
"""Customers settled at a time."""


@dataclass
class _Round:
    """One pass over those who are due in a project: whom it settled last, and who was due even so."""

    project_id: str
    last: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)


class Midnight:
    """Resumable and idempotent: what is due is read from the book each time, and a settled customer is not due.

    A customer whom settling does not help is passed over, and tried again in the next round.
    """

    def __init__(self, database: Database, engine: Engine, ids: Ids, real_now: Callable[[], datetime]) -> None:
        self._database = database
        self._engine = engine
        self._real_now = real_now
        self._reader = BookReader(sqlite=database.is_sqlite, ids=ids)
        self._rounds: dict[str, _Round] = {}

    def sweep(self, project_id: str) -> None:
        """Settles everybody of a project who is due now."""
        one = _Round(project_id)
        while self._settle_some(one):
            pass

    def next_due(self, _: datetime, /) -> datetime | None:
        """When the next local day begins on which something is due, over all projects that run on real time."""
        found = []
        with self._database.reading() as connection:
            configurations = self._reader.configurations(connection, project_ids(connection))
            for configuration in configurations.values():
                day = queries_points.next_due_day(connection, configuration.project.id)
                if day is not None and configuration.project.test_now is None:
                    found.append(midnight(day, configuration))
        return min(found, default=None)

    def lag(self, now: datetime) -> timedelta:
        """How long ago the day began whose due things are not settled yet; nothing when none is late."""
        due = self.next_due(now)
        return timedelta() if due is None else max(now - due, timedelta())

    def run_slice(self, _: datetime, /) -> bool:
        """Settles some who are due, in the projects that run on real time; whether there may be more."""
        with self._database.reading() as connection:
            configurations = self._reader.configurations(connection, project_ids(connection))
        running = [key for key, one in configurations.items() if one.project.test_now is None]
        unfinished = {key for key in running if self._settle_some(self._rounds.setdefault(key, _Round(key)))}
        self._rounds = {key: one for key, one in self._rounds.items() if key in unfinished}
        return bool(unfinished)

    def _settle_some(self, one: _Round) -> bool:
        found = self._due(one.project_id, SLICE + len(one.stuck))
        one.stuck |= one.last.intersection(found)
        due = [customer_id for customer_id in found if customer_id not in one.stuck][:SLICE]
        if due:
            one.last = set(due)
            answers = self._engine.do_all([SettleCustomer(project_id=one.project_id, customer_id=key) for key in due])
            if failed := [str(answer) for answer in answers if isinstance(answer, Exception)]:
                log.error("sweep_failed", project=one.project_id, customers=len(failed), first=failed[0])
        elif one.stuck:
            log.error("sweep_stuck", project=one.project_id, customers=len(one.stuck), first=min(one.stuck))
        return bool(due)

    def _due(self, project_id: str, most: int) -> list[str]:
        with self._database.reading() as connection:
            configuration = self._reader.configurations(connection, [project_id]).get(project_id)
            if configuration is None:
                return []
            today = local_date(configuration.project.test_now or self._real_now(), configuration.zone)
            return queries_points.customers_due(connection, project_id, today, most)
