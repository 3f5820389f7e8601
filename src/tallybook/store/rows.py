"""Many rows at once: the few hottest statements, written out for each database.

SQLAlchemy's processing of parameters costs more than the database does for rows this small (measured: docs/performance.md),
so rows are handed to the driver as they are: to SQLite dozens in a statement, to PostgreSQL as a JSON text.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Protocol

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, UniqueConstraint

from tallybook.store.among import Among
from tallybook.store.driver import Conflict, all_or_conflict, execute
from tallybook.store.mapping import Mapping

Row = Sequence[Any]


class Rows(Protocol):
    """Writes rows whose values stand in the order of the mapping's names."""

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows. Raises IntegrityError when one is there already."""

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """Changed rows, found by id and the version before; each row ends with that version. Raises Conflict unless all are."""


class SqliteRows:
    """Statements over many rows at once.

    The driver lets go of the interpreter for each step of a statement, and has to win it back from the event loop; with a
    statement for each row the engine would spend more time on that than on its work (docs/performance.md).
    """

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        for some in _portions(rows):
            execute(connection, _sqlite_insert(mapping, len(some)), [*chain.from_iterable(some)])

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """Changed rows: nearly all as rows whose keys stay as they are, which leaves the indexes alone."""
        found = self._update(connection, mapping, rows, keys_stay=True)
        if found != len(rows):
            found += self._update(connection, mapping, rows, keys_stay=False)
        if found != len(rows):
            raise Conflict

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
    """The rows of a statement as one JSON text: of a few rows it is the cheapest form there is, of hundreds as good as COPY.

    The long texts of new rows stand beside it as an array, since PostgreSQL reads JSON character by character.
    """

    _among = Among(sqlite=False)

    def insert(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """New rows."""
        said = [dict(zip(mapping.names, row, strict=True)) for row in rows]
        long = [[row.pop(name) for row in said] for name in _long(mapping)]
        execute(connection, _postgres_insert(mapping), [msgspec.json.encode(said).decode(), *long])

    def update(self, connection: Connection, mapping: Mapping, rows: Sequence[Row]) -> None:
        """Changed rows."""
        at = mapping.names.index("id")
        ids = self._among.keys(row[at] for row in rows)
        execute(connection, _postgres_update(mapping), [_as_json([*mapping.names, _BEFORE], rows), ids])


_BEFORE = "version_before"
_LONG = ("refs", "subjects", "items", "cause")
"""Columns that are never null."""


def _long(mapping: Mapping) -> list[str]:
    return [name for name in _LONG if name in mapping.names]


def _as_json(names: Sequence[str], rows: Sequence[Row]) -> str:
    return msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()


@cache
def _postgres_insert(mapping: Mapping) -> str:
    values = ", ".join(f"decode({name}, 'base64')" if _is_bytes(mapping, name) else name for name in mapping.names)
    long = _long(mapping)
    short = [name for name in mapping.names if name not in long]
    arrays = "".join(f", unnest(${number}::text[])" for number, _ in enumerate(long, 2))
    return (
        f"INSERT INTO {mapping.table.name} ({', '.join(mapping.names)}) SELECT {values} "  # noqa: S608  # names of ours
        f"FROM ROWS FROM (json_to_recordset($1::json) AS ({_said(mapping, short)}){arrays}) "
        f"AS said({', '.join([*short, *long])})"
    )


@cache
def _postgres_update(mapping: Mapping) -> str:
    """The ids are said a second time, so that the rows are looked up by them however small the planner takes the table to be."""
    assert not any(_is_bytes(mapping, name) for name in mapping.names)
    changes = ", ".join(f"{name} = said.{name}" for name in mapping.names if name != "id")
    return (
        f"WITH found AS (UPDATE {mapping.table.name} AS kept SET {changes} "  # noqa: S608  # names of ours
        f"FROM json_to_recordset($1::json) AS said({_said(mapping, mapping.names)}, {_BEFORE} bigint) "
        f"WHERE kept.id = ANY ($2::text[]) AND kept.id = said.id AND kept.version = said.{_BEFORE} RETURNING 1) "
        f"SELECT {all_or_conflict('$2::text[]')} FROM found"
    )


def _said(mapping: Mapping, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_in_json(mapping.table.c[name].type)}" for name in names)


def _in_json(kind: Any) -> str:
    if isinstance(kind, Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, BigInteger | Integer) else "text"


def _is_bytes(mapping: Mapping, name: str) -> bool:
    return isinstance(mapping.table.c[name].type, LargeBinary)
