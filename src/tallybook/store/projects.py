"""Projects and their keys: the first start makes one project; keys are kept as hashes only."""

import uuid
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select

from tallybook.domain.api_keys import hash_token
from tallybook.domain.records import ApiKey, Project
from tallybook.ids import NODES, Ids
from tallybook.settings import FirstProject
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.migrate import wait_for_turn
from tallybook.store.tables import api_keys, processes, projects


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a new project, in the clear: shown once, never stored."""

    project_id: str
    app_id: str
    app_token: str
    management_id: str
    management_token: str
    webhook_secret: str


def draw_node(connection: Connection, now: datetime) -> int:
    """The number of this process in its ids: the next one, counted in the database (decision 34)."""
    wait_for_turn(connection)
    node = ((connection.scalar(select(func.max(processes.c.node))) or 0) + 1) % (1 << 31)
    connection.execute(insert(processes), [{"node": node, "started_at": to_ms(now)}])
    return node % NODES


def make_first_project(connection: Connection, ids: Ids, now: datetime, wanted: FirstProject) -> Keys | None:
    """Makes the first project with its keys and gives them; None when there is a project already."""
    wait_for_turn(connection)
    if connection.scalar(select(func.count()).select_from(projects)):
        return None
    keys = Keys(
        project_id=wanted.project_id or "proj_" + ids.random(12),
        app_id=wanted.app_id or str(uuid.uuid4()),
        app_token=wanted.app_token or str(uuid.uuid4()),
        management_id=wanted.management_id or str(uuid.uuid4()),
        management_token=wanted.management_token or str(uuid.uuid4()),
        webhook_secret=wanted.webhook_secret or ids.random(40),
    )
    project = Project(
        id=keys.project_id,
        name="Tallybook",
        time_zone=wanted.time_zone,
        sandbox=wanted.sandbox,
        webhook_secret=keys.webhook_secret,
        created_at=now,
    )
    connection.execute(insert(projects), [mapping(Project).row(project)])
    for kind, app_id, token in (
        ("app", keys.app_id, keys.app_token),
        ("management", keys.management_id, keys.management_token),
    ):
        key = ApiKey(
            id=app_id, project_id=project.id, kind=kind, name="Primary", token_hash=hash_token(token), created_at=now, version=1
        )
        connection.execute(insert(api_keys), [mapping(ApiKey).row(key)])
    return keys


def find_key(connection: Connection, app_id: str) -> ApiKey | None:
    """The key with this id, whether it opens or not."""
    one = mapping(ApiKey)
    row = connection.execute(select(*one.columns).where(api_keys.c.id == app_id)).first()
    return one.record(row) if row else None


def managed_projects(connection: Connection, project_id: str) -> list[Project]:
    """What the management keys of this project see: itself, the projects it owns, and theirs; oldest first."""
    one, c = mapping(Project), projects.c
    own = select(c.id).where(c.id == project_id).cte("own", recursive=True)
    own = own.union_all(select(c.id).where(c.owner_id == own.c.id))
    seen = select(*one.columns).where(c.id.in_(select(own.c.id)), c.deleted_at.is_(None))
    return [one.record(row) for row in connection.execute(seen.order_by(c.created_at, c.id))]


def manages(connection: Connection, project_id: str, other_id: str) -> bool:
    """Whether the management keys of one project manage another: it is the same, or its owner, or its owner's owner."""
    c = projects.c
    up = select(c.id, c.owner_id).where(c.id == other_id).cte("up", recursive=True)
    up = up.union_all(select(c.id, c.owner_id).where(c.id == up.c.owner_id))
    return connection.scalar(select(up.c.id).where(up.c.id == project_id)) is not None


def project_ids(connection: Connection) -> list[str]:
    """Every project that is not deleted, oldest first."""
    c = projects.c
    return list(connection.scalars(select(c.id).where(c.deleted_at.is_(None)).order_by(c.created_at, c.id)))
