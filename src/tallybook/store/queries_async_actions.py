"""Reads of async actions: for the API, and for the job that goes on with them."""

from datetime import datetime

from sqlalchemy import Connection, select

from tallybook.domain.records import AsyncAction
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.tables import async_actions

_action = mapping(AsyncAction)
_select = select(*_action.columns)
_UNFINISHED = async_actions.c.status.in_(("ENQUEUED", "IN_PROGRESS"))


def get_action(connection: Connection, project_id: str, action_id: str) -> AsyncAction | None:
    """By id."""
    c = async_actions.c
    row = connection.execute(_select.where(c.project_id == project_id, c.id == action_id)).first()
    return None if row is None else _action.record(row)


def list_actions(
    connection: Connection, project_id: str, limit: int, before: datetime | None = None
) -> tuple[list[AsyncAction], bool]:
    """The newest actions, of those that were asked for before an instant, and whether there are more."""
    c = async_actions.c
    statement = _select.where(c.project_id == project_id).order_by(c.created_at.desc(), c.id.desc()).limit(limit + 1)
    if before is not None:
        statement = statement.where(c.created_at < to_ms(before))
    found = [_action.record(row) for row in connection.execute(statement)]
    return found[:limit], len(found) > limit


def next_unfinished(connection: Connection, kind: str, after: str) -> AsyncAction | None:
    """The unfinished action of this type that follows the one of id `after`; beyond the last one, the first again."""
    c = async_actions.c
    wanted = _select.where(_UNFINISHED, c.type == kind).order_by(c.id).limit(1)
    row = connection.execute(wanted.where(c.id > after)).first() or connection.execute(wanted).first()
    return None if row is None else _action.record(row)
