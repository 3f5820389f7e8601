"""Connections: one that writes, for the engine, and a small pool that only reads."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, QueuePool

from tallybook.store.sql_functions import local_day_in_python

__all__ = [
    "READERS",
    "SPARE_READERS",
    "AlreadyServed",
    "Connection",
    "DBAPIError",
    "DataError",
    "Database",
    "IntegrityError",
    "PoolTimeout",
    "SQLAlchemyError",
    "ping",
    "shown_url",
]

READERS = 4
"""Requests and jobs that read at a time, beside the engine."""
SPARE_READERS = 2
"""Connections more, so that keys can be looked up while all readers are busy."""
READER_CACHE_KB = 4_096
WRITER_CACHE_KB = 65_536
"""Page cache of a SQLite connection."""
BUSY_MS = 10_000
"""How long a SQLite connection waits for another's lock."""


class AlreadyServed(Exception):
    """Another process serves this database file; SQLite has exactly one engine."""


class Database:
    """A place where a book is kept: SQLite (one process writes) or PostgreSQL (any number of workers)."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            self.url = self.url.set(drivername="postgresql+psycopg")
        self._lock: TextIO | None = None
        self.writer = self._engine(NullPool, read_only=False)
        self.readers = self._engine(QueuePool, read_only=True)

    def _engine(self, pool: type[Any], *, read_only: bool) -> Engine:
        # Errors are logged, and must not carry what customers said.
        options: dict[str, Any] = {"hide_parameters": True} | (
            {} if pool is NullPool else {"pool_size": READERS + SPARE_READERS, "max_overflow": 0, "pool_timeout": 5}
        )
        if self.is_sqlite:
            engine = create_engine(
                self.url, poolclass=pool, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **options
            )
            _prepare_sqlite(engine, read_only=read_only)
        else:
            isolation = {"connect_args": {"options": "-c timezone=UTC", "connect_timeout": 5}}
            engine = create_engine(self.url, poolclass=pool, pool_pre_ping=pool is not NullPool, **isolation, **options)
        return engine

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    def wal_bytes(self) -> int:
        """The size of SQLite's write-ahead log; 0 on PostgreSQL, whose log is that of all its databases."""
        log = self.path and self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log is not None and log.exists() else 0

    def lock(self) -> None:
        """Makes this process the one that writes a SQLite file; PostgreSQL needs none. Refuses: AlreadyServed."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = (self.path.parent / (self.path.name + ".lock")).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip()
            raise AlreadyServed(f"{self.path} is served by another Tallybook (process {holder}). Stop it first.") from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def close(self) -> None:
        """Closes every connection and gives the lock back."""
        self.writer.dispose()
        self.readers.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads, in one short transaction."""
        with self.readers.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that writes, in one transaction: for what runs before the engine does, and for the CLI."""
        with self.writer.connect() as connection, connection.begin():
            yield connection


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=OFF",
            "temp_store=MEMORY",
            f"cache_size=-{READER_CACHE_KB if read_only else WRITER_CACHE_KB}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("tallybook_local_day", 2, local_day_in_python, deterministic=True)
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def shown_url(url: str) -> str:
    """A database's URL as it may be shown: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def ping(connection: Connection) -> None:
    """Raises when the database does not answer."""
    connection.execute(text("SELECT 1"))
