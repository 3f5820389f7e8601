"""The midnight sweep: settles those who are due and whom nobody touched. All it does is touch them."""

from collections.abc import Callable
from datetime import datetime

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

SLICE = 200
"""Customers settled at a time."""


class Midnight:
    """Resumable and idempotent: what is due is read from the book each time, and a settled customer is not due."""

    def __init__(self, database: Database, engine: Engine, ids: Ids, real_now: Callable[[], datetime]) -> None:
        self._database = database
        self._engine = engine
        self._real_now = real_now
        self._reader = BookReader(sqlite=database.is_sqlite, ids=ids)

    def sweep(self, project_id: str) -> None:
        """Settles everybody of a project who is due now."""
        while self._settle_some(project_id):
            pass

    def next_due(self, _: datetime) -> datetime | None:
        """When the next local day begins on which something is due, over all projects that run on real time."""
        found = []
        with self._database.reading() as connection:
            configurations = self._reader.configurations(connection, project_ids(connection))
            for configuration in configurations.values():
                day = queries_points.next_due_day(connection, configuration.project.id)
                if day is not None and configuration.project.test_now is None:
                    found.append(midnight(day, configuration))
        return min(found, default=None)

    def run_slice(self, now: datetime) -> bool:
        """Settles some who are due, in the projects that run on real time; whether there may be more."""
        with self._database.reading() as connection:
            configurations = self._reader.configurations(connection, project_ids(connection))
        running = [key for key, one in configurations.items() if one.project.test_now is None]
        settled = [self._settle_some(project_id) for project_id in running]
        return any(settled)

    def _settle_some(self, project_id: str) -> bool:
        with self._database.reading() as connection:
            configuration = self._reader.configurations(connection, [project_id])[project_id]
            today = local_date(configuration.project.test_now or self._real_now(), configuration.zone)
            due = queries_points.customers_due(connection, project_id, today, SLICE)
        if not due:
            return False
        answers = self._engine.do_all([SettleCustomer(project_id=project_id, customer_id=one) for one in due])
        failed = [str(answer) for answer in answers if isinstance(answer, Exception)]
        if failed:
            log.error("sweep_failed", project=project_id, customers=len(failed), first=failed[0])
        return not failed
