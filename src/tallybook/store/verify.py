"""The proof: every invariant of the book, looked for over the whole database, and each row named that breaks one (DESIGN 4).

The database does the work, set by set; what comes back is only what is wrong. Nothing here grows with the number of orders.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from tallybook.domain.occurrence import Refs, Version
from tallybook.store.checks import CHECKS

NAMED = 100
"""So many rows are named of each check; the others are counted."""
STREAMED = 10_000
"""Rows in memory at once where rows are read one by one."""
VERSIONS_CHECK = "event_names_versions"

Row = tuple[Any, ...]
"""A row that breaks a check: its id (several keys with a space between), what the facts say, what it says."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A row that breaks a check. `expected` is what the append-only facts say."""

    check: str
    table: str
    id: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.check}: {self.table} {self.id}: expected {self.expected}, found {self.found}"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is wrong: rows looked at by each check, rows that break it, the first of them by name."""

    checked: dict[str, int]
    broken: dict[str, int]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether every row keeps every invariant."""
        return not self.broken


def check_names() -> list[str]:
    """The checks, in the order in which they are made."""
    return [*(check.name for check in CHECKS), VERSIONS_CHECK]


def verify(connection: Connection, on_check: Callable[[str], None] = lambda _: None) -> Verification:
    """Proves the whole database, as of one moment; `on_check` is called with the name of each check before it is made.

    A connection that is in no transaction yet gets one with a snapshot, so that a server may go on writing meanwhile. Events
    are never pruned yet: every sequence is expected from 1.
    """
    if not connection.in_transaction():
        _take_snapshot(connection)
    result = Verification(checked={}, broken={}, findings=[])
    sizes: dict[str, int] = {}
    for name, table, rows in _checks(connection):
        on_check(name)
        if table not in sizes:
            sizes[table] = connection.scalar(text(f"SELECT COUNT(*) FROM {table}")) or 0  # noqa: S608  # a name of ours
        result.checked[name] = sizes[table]
        _collect(result, name, table, rows)
    return result


def _take_snapshot(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # Sorting a million rows belongs on disk. SQLite refuses this inside a transaction.
        connection.connection.cursor().execute("PRAGMA temp_store=FILE").close()
    else:
        connection.execution_options(isolation_level="REPEATABLE READ")


def _checks(connection: Connection) -> Iterator[tuple[str, str, Iterable[Row]]]:
    for check in CHECKS:
        yield check.name, check.table, _stream(connection, check.sql)
    yield VERSIONS_CHECK, "events", _unknown_versions(connection)


def _stream(connection: Connection, sql: str) -> Iterator[Row]:
    # A generator: the query runs when its first row is wanted, which is after its check was announced.
    without_parameters = text(sql.replace(":", r"\:"))
    result = connection.execute(without_parameters, execution_options={"yield_per": STREAMED})
    yield from map(tuple, result)


def _collect(result: Verification, name: str, table: str, rows: Iterable[Row]) -> None:
    rows = iter(rows)
    named = [
        Finding(check=name, table=table, id=str(key), expected=str(expected), found=str(found))
        for key, expected, found in islice(rows, NAMED)
    ]
    if named:
        result.findings.extend(named)
        result.broken[name] = len(named) + sum(1 for _ in rows)


_VERSIONED = [field.name for field in msgspec.structs.fields(Refs) if field.type == Version | None]
_Versions = msgspec.defstruct("_Versions", [(name, Version | None, None) for name in _VERSIONED])


def _unknown_versions(connection: Connection) -> Iterator[Row]:
    """Events that name a version of a document which the config history does not have, or has as deleted."""
    history = connection.execute(text("SELECT entity_id, version FROM config_history WHERE doc IS NOT NULL"))
    known = {tuple(row) for row in history}
    decode = msgspec.json.Decoder(_Versions).decode
    for event_id, refs in _stream(connection, "SELECT id, refs FROM events ORDER BY id"):
        try:
            named = msgspec.structs.astuple(decode(refs))
        except msgspec.DecodeError as wrong:
            yield event_id, "references", f"{wrong}"
            continue
        for field, version in zip(_VERSIONED, named, strict=True):
            if version is not None and version not in known:
                yield event_id, f"{field} {version[0]} version {version[1]} in the config history", "none"
