"""The keys of the projects, as they may be shown: never a token, nor what is kept of it."""

import msgspec
from sqlalchemy import Connection, select

from tallybook.store.tables import api_keys, projects


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a list. `app_id` is what requests send beside the token; `kind` is app or management."""

    name: str
    kind: str
    app_id: str
    project_id: str
    project: str


def list_keys(connection: Connection) -> list[KeyEntry]:
    """Every key of every project, by age of the project, then of the key."""
    k, p = api_keys.c, projects.c
    statement = select(k.name, k.kind, k.app_id, p.id, p.name.label("project")).join_from(
        projects, api_keys, k.project_id == p.id
    )
    rows = connection.execute(statement.order_by(p.created_at, p.id, k.created_at, k.kind, k.app_id))
    return [
        KeyEntry(name=name, kind=kind, app_id=app_id, project_id=project_id, project=project)
        for name, kind, app_id, project_id, project in rows
    ]
