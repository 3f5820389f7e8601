"""Reads of async actions: for the API, and for the job that goes on with them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, text

from tallybook.domain.records import AsyncAction
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.tables import async_actions

_action = mapping(AsyncAction)
_select = select(*_action.columns)
_UNFINISHED = text("status IN ('ENQUEUED', 'IN_PROGRESS')")  # as the index says it
AT_ONCE = 100
"""Unfinished actions that are looked at together; those behind them wait until one has ended."""


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


def unfinished(connection: Connection, kinds: Sequence[str]) -> list[AsyncAction]:
    """The oldest unfinished actions of these types, in all projects."""
    c = async_actions.c
    statement = _select.where(_UNFINISHED, c.type.in_(kinds)).order_by(c.id).limit(AT_ONCE)
    return [_action.record(row) for row in connection.execute(statement)]
