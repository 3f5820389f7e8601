"""Many rows at once: the few hottest statements, written out for each database.

SQLAlchemy's processing of parameters costs more than the database does for rows this small (measured: docs/performance.md),
so rows are handed to the driver as tuples: to SQLite one by one in C, to PostgreSQL as a COPY, and as arrays for updates.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

import psycopg
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from tallybook.store.mapping import Mapping

Row = tuple[Any, ...]


class Rows(Protocol):
    """Writes rows whose values stand in the order of the mapping's names."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows. Raises IntegrityError when one is there already."""

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows, found by id and the version before; each row ends with that version. How many were found."""


class SqliteRows:
    """One prepared statement, run for all rows inside the driver."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        connection.exec_driver_sql(_sqlite_insert(mapping), list(rows))

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows."""
        key = mapping.names.index("id")
        return connection.exec_driver_sql(_sqlite_update(mapping), [(*row[:-1], row[key], row[-1]) for row in rows]).rowcount


@cache
def _sqlite_insert(mapping: Mapping) -> str:
    return f"INSERT INTO {mapping.table.name} ({', '.join(mapping.names)}) VALUES ({', '.join('?' * len(mapping.names))})"  # noqa: S608  # names of ours


@cache
def _sqlite_update(mapping: Mapping) -> str:
    changes = ", ".join(f"{name} = ?" for name in mapping.names)
    return f"UPDATE {mapping.table.name} SET {changes} WHERE id = ? AND version = ?"  # noqa: S608  # names of ours


class PostgresRows:
    """COPY for new rows; one UPDATE over arrays for changed ones."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        with _cursor(connection) as cursor, cursor.copy(_copy(mapping)) as copy:
            for row in rows:
                copy.write_row(row)

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows."""
        with _cursor(connection) as cursor:
            cursor.execute(_postgres_update(mapping), [list(column) for column in zip(*rows, strict=True)])
            return cursor.rowcount


@cache
def _copy(mapping: Mapping) -> str:
    return f"COPY {mapping.table.name} ({', '.join(mapping.names)}) FROM STDIN"


@cache
def _postgres_update(mapping: Mapping) -> str:
    types = [_postgres_type(mapping.table.c[name].type) for name in mapping.names] + ["bigint"]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    changes = ", ".join(f"{name} = said.{name}" for name in mapping.names if name != "id")
    return (
        f"UPDATE {mapping.table.name} AS kept SET {changes} FROM unnest({arrays}) "  # noqa: S608  # names of ours
        f"AS said({', '.join(mapping.names)}, version_before) WHERE kept.id = said.id AND kept.version = said.version_before"
    )


def _postgres_type(kind: Any) -> str:
    names: dict[type, Callable[[], str]] = {Boolean: lambda: "boolean", LargeBinary: lambda: "bytea"}
    if isinstance(kind, BigInteger | Integer):
        return "bigint"
    return next((name() for one, name in names.items() if isinstance(kind, one)), "text")


@contextmanager
def _cursor(connection: Connection) -> Iterator[psycopg.Cursor[Any]]:
    """The driver's cursor in the same transaction; its errors come as SQLAlchemy's."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.cursor() as cursor:
            yield cursor
    except psycopg.IntegrityError as wrong:
        raise IntegrityError("rows", None, wrong) from wrong
    except psycopg.Error as wrong:
        kind = OperationalError if isinstance(wrong, psycopg.OperationalError) else DBAPIError
        raise kind("rows", None, wrong, connection_invalidated=driver.closed) from wrong
