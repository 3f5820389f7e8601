"""Projects and their keys: the first start makes one project; keys are kept as hashes only."""

import hashlib
import uuid
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select

from tallybook.domain.records import Project
from tallybook.ids import NODES, Ids
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.migrate import wait_for_turn
from tallybook.store.tables import api_keys, processes, projects


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the first project should be called; null is drawn."""

    project_id: str | None = None
    app_id: str | None = None
    app_token: str | None = None
    management_id: str | None = None
    management_token: str | None = None
    webhook_secret: str | None = None
    sandbox: bool = False
    time_zone: str = "UTC"


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a new project, in the clear: shown once, never stored."""

    project_id: str
    app_id: str
    app_token: str
    management_id: str
    management_token: str
    webhook_secret: str


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored. `kind` is app or management."""

    app_id: str
    project_id: str
    kind: str
    name: str
    token_hash: str


def hash_token(token: str) -> str:
    """What is stored of a token. Tokens are long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_node(connection: Connection, now: datetime) -> int:
    """The number of this process in its ids: the next one, counted in the database (decision 34)."""
    wait_for_turn(connection)
    node = ((connection.scalar(select(func.max(processes.c.node))) or 0) + 1) % (1 << 31)
    connection.execute(insert(processes), [{"node": node, "started_at": to_ms(now)}])
    return node % NODES


def make_first_project(connection: Connection, ids: Ids, now: datetime, wanted: Wanted) -> Keys | None:
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
        row = {
            "app_id": app_id,
            "project_id": project.id,
            "kind": kind,
            "name": "Primary",
            "token_hash": hash_token(token),
            "created_at": to_ms(now),
        }
        connection.execute(insert(api_keys), [row])
    return keys


def find_key(connection: Connection, app_id: str) -> ApiKey | None:
    """The key with this id."""
    c = api_keys.c
    row = connection.execute(select(c.app_id, c.project_id, c.kind, c.name, c.token_hash).where(c.app_id == app_id)).first()
    return ApiKey(**row._mapping) if row else None  # noqa: SLF001  # the documented way to a row's mapping


def list_projects(connection: Connection, project_ids: list[str]) -> list[Project]:
    """These projects, oldest first."""
    one = mapping(Project)
    rows = connection.execute(select(*one.columns).where(projects.c.id.in_(project_ids)).order_by(projects.c.created_at))
    return [one.record(row) for row in rows]
