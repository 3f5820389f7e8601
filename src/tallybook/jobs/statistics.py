"""Tells PostgreSQL's planner of tables that have grown.

A new table is taken to be so small that any index will do, and a statement that runs all day keeps that plan. The server counts
by itself after a minute; by then a shop that moves in has made a quadratic effort of its first ten thousand customers (docs/
performance.md).
"""

from datetime import datetime, timedelta

import structlog

from tallybook.store.database import Database
from tallybook.store.statistics import count_anew, grown_tables

log = structlog.get_logger()

NAME = "statistics"
LOOK = timedelta(seconds=2)
"""How often the sizes are looked at: one small query."""


class Statistics:
    """Harmless when two workers do it: each table is looked at once more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._grown: list[str] = []

    def next_due(self, now: datetime, /) -> datetime | None:
        """Now when a table has grown much, else after a pause."""
        with self._database.reading() as connection:
            self._grown = grown_tables(connection)
        return now if self._grown else now + LOOK

    def run_slice(self, _: datetime, /) -> bool:
        """Counts what has grown."""
        for table in self._grown:
            with self._database.writing() as connection:
                count_anew(connection, table)
        log.debug("tables_counted", tables=self._grown)
        return False
