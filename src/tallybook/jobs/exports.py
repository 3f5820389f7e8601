"""Writes the exports that were asked for: a slice of one file, then of the next, and round again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from tallybook.domain.configuration import Configuration
from tallybook.domain.exports import DONE, ERROR, IN_PROGRESS, METADATA, ExportTask
from tallybook.domain.filters import Moment
from tallybook.domain.records import Export
from tallybook.domain.refusals import TryAgain
from tallybook.engine.engine import Engine, Overloaded
from tallybook.ids import Ids
from tallybook.store.database import Connection, Database, SQLAlchemyError
from tallybook.store.export_files import ExportFiles, FileLost
from tallybook.store.export_rows import SOURCES, WantedRows, beside, metadata_names, read_rows
from tallybook.store.filters import Narrowing, kinds
from tallybook.store.queries_exports import get_export, keep_progress, remove_export, unfinished_exports
from tallybook.store.read_book import BookReader
from tallybook.wire.exports import csv_header, csv_rows
from tallybook.wire.filters import read_filters

log = structlog.get_logger()

NAME = "exports"
SLICE = 500
"""Rows in memory at once (DESIGN 2)."""
SCHEMA_OF = {"voucher": "voucher", "customer": "customer", "publication": "publication", "order": "order"}
"""Which metadata schema speaks of the metadata of each kind of object."""


class Exports:
    """A slice is in the file, on the disk, before the database says so: after a kill it is written again, in its place."""

    def __init__(
        self, database: Database, engine: Engine, ids: Ids, files: ExportFiles, public_url: str, slice_size: int = SLICE
    ) -> None:
        self._database = database
        self._engine = engine
        self._files = files
        self._public_url = public_url
        self._slice_size = slice_size
        self._reader = BookReader(sqlite=database.is_sqlite, ids=ids)
        self._last = ""

    def next_due(self, now: datetime, /) -> datetime | None:
        """Now, while there is an export to write or a file to remove."""
        with self._database.reading() as connection:
            return now if unfinished_exports(connection) else None

    def run_slice(self, now: datetime, /) -> bool:
        """Does a little for the export whose turn it is; whether there may be more to do."""
        with self._database.reading() as connection:
            waiting = unfinished_exports(connection)
        if not waiting:
            return False
        export = next((one for one in waiting if one.id > self._last), waiting[0])
        self._last = export.id
        if export.deleted_at is not None:
            self._remove(export.id)
            return True
        try:
            self._write_slice(export.id, now)
        except (SQLAlchemyError, Overloaded, TryAgain):
            raise
        except Exception:  # a full disk, say: this export has failed, and holds up no other
            log.exception("export_failed", export=export.id)
            self._fail(export.id, now)
        return True

    def _remove(self, export_id: str) -> None:
        with self._files.writing(export_id):
            self._files.remove(export_id)
        self._engine.errand(lambda connection: remove_export(connection, export_id))

    def _fail(self, export_id: str, now: datetime) -> None:
        with self._database.reading() as connection:
            export = get_export(connection, export_id)
        if export is not None:
            self._keep(msgspec.structs.replace(export, status=ERROR, updated_at=now))

    def _keep(self, export: Export) -> bool:
        return bool(self._engine.errand(lambda connection: keep_progress(connection, export)))

    def _write_slice(self, export_id: str, now: datetime) -> None:
        with self._files.writing(export_id) as file:
            with self._database.reading() as connection:
                export = get_export(connection, export_id)  # read again, now that nobody else is writing the file
                if export is None or export.status in (DONE, ERROR):
                    return
                changed, content = self._next_slice(connection, export)
            try:
                size = file.append(export.size, content)
            except FileLost:
                log.warning("export_begins_again", export=export_id, expected_bytes=export.size)
                self._keep(msgspec.structs.replace(export, columns=None, row_count=0, size=0, cursor=None))
                return
            self._keep(msgspec.structs.replace(changed, size=size, updated_at=now))

    def _next_slice(self, connection: Connection, export: Export) -> tuple[Export, bytes]:
        """The export as it is after its next slice, and what the slice adds to the file."""
        configuration = self._reader.configurations(connection, [export.project_id])[export.project_id]
        task = msgspec.json.decode(export.task, type=ExportTask)
        wanted = _wanted(export, task, configuration)
        content = b""
        if export.columns is None:
            columns = list(_columns(connection, export, wanted, configuration))
            content = csv_header(columns)
        else:
            columns = msgspec.json.decode(export.columns, type=list[str])
        after: Sequence[Any] | None = None if export.cursor is None else msgspec.json.decode(export.cursor)
        rows, cursor = read_rows(connection, wanted, after, self._slice_size)
        content += csv_rows(export.exported_object, columns, rows, beside(connection, configuration, rows, self._public_url))
        changed = msgspec.structs.replace(
            export,
            status=IN_PROGRESS if len(rows) == self._slice_size else DONE,
            columns=msgspec.json.encode(columns).decode(),
            row_count=export.row_count + len(rows),
            cursor=None if cursor is None else msgspec.json.encode(cursor).decode(),
        )
        return changed, content


def _wanted(export: Export, task: ExportTask, configuration: Configuration) -> WantedRows:
    """Words such as `today` are about the moment at which the export was asked for."""
    source = SOURCES[export.exported_object]
    filters = read_filters(task.filters, kinds(source.filters))
    moment = Moment(export.created_at, configuration.zone)
    return WantedRows(export.project_id, source, task, Narrowing(filters, source.filters, moment))


def _columns(connection: Connection, export: Export, wanted: WantedRows, configuration: Configuration) -> list[str]:
    """The fields of the task, where `metadata` becomes a column for each property, those of the schema first."""
    fields = list(wanted.task.fields)
    if METADATA not in fields:
        return fields
    schema = configuration.metadata_schemas.get(SCHEMA_OF[export.exported_object])
    names = dict.fromkeys([*(schema.properties if schema else ()), *metadata_names(connection, wanted)])
    place, each = fields.index(METADATA), [f"metadata.{name}" for name in names]
    return [*fields[:place], *(each or [METADATA]), *(one for one in fields[place + 1 :] if one != METADATA)]
