"""Writing a batch: what its pages decided goes out in one statement per table and kind of change."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from tallybook.domain.config import KINDS, ConfigChange
from tallybook.domain.records import Card, Customer, Order, Product, Project, Publication, Receipt, SendOut, Sku
from tallybook.ids import least_at
from tallybook.store import tables
from tallybook.store.among import Among
from tallybook.store.driver import Conflict, ahead, all_or_conflict, commit_behind, execute, run, together
from tallybook.store.mapping import MAPPINGS, to_ms
from tallybook.store.notices import announce
from tallybook.store.rows import PostgresRows, Row, Rows, SqliteRows
from tallybook.usecases.book import Book

HOLD_WEBHOOKS = (
    f"SELECT {all_or_conflict('$1::text[]')} "  # noqa: S608  # nothing of anybody's
    "FROM (SELECT id FROM documents WHERE id = ANY ($1::text[]) ORDER BY id FOR KEY SHARE) AS found"
)
BATCHES_KEPT = timedelta(hours=1)
"""How long a batch's id is kept, for an engine that lost its connection in the commit."""
BATCHES_BETWEEN_CLEARANCES = 1000


CONTESTED: dict[type[Any], str] = {
    Customer: "source_id",
    Order: "source_id",
    Product: "source_id",
    Sku: "source_id",
    Publication: "source_id",
    Card: "code",
    Receipt: "id",
}
"""By what two workers may make the same row at once. New rows are written in its order: one worker then waits for the other,
and never each for the other."""


class FactWriter:
    """Writes the facts of a batch in the transaction it was read in."""

    def __init__(self, *, sqlite: bool) -> None:
        self._dialect = sqlite_insert if sqlite else postgres_insert
        self._rows: Rows = SqliteRows() if sqlite else PostgresRows()
        self._among = Among(sqlite=sqlite)
        self._alone = sqlite
        self._batches = 0
        self._batch = insert(tables.batches).values(id=bindparam("id"), created_at=bindparam("created_at"))
        b = tables.batches.c
        # By the id, which sorts by time: there is no index of the instants.
        self._old_batches = delete(tables.batches).where(b.id < bindparam("id"), b.created_at < bindparam("created_at"))
        count = self._dialect(tables.counters).values(name=bindparam("name"), n=bindparam("by"))
        added = {"n": tables.counters.c.n + bindparam("by")}
        self._counter = count.on_conflict_do_update(index_elements=["name"], set_=added)

    def enter(self, connection: Connection, batch_id: str, now: datetime) -> None:
        """Puts down that there is this batch: before anything of it is sent `ahead`, so that `was_written` waits for its end."""
        run(connection, self._batch, {"id": batch_id, "created_at": to_ms(now)})

    def write(self, connection: Connection, book: Book, now: datetime) -> None:
        """Everything that became true in this batch. Raises Conflict when a version that was read is not there any more.

        It is written `ahead`: on PostgreSQL, which is sent the commit along with it, most of what goes wrong is raised when
        it arrives. SQLite commits when the caller does.
        """
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
                fresh.setdefault(type(record), []).append(values)
            else:
                stale.setdefault(type(record), []).append([*values, before])
        for fact in book.facts:
            fresh.setdefault(type(fact), []).append(MAPPINGS[type(fact)].values(fact))
        if projects or ConfigChange in fresh:  # behind the rows: what was just written for a webhook may have to be called off
            with together(connection):
                self._write_rows(connection, fresh, stale)
            self._configure(connection, book, projects)
            fresh, stale = {}, {}
        with ahead(connection):
            self._write_rows(connection, fresh, stale)
            self._hold_webhooks(connection, book)
            self._count(connection, book.counts)
            self._forget_batches(connection, now)
            if is_for_delivery(book):
                announce(connection)
            commit_behind(connection)

    def _write_rows(self, connection: Connection, fresh: dict[type[Any], list[Row]], stale: dict[type[Any], list[Row]]) -> None:
        for kind in (kind for kind in MAPPINGS if kind in fresh):
            self._rows.insert(connection, MAPPINGS[kind], _in_order(kind, fresh[kind]))
        for kind in (kind for kind in MAPPINGS if kind in stale):
            self._rows.update(connection, MAPPINGS[kind], stale[kind])

    def _hold_webhooks(self, connection: Connection, book: Book) -> None:
        """No worker deletes a webhook under what is sent to it; one that did so before us makes the batch lose."""
        if self._alone:
            return
        mine = {fact.entity_id for fact in book.facts if isinstance(fact, ConfigChange)}
        told = {fact.webhook_id for fact in book.facts if isinstance(fact, SendOut)} - mine
        if told:
            execute(connection, HOLD_WEBHOOKS, [self._among.keys(told)])

    def _forget_batches(self, connection: Connection, now: datetime) -> None:
        """Now and then forgets the ids of batches for which nobody can be waiting any more."""
        self._batches += 1
        if self._batches % BATCHES_BETWEEN_CLEARANCES == 0:
            since = now - BATCHES_KEPT
            run(connection, self._old_batches, {"id": least_at(since), "created_at": to_ms(since)})

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
                # As text: as a parameter it would keep the planner from the index of those that wait.
                waiting = (tables.send_outs.c.webhook_id == change.entity_id) & text("state = 'WAITING'")
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
        for name, by in sorted(counts.items()):
            run(connection, self._counter, {"name": name, "by": by})


def _in_order(kind: type[Any], rows: list[Row]) -> list[Row]:
    name = CONTESTED.get(kind)
    if name is None:
        return rows
    at = MAPPINGS[kind].names.index(name)
    return sorted(rows, key=lambda row: row[at] or "")


def is_for_delivery(book: Book) -> bool:
    """Whether there is something to send, or a webhook was changed: what waited for it may go now."""
    return any(isinstance(fact, SendOut) or (isinstance(fact, ConfigChange) and fact.kind == "webhook") for fact in book.facts)


def was_written(connection: Connection, batch_id: str) -> bool:
    """Whether a batch of this id was committed. To be asked in a transaction that is rolled back.

    On PostgreSQL what lost its connection may still be under way, and will commit. A row of the same id waits for its end, or for
    the lock timeout; a query would only say that it is not there yet.
    """
    if connection.dialect.name == "sqlite":
        return connection.scalar(select(tables.batches.c.id).where(tables.batches.c.id == batch_id)) is not None
    again = postgres_insert(tables.batches).values(id=batch_id, created_at=0).on_conflict_do_nothing()
    return connection.scalar(again.returning(tables.batches.c.id)) is None


sqlite_insert: Any = sqlite.insert
postgres_insert: Any = postgresql.insert
