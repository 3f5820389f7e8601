"""Moves what was committed from SQLite's write-ahead log into its file, beside the engine.

SQLite's own way is that now and then a commit does this for all before it, and everybody waits. Here a thread does nearly all of
it; the commit that finds the log too long has little left to move, and the log begins anew.
"""

import sqlite3
import threading

import structlog
from sqlalchemy.exc import DBAPIError

from tallybook.store.database import Database

log = structlog.get_logger()

PAUSE_SECONDS = 0.25
"""Between two of them: pages that change often are moved once for all that happened meanwhile."""


class Checkpoints:
    """A thread that sleeps until something is committed. For SQLite; PostgreSQL has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._committed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begins to work."""
        if self._database.is_sqlite:
            self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Ends; the last connection to be closed moves the rest."""
        self._ended.set()
        self._committed.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def wake(self) -> None:
        """Something was committed. Returns at once."""
        if not self._committed.is_set():
            self._committed.set()

    def _run(self) -> None:
        while True:
            self._committed.wait()
            if self._ended.wait(PAUSE_SECONDS):
                return
            self._committed.clear()
            try:
                self._database.checkpoint()
            except (DBAPIError, sqlite3.Error) as failed:  # a full disk, of which commits will complain too
                log.warning("checkpoint_failed", error=str(failed))
