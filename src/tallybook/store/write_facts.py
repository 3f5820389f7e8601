"""Writing a batch: what its pages decided goes out in one statement per table and kind of change."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tallybook.domain.config import KINDS, ConfigChange
from tallybook.domain.records import Project
from tallybook.store import tables
from tallybook.store.mapping import MAPPINGS, to_ms
from tallybook.store.rows import PostgresRows, Row, Rows, SqliteRows
from tallybook.usecases.book import Book

BATCHES_KEPT = timedelta(hours=1)
"""How long a batch's id is kept, for an engine that lost its connection in the commit."""
BATCHES_BETWEEN_CLEARANCES = 1000


class Conflict(Exception):
    """Somebody else changed what this batch had read: it has to be read and decided again."""


class FactWriter:
    """Writes the facts of a batch in the transaction it was read in."""

    def __init__(self, *, sqlite: bool) -> None:
        self._dialect = sqlite_insert if sqlite else postgres_insert
        self._rows: Rows = SqliteRows() if sqlite else PostgresRows()
        self._batches = 0

    def write(self, connection: Connection, book: Book, batch_id: str, now: datetime) -> None:
        """Everything that became true in this batch. Raises Conflict when a version that was read is not there any more."""
        fresh: dict[type[Any], list[Row]] = {}
        stale: dict[type[Any], list[Row]] = {}
        projects: list[Project] = []
        for (name, record_id), record in book.writes.items():
            if isinstance(record, Project):
                projects.append(record)
                continue
            values = MAPPINGS[type(record)].values(record)
            before = book.versions.get((name, record_id))
            values[-1] = (before or 0) + 1
            if before is None:
                fresh.setdefault(type(record), []).append(tuple(values))
            else:
                stale.setdefault(type(record), []).append((*values, before))
        for fact in book.facts:
            fresh.setdefault(type(fact), []).append(tuple(MAPPINGS[type(fact)].values(fact)))
        for kind, rows in fresh.items():
            self._rows.insert(connection, MAPPINGS[kind], rows)
        for kind, rows in stale.items():
            if self._rows.update(connection, MAPPINGS[kind], rows) != len(rows):
                raise Conflict(kind.__name__)
        self._configure(connection, book, projects)
        self._count(connection, book.counts)
        self._remember(connection, batch_id, now)

    def _remember(self, connection: Connection, batch_id: str, now: datetime) -> None:
        """Writes that this batch was; now and then forgets those that nobody can be waiting for any more."""
        connection.execute(insert(tables.batches), [{"id": batch_id, "created_at": to_ms(now)}])
        self._batches += 1
        if self._batches % BATCHES_BETWEEN_CLEARANCES == 0:
            connection.execute(delete(tables.batches).where(tables.batches.c.created_at < to_ms(now - BATCHES_KEPT)))

    def _configure(self, connection: Connection, book: Book, moved: Iterable[Project]) -> None:
        for change in book.facts:
            if isinstance(change, ConfigChange):
                self._store_document(connection, change)
        for project in moved:
            row = MAPPINGS[Project].row(project)
            said = {name: row[name] for name in ("name", "description", "time_zone", "currency", "test_now", "deleted_at")}
            connection.execute(update(tables.projects).where(tables.projects.c.id == project.id), said)
        for project_id in {*book.config_changes, *(project.id for project in moved)}:
            known = book.configurations[project_id].project.config_version
            c = tables.projects.c
            done = connection.execute(
                update(tables.projects).where(c.id == project_id, c.config_version == known).values(config_version=known + 1)
            )
            if done.rowcount != 1:
                raise Conflict("configuration")

    def _store_document(self, connection: Connection, change: ConfigChange) -> None:
        c = tables.documents.c
        if change.doc is None:
            connection.execute(delete(tables.documents).where(c.id == change.entity_id))
            if change.kind == "webhook":
                waiting = (tables.send_outs.c.webhook_id == change.entity_id) & (tables.send_outs.c.state == "WAITING")
                connection.execute(update(tables.send_outs).where(waiting).values(state="CANCELED"))
            return
        document = msgspec.json.decode(change.doc, type=KINDS[change.kind])
        row = {
            "id": change.entity_id,
            "project_id": change.project_id,
            "kind": change.kind,
            "unique_name": getattr(document, "name", None) if change.kind == "campaign" else None,
            "version": change.version,
            "doc": change.doc,
        }
        statement = self._dialect(tables.documents).values(row)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["id"], set_={"version": row["version"], "doc": row["doc"]})
        )

    def _count(self, connection: Connection, counts: dict[str, int]) -> None:
        c = tables.counters.c
        for name, by in sorted(counts.items()):
            statement = self._dialect(tables.counters).values(name=name, n=by)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"n": c.n + by}))


def was_written(connection: Connection, batch_id: str) -> bool:
    """Whether a batch of this id was committed."""
    return connection.scalar(select(tables.batches.c.id).where(tables.batches.c.id == batch_id)) is not None


sqlite_insert: Any = sqlite.insert
postgres_insert: Any = postgresql.insert
