"""Exports as they are asked for, listed and gone on with."""

from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from tallybook.domain.exports import IN_PROGRESS, SCHEDULED
from tallybook.domain.records import Export
from tallybook.store.mapping import mapping
from tallybook.store.queries import Slice
from tallybook.store.tables import exports

_export = mapping(Export)
_select = select(*_export.columns)


def get_export(connection: Connection, export_id: str, project_id: str | None = None) -> Export | None:
    """By id; a deleted one is not there. Without a project, that of any."""
    c = exports.c
    found = _select.where(c.id == export_id, c.deleted_at.is_(None))
    row = connection.execute(found if project_id is None else found.where(c.project_id == project_id)).first()
    return None if row is None else _export.record(row)


def list_exports(connection: Connection, project_id: str, part: Slice) -> tuple[list[Export], int]:
    """A page of the exports, and how many there are."""
    c = exports.c
    own: Any = (c.project_id == project_id) & c.deleted_at.is_(None)
    column = c[part.order.lstrip("-")]
    order = (column.desc(), c.id.desc()) if part.order.startswith("-") else (column.asc(), c.id.asc())
    rows = connection.execute(_select.where(own).order_by(*order).limit(part.limit).offset((part.page - 1) * part.limit))
    total = connection.scalar(select(func.count()).select_from(exports).where(own)) or 0
    return [_export.record(row) for row in rows], total


def unfinished_exports(connection: Connection) -> list[Export]:
    """The exports of all projects that have still to be written, or to be removed with their files; by id."""
    c = exports.c
    waiting = or_(c.status.in_((SCHEDULED, IN_PROGRESS)), c.deleted_at.is_not(None))
    return [_export.record(row) for row in connection.execute(_select.where(waiting).order_by(c.id))]


def keep_progress(connection: Connection, export: Export) -> bool:
    """Writes how far an export is, if it is still as it was when it was read; whether it was."""
    row = _export.row(export) | {"version": export.version + 1}
    c = exports.c
    changed = connection.execute(update(exports).where(c.id == export.id, c.version == export.version).values(row))
    return changed.rowcount == 1


def remove_export(connection: Connection, export_id: str) -> None:
    """Takes the row of a deleted export away."""
    connection.execute(delete(exports).where(exports.c.id == export_id, exports.c.deleted_at.is_not(None)))
