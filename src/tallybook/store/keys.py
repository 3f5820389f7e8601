"""The keys of the projects, as they may be shown: never a token, nor what is kept of it."""

import msgspec
from sqlalchemy import Connection, select

from tallybook.domain.records import ApiKey, Instant
from tallybook.store.mapping import from_ms, mapping
from tallybook.store.tables import api_keys, projects


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key in a list. `app_id` is what requests send beside the token; `kind` is app or management."""

    name: str
    kind: str
    app_id: str
    project_id: str
    project: str
    expires_at: Instant | None = None


def list_keys(connection: Connection) -> list[KeyEntry]:
    """Every key of every project that is not revoked, by age of the project, then of the key."""
    k, p = api_keys.c, projects.c
    statement = (
        select(k.name, k.kind, k.id, p.id, p.name.label("project"), k.expires_at)
        .join_from(projects, api_keys, k.project_id == p.id)
        .where(k.revoked_at.is_(None), p.deleted_at.is_(None))
    )
    rows = connection.execute(statement.order_by(p.created_at, p.id, k.created_at, k.kind, k.id))
    return [
        KeyEntry(
            name=name,
            kind=kind,
            app_id=app_id,
            project_id=project_id,
            project=project,
            expires_at=None if expires_at is None else from_ms(expires_at),
        )
        for name, kind, app_id, project_id, project, expires_at in rows
    ]


def keys_of(connection: Connection, project_id: str) -> list[ApiKey]:
    """All keys of a project, revoked ones too, oldest first."""
    one, c = mapping(ApiKey), api_keys.c
    rows = connection.execute(select(*one.columns).where(c.project_id == project_id).order_by(c.created_at, c.id))
    return [one.record(row) for row in rows]
