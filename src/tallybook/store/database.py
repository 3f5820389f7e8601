"""Connections: one that writes, for the engine, and a small pool that only reads."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, QueuePool

from tallybook.store.driver import begin
from tallybook.store.sql_functions import local_day_in_python

__all__ = [
    "REACHABLE",
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
    "hang_up",
    "lost_to_others",
    "ping",
    "shown_url",
]

READERS = 4
"""Requests and jobs that read at a time, beside the engine."""
SPARE_READERS = 2
"""Connections more, so that keys can be looked up while all readers are busy."""
READER_CACHE_KB = 4_096
WRITER_CACHE_KB = 16_384
"""Page cache of a SQLite connection. The kernel keeps what does not fit: four times as much was no faster."""
LOG_PAGES = 12_000
"""Pages in SQLite's write-ahead log at which it should begin anew (store/checkpoints.py)."""
MOST_LOG_PAGES = 32_000
"""Pages at which each commit tries to make it, whoever waits."""
BUSY_MS = 10_000
"""How long a SQLite connection waits for another's lock."""
SQLITE: dict[str, Any] = {"check_same_thread": False, "timeout": BUSY_MS / 1000, "cached_statements": 512}

CONNECT_SECONDS = 2
"""How long PostgreSQL may take to accept a connection (the least that its library allows)."""
REACHABLE: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""After some 25 seconds without a sign of life a connection to PostgreSQL is given up, whatever it was doing. Texts are sent as
UTF-8, whatever the database stores them in and the environment says."""
READING = r"-c default_transaction_isolation=repeatable\ read -c default_transaction_read_only=on"
"""One moment for all queries of one reading: a list and its total, a card and its lots agree. SQLite does it unasked."""
IN_BATCHES = "-c lock_timeout=2s -c statement_timeout=20s -c idle_in_transaction_session_timeout=20s"
"""What the engine's transactions may take, as everybody waits for them: for others' locks, for a statement, and (as the
database sees it, which frees the customers that a standing worker holds) between two statements."""
BY_KEYS = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
"""The engine looks rows up by their keys and no more: each of its statements is planned once, and through an index. A planner
that has just seen an empty table has it read as a whole, in each batch anew (docs/performance.md)."""
BY_VALUES = "-c plan_cache_mode=force_custom_plan"
"""What reads beside the engine asks for much or for little: each time it is planned for what it asks."""


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
        self.writer = self._engine(NullPool)
        self.batches = self.writer if self.is_sqlite else self._engine(NullPool, f"{IN_BATCHES} {BY_KEYS}")
        self.readers = self._engine(QueuePool, f"{READING} {BY_VALUES}")

    def _engine(self, pool: type[Any], said: str = "") -> Engine:
        # Errors are logged, and must not carry what customers said.
        options: dict[str, Any] = {"hide_parameters": True} | (
            {} if pool is NullPool else {"pool_size": READERS + SPARE_READERS, "max_overflow": 0, "pool_timeout": 5}
        )
        if self.is_sqlite:
            engine = create_engine(self.url, poolclass=pool, connect_args=SQLITE, **options)
            _prepare_sqlite(engine, read_only=pool is not NullPool)
        else:
            arguments = REACHABLE | {
                "options": f"-c timezone=UTC -c jit=off {said}",  # compiling takes longer than they do
                "prepare_threshold": None,  # store/libpq.py keeps statements, which the driver would throw away with its own
            }
            engine = create_engine(
                self.url, poolclass=pool, pool_pre_ping=pool is not NullPool, connect_args=arguments, **options
            )
        return engine

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    def wal_bytes(self) -> int:
        """The size of SQLite's write-ahead log; 0 on PostgreSQL, whose log is that of all its databases."""
        log = self.path and self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log is not None and log.exists() else 0

    @staticmethod
    def checkpoint(connection: Connection) -> int:
        """Moves what was committed from SQLite's write-ahead log into its file, as far as nobody reads in the log.

        Gives the pages that the log has. `connection` is in no transaction, which would keep the engine from its own.
        """
        driver: Any = connection.connection.driver_connection
        _, pages, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return int(pages)

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
        for connections in (self.writer, self.batches, self.readers):
            connections.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads, in one short transaction."""
        with self.readers.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

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
            f"wal_autocheckpoint={MOST_LOG_PAGES}",
            f"cache_size=-{READER_CACHE_KB if read_only else WRITER_CACHE_KB}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("tallybook_local_day", 2, local_day_in_python, deterministic=True)
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        begin(connection, "BEGIN" if read_only else "BEGIN IMMEDIATE")


def hang_up(connection: Connection) -> None:
    """Cuts a connection to PostgreSQL that another thread waits on: that one's statement fails at once. SQLite is not away."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def lost_to_others(wrong: Exception) -> bool:
    """Whether a transaction of PostgreSQL had to give way: a deadlock, or a lock that was not given in time."""
    state = getattr(getattr(wrong, "orig", None), "sqlstate", None) or ""
    return state.startswith("40") or state == "55P03"


def shown_url(url: str) -> str:
    """A database's URL as it may be shown: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def ping(connection: Connection) -> None:
    """Raises when the database does not answer."""
    connection.execute(text("SELECT 1"))
