"""Many rows at once: the few hottest statements, written out for each database.

SQLAlchemy's processing of parameters costs more than the database does for rows this small (measured: docs/performance.md),
so rows are handed to the driver as they are: to SQLite dozens in a statement, to PostgreSQL as a COPY, and as arrays for updates.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, UniqueConstraint

from tallybook.store.driver import cursor, execute
from tallybook.store.mapping import Mapping

Row = tuple[Any, ...]


class Rows(Protocol):
    """Writes rows whose values stand in the order of the mapping's names."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows. Raises IntegrityError when one is there already."""

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows, found by id and the version before; each row ends with that version. How many were found."""


class SqliteRows:
    """Statements over many rows at once.

    The driver lets go of the interpreter for each step of a statement, and has to win it back from the event loop; with a
    statement for each row the engine would spend more time on that than on its work (docs/performance.md).
    """

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        for some in _portions(rows):
            execute(connection, _sqlite_insert(mapping, len(some)), [*chain.from_iterable(some)])

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows: nearly all as rows whose keys stay as they are, which leaves the indexes alone."""
        found = self._update(connection, mapping, rows, keys_stay=True)
        return found if found == len(rows) else found + self._update(connection, mapping, rows, keys_stay=False)

    @staticmethod
    def _update(connection: Connection, mapping: Mapping, rows: Sequence[Row], *, keys_stay: bool) -> int:
        found = 0
        for some in _portions(rows):
            text = _sqlite_update(mapping, len(some), keys_stay=keys_stay)
            found += execute(connection, text, [*chain.from_iterable(some)]).rowcount
        return found


PORTIONS = (64, 16)
"""Rows in one statement, and what is left in one more: each number is a text, which the driver keeps prepared."""


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    at = 0
    for size in PORTIONS:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size
    if at < len(rows):
        yield rows[at:]


def _placeholders(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


@cache
def _sqlite_insert(mapping: Mapping, rows: int) -> str:
    columns = ", ".join(mapping.names)
    return f"INSERT INTO {mapping.table.name} ({columns}) VALUES {_placeholders(len(mapping.names), rows)}"  # noqa: S608  # names of ours


@cache
def _sqlite_update(mapping: Mapping, rows: int, *, keys_stay: bool) -> str:
    """Of rows and the versions they had. With `keys_stay` only those of which no index has to change."""
    names = [f"column{i + 1}" for i in range(len(mapping.names) + 1)]
    said = dict(zip(mapping.names, names, strict=False))
    keys = _keys(mapping) if keys_stay else {"id"}
    changes = ", ".join(f"{name} = said.{said[name]}" for name in mapping.names if name not in keys)
    # The plus sign: the row is to be found by its id, not by these.
    same = "".join(f" AND +kept.{name} IS said.{said[name]}" for name in mapping.names if name in keys and name != "id")
    return (
        f"UPDATE {mapping.table.name} AS kept SET {changes} FROM (VALUES {_placeholders(len(names), rows)}) AS said "  # noqa: S608  # names of ours
        f"WHERE kept.id = said.{said['id']} AND kept.version = said.{names[-1]}{same}"
    )


def _keys(mapping: Mapping) -> set[str]:
    """The columns that stand in an index of the table, or in the condition of a partial one."""
    keys = {"id"}
    for index in mapping.table.indexes:
        condition = str(index.dialect_options["sqlite"]["where"])
        keys |= {column.name for column in index.columns} | {name for name in mapping.names if name in condition}
    for constraint in mapping.table.constraints:
        if isinstance(constraint, UniqueConstraint):
            keys |= {column.name for column in constraint.columns}
    return keys


class PostgresRows:
    """COPY for new rows; one UPDATE over arrays for changed ones."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        with cursor(connection) as running, running.copy(_copy(mapping)) as copy:
            for row in rows:
                copy.write_row(row)

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> int:
        """Changed rows."""
        count: int = execute(connection, _postgres_update(mapping), [list(column) for column in zip(*rows, strict=True)]).rowcount
        return count


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
