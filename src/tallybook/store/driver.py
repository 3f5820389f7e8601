"""Statements that SQLAlchemy words and the driver runs.

SQLAlchemy takes a fifth of a millisecond to run a statement, whatever it says, and a batch has thirty of them. So those of every
batch are worded once, and given to the driver as text (docs/performance.md).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, Delete, Insert, LargeBinary, Update, func, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError

Query = Any
"""A Select, or several joined by UNION. One that is made once: the text of each is kept."""
Write = Insert | Update | Delete
TEXTS = 512
"""So many are kept: more than there are."""

_CURSOR = "tallybook.cursor"
_ROWS = msgspec.json.Decoder(list[list[Any]])
_DIALECTS: dict[bool, Any] = {True: SQLiteDialect_pysqlite(paramstyle="named"), False: PGDialect_psycopg()}  # type: ignore[no-untyped-call]


def all_rows(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """All rows of a query, whose columns are texts, integers and nulls.

    SQLite is asked for them as one JSON text: its driver lets go of the interpreter for each row, and has to win it back from
    the event loop.
    """
    if connection.dialect.name != "sqlite":
        text, constants = _worded(query, sqlite=False)
        rows: Sequence[Sequence[Any]] = execute(
            connection, text, {**constants, **parameters}, cursor=_kept_cursor(connection)
        ).fetchall()
        return rows
    text, constants = _worded_as_json(query)
    (found,) = execute(connection, text, {**constants, **parameters}).fetchone()
    return _ROWS.decode(found)


def rows_later(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> Callable[[], Sequence[Sequence[Any]]]:
    """All rows of a query, to be asked when all that is done `together` is sent."""
    if connection.dialect.name == "sqlite":
        found = all_rows(connection, query, parameters)
        return lambda: found
    text, constants = _worded(query, sqlite=False)
    rows: Callable[[], Sequence[Sequence[Any]]] = execute(connection, text, {**constants, **parameters}).fetchall
    return rows


def all_values(connection: Connection, query: Query, parameters: Mapping[str, Any]) -> list[Any]:
    """The only column of a query."""
    return [row[0] for row in all_rows(connection, query, parameters)]


def run(connection: Connection, statement: Write, parameters: Mapping[str, Any]) -> int:
    """How many rows a statement wrote."""
    text, constants = _worded(statement, sqlite=connection.dialect.name == "sqlite")
    count: int = execute(connection, text, {**constants, **parameters}).rowcount
    return count


def execute(connection: Connection, text: str, values: Mapping[str, Any] | Sequence[Any], cursor: Any = None) -> Any:
    """The driver's cursor, a new one or this one, which ran a text in the transaction of the connection.

    Raises SQLAlchemy's errors.
    """
    driver = _driver(connection)
    try:
        return (cursor or driver).execute(text, values)
    except (sqlite3.Error, psycopg.Error) as wrong:
        raise _as_sqlalchemys(wrong, driver) from wrong


def begin(connection: Connection, words: str) -> None:
    """Begins a transaction of SQLite. Raises SQLAlchemy's errors."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(words)
    except sqlite3.Error as wrong:
        raise _as_sqlalchemys(wrong, driver) from wrong


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Statements whose answers nobody needs before the end: PostgreSQL is sent all of them without waiting for each.

    What went wrong may be raised only at the end, and the cursors are to be asked after it. Raises SQLAlchemy's errors.
    """
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection):
        yield
        return
    try:
        with driver.pipeline():
            yield
    except psycopg.Error as wrong:
        raise _as_sqlalchemys(wrong, driver) from wrong


def _kept_cursor(connection: Connection) -> Any:
    """The cursor that a connection to PostgreSQL keeps for questions whose answers are taken at once."""
    if _CURSOR not in connection.info:
        connection.info[_CURSOR] = _driver(connection).cursor()
    return connection.info[_CURSOR]


def _driver(connection: Connection) -> Any:
    assert connection.in_transaction()  # SQLAlchemy begins one for its own statements only
    return connection.connection.driver_connection


def _as_sqlalchemys(wrong: sqlite3.Error | psycopg.Error, driver: Any) -> Exception:
    base, closed = (psycopg.Error, driver.closed) if isinstance(wrong, psycopg.Error) else (sqlite3.Error, False)
    return DBAPIError.instance("rows", None, wrong, base, hide_parameters=True, connection_invalidated=closed)


@lru_cache(TEXTS)
def _worded(statement: Any, *, sqlite: bool) -> tuple[str, dict[str, Any]]:
    """The text, and the values that are always the same."""
    compiled = statement.compile(dialect=_DIALECTS[sqlite])
    return compiled.string, {name: value for name, value in compiled.params.items() if value is not None}


@lru_cache(TEXTS)
def _worded_as_json(query: Query) -> tuple[str, dict[str, Any]]:
    rows = query.subquery()
    assert not any(isinstance(column.type, LargeBinary) for column in rows.c), "JSON has no bytes"
    return _worded(select(func.json_group_array(func.json_array(*rows.c))), sqlite=True)
