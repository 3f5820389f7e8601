"""Statements that SQLAlchemy words and the driver runs.

SQLAlchemy takes a fifth of a millisecond to run a statement, whatever it says, and a batch has thirty of them. So those of every
batch are worded once, and given to the driver as text (docs/performance.md).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import psycopg
from sqlalchemy import Connection, Delete, Insert, LargeBinary, Update, func, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError

from tallybook.store.libpq import COMMIT, Line

Query = Any
"""A Select, or several joined by UNION. One that is made once: the text of each is kept."""
Write = Insert | Update | Delete
TEXTS = 512
"""So many are kept: more than there are."""

_LINE = "tallybook.line"
_ROWS = msgspec.json.Decoder(list[list[Any]])
_DIALECTS: dict[bool, Any] = {
    True: SQLiteDialect_pysqlite(paramstyle="named"),
    False: PGDialect_psycopg(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
}


class Conflict(Exception):
    """Somebody else changed what this transaction had read: it has to be read and decided again."""


class Worded(NamedTuple):
    """The text of a statement, the values that are always the same, and for PostgreSQL whose value each `$n` is."""

    text: str
    constants: dict[str, Any]
    order: list[str]

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """See `execute`."""
        values = {**self.constants, **parameters}
        return execute(connection, self.text, [values[name] for name in self.order] if self.order else values)


def all_rows(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """All rows of a query, whose columns are texts, integers and nulls.

    SQLite is asked for them as one JSON text: its driver lets go of the interpreter for each row, and has to win it back from
    the event loop.
    """
    return rows_later(connection, query, parameters)()


def rows_later(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> Callable[[], Sequence[Sequence[Any]]]:
    """All rows of a query, to be asked when all that is done `together` was sent."""
    if connection.dialect.name == "sqlite":
        (found,) = _worded_as_json(query).run(connection, parameters).fetchone()
        return lambda: _ROWS.decode(found)
    rows: Callable[[], Sequence[Sequence[Any]]] = _worded(query, sqlite=False).run(connection, parameters).fetchall
    return rows


def all_values(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> list[Any]:
    """The only column of a query."""
    return [row[0] for row in all_rows(connection, query, parameters)]


def run(connection: Connection, statement: Write, parameters: Mapping[str, Any]) -> None:
    """Runs a statement that writes."""
    _worded(statement, sqlite=connection.dialect.name == "sqlite").run(connection, parameters)


def execute(connection: Connection, text: str, values: Mapping[str, Any] | Sequence[Any]) -> Any:
    """What came of a text that is run in the transaction of the connection: a cursor of SQLite, or PostgreSQL's answer.

    Raises SQLAlchemy's errors.
    """
    driver = _driver(connection)
    runner: Any = driver if isinstance(driver, sqlite3.Connection) else _line(connection)
    with _translated(driver):
        return runner.execute(text, values)


def begin(connection: Connection, words: str) -> None:
    """Begins a transaction of SQLite. Raises SQLAlchemy's errors."""
    driver: Any = connection.connection.driver_connection
    with _translated(driver):
        driver.execute(words)


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Statements whose answers nobody needs before the end: PostgreSQL is sent all of them without waiting for each.

    What went wrong may be raised only at the end, and what came of them is to be asked after it. Raises SQLAlchemy's errors,
    and Conflict.
    """
    with ahead(connection):
        yield
    arrive(connection)


@contextmanager
def ahead(connection: Connection) -> Iterator[None]:
    """Statements that PostgreSQL is sent, all of them, and works on by itself: what came of them is known when they `arrive`.

    SQLite runs them at once. Raises SQLAlchemy's errors, and Conflict.
    """
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection):
        yield
        return
    with _translated(driver), _line(connection).ahead():
        yield


def arrive(connection: Connection) -> None:
    """Waits for what was sent `ahead`, and raises what went wrong with it: SQLAlchemy's errors, or Conflict."""
    driver = _driver(connection)
    if isinstance(driver, psycopg.Connection):
        with _translated(driver):
            _line(connection).arrive()


def commit_behind(connection: Connection) -> None:
    """Has PostgreSQL commit, unless something that was sent before goes wrong. SQLite commits when its transaction is told to."""
    if not isinstance(_driver(connection), sqlite3.Connection):
        _line(connection).execute(COMMIT, ())


def all_or_conflict(keys: str) -> str:
    """In the words of PostgreSQL: a value over what was found of an array of keys, of which a Conflict comes unless it was all.

    PostgreSQL itself has to see it where a transaction is sent as a whole, its commit included.
    """
    return f"1 / (count(*) = cardinality({keys}))::int"


def _line(connection: Connection) -> Line:
    """The line that a connection to PostgreSQL keeps for as long as it lives."""
    line: Line | None = connection.info.get(_LINE)
    if line is None:
        line = connection.info[_LINE] = Line(_driver(connection))
    return line


def _driver(connection: Connection) -> Any:
    assert connection.in_transaction()  # SQLAlchemy begins one for its own statements only
    return connection.connection.driver_connection


@contextmanager
def _translated(driver: Any) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, psycopg.Error) as wrong:
        if isinstance(wrong, psycopg.errors.DivisionByZero):
            raise Conflict from wrong
        base, closed = (psycopg.Error, driver.closed) if isinstance(wrong, psycopg.Error) else (sqlite3.Error, False)
        raise DBAPIError.instance("rows", None, wrong, base, hide_parameters=True, connection_invalidated=closed) from wrong


@lru_cache(TEXTS)
def _worded(statement: Any, *, sqlite: bool) -> Worded:
    compiled = statement.compile(dialect=_DIALECTS[sqlite])
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Worded(compiled.string, constants, compiled.positiontup or [])


@lru_cache(TEXTS)
def _worded_as_json(query: Query) -> Worded:
    rows = query.subquery()
    assert not any(isinstance(column.type, LargeBinary) for column in rows.c), "JSON has no bytes"
    return _worded(select(func.json_group_array(func.json_array(*rows.c))), sqlite=True)
