"""Moves what was committed from SQLite's write-ahead log into its file, beside the engine.

SQLite's own way is that a commit which finds the log too long does this for all before it, and everybody waits; and as the log
begins anew only where nothing of it is left to move, the next commit finds it too long as well. Here a thread moves nearly all of
it. When the log is long, the engine moves the little that is left between two of its batches, and the next one begins it anew.
"""

import sqlite3
import threading
from contextlib import suppress

import structlog
from sqlalchemy.exc import DBAPIError

from tallybook.store.database import LOG_PAGES, Connection, Database

log = structlog.get_logger()

PAUSE_SECONDS = 0.25
"""Between two of them: pages that change often are moved once for all that happened meanwhile."""


class Checkpoints:
    """A thread that sleeps until something is committed. For SQLite; PostgreSQL has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._turn = threading.Lock()
        self._little_is_left = False
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
        if self._turn.acquire(timeout=seconds):  # else the disk stands still: the process ends all the same
            self._disconnect()
            self._turn.release()

    def committed(self) -> None:
        """Something was committed, and nobody writes until this returns: at once, or when a long log is at its end."""
        if self._little_is_left and self._turn.acquire(blocking=False):
            try:
                self._little_is_left = False  # if a reader stands in the way: until the thread has looked again
                self._move()
            finally:
                self._turn.release()
        if not self._committed.is_set():
            self._committed.set()

    def _run(self) -> None:
        while True:
            self._committed.wait()
            if self._ended.wait(PAUSE_SECONDS):
                return
            self._committed.clear()
            with self._turn:
                if self._move() >= LOG_PAGES:
                    self._little_is_left = self._move() >= LOG_PAGES  # the second has only what was committed during the first

    def _move(self) -> int:
        """Moves what no reader needs in the log; how many pages the log has."""
        try:
            if self._connection is None:
                self._connection = self._database.writer.connect()
            return self._database.checkpoint(self._connection)
        except (DBAPIError, sqlite3.Error) as failed:  # a full disk, of which commits will complain too
            log.warning("checkpoint_failed", error=str(failed))
            self._disconnect()
            return 0

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError, sqlite3.Error):
                self._connection.close()
            self._connection = None
