"""A database of each version that has landed is brought up to date, and goes on as if nothing had been.

The books are kept in `tests/store/landed`, made by the code of their time. To add the next one: before the migration that comes
after it lands, run `python -m tests.store.landed REVISION` with the newest revision there is, and commit the four files.
"""

import contextlib
import dataclasses
import gzip
import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, table

from tallybook.api.call import Route
from tallybook.api.routes import all_routes
from tallybook.store import tables
from tallybook.store.database import Connection, Database
from tallybook.store.migrate import current_revision, head_revision, is_current, is_known, migrate
from tallybook.store.verify import verify
from tests.acceptance.official import Client, Management
from tests.acceptance.process import running_server
from tests.api.requests import kinds_in
from tests.api.worlds import names_in, rows_of
from tests.books import PROJECT
from tests.postgres import Cluster, drop_database, new_database
from tests.usecases.test_events_for_ever import bodies

LANDED = Path(__file__).parents[1] / "store" / "landed"
BOOKS = sorted(file.name.removesuffix(".sql.gz") for file in LANDED.glob("*.sql.gz"))
UNUSED = {"leases"}
"""Tables that a book on SQLite has no row in."""
NAMES = 12
"""So many of each kind are tried in the path of a GET, until one fits the others."""


@pytest.fixture(params=BOOKS)
def landed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A book as a landed version left it, in a database of its own: its name and its URL."""
    statements = gzip.decompress((LANDED / f"{request.param}.sql.gz").read_bytes()).decode()
    if request.param.endswith("sqlite"):
        with contextlib.closing(sqlite3.connect(tmp_path / "book.db")) as connection:
            connection.executescript(statements)
        yield request.param, f"sqlite:///{tmp_path / 'book.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())
    yield request.param, url
    drop_database(cluster, url)


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = inspect(connection).get_table_names()
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def test_every_version_that_landed_has_its_book() -> None:
    """For both kinds of databases, all but the newest: that one is kept when the next is written."""
    known = [f"{number:04}" for number in range(1, int(head_revision()))]
    assert all(map(is_known, known))
    assert set(BOOKS) >= {f"{revision}.{kind}" for revision in known for kind in ("postgresql", "sqlite")}


def test_a_book_of_a_landed_version_goes_on(landed: tuple[str, str], tmp_path: Path) -> None:
    """Nothing is lost, the proof finds nothing, old events keep their bytes, everything can be read, and orders are paid."""
    name, url = landed
    before = _bring_up_to_date(name, url)
    told = json.loads(gzip.decompress((LANDED / f"{name}.events.json.gz").read_bytes()))
    assert {key: [event, body.decode()] for key, (event, body) in bodies(url).items()} == told
    with contextlib.closing(Database(url)) as database:
        names = names_in(rows_of(database, PROJECT), most=NAMES)
    with running_server(url, tmp_path) as server:
        client, management = Client(server), Management(dataclasses.replace(server, project_id=PROJECT))
        reading = [route for route in all_routes("") if route.read is not None and route.method == "GET"]
        assert [route.path for route in reading if not _answers(route, client, management, names)] == []
        order_id = _pay(client)
        client.close()
        management.close()
    after = bodies(url)
    assert {key: [event, body.decode()] for key, (event, body) in after.items() if key in told} == told
    with contextlib.closing(Database(url)) as database, database.reading() as connection:
        assert verify(connection).findings == []
        assert counts(connection)["orders"] == before["orders"] + 1
        awards = select(tables.awards.c.rule_id).where(tables.awards.c.cause_id == order_id)
        assert connection.scalars(awards).all(), "the rules of old give points"


def _bring_up_to_date(name: str, url: str) -> dict[str, int]:
    """Migrate; how many rows of what there were and are."""
    revision = name.split(".", maxsplit=1)[0]
    with contextlib.closing(Database(url)) as database:
        with database.reading() as connection:
            assert current_revision(connection) == revision
            before = counts(connection)
        assert {table for table, rows in before.items() if not rows} <= UNUSED, "the book has rows of every kind"
        applied = migrate(database)
        with database.reading() as connection:
            after = counts(connection)
            assert is_current(connection)
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
            assert verify(connection).findings == []
    assert {table: after[table] for table in before} == before
    assert applied[-1:] == [head_revision()]
    return before


def _answers(route: Route, client: Client, management: Management, names: dict[str, list[str]]) -> bool:
    """Whether the route has an answer for some of the names."""
    parts = route.path.split("/")
    choices = [[part] if not part.startswith("{") else _named(part, names) for part in parts]
    by = management if route.realm == "management" else client
    paths = ("/".join(quote(part, safe="") for part in path) for path in itertools.product(*choices))
    return any(by.ask("GET", path).status == 200 for path in paths)


def _named(part: str, names: dict[str, list[str]]) -> list[str]:
    if part == "{projectId}":
        return [PROJECT]
    if part == "{resource}":
        return ["reward"]
    found: list[str] = [name for kind in [*kinds_in(part), "exports"] for name in names.get(kind, [])]
    return found


def _pay(client: Client) -> str:
    """Pay an order of a member of old, twice with one key; its id."""
    said: dict[str, Any] = {"source_id": "after", "status": "PAID", "amount": 9_900, "customer": {"source_id": "ann"}}
    first, again = (client.ask("POST", "/v1/orders", said, Idempotency_Key="after") for _ in range(2))
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    order_id: str = first.json["id"]
    return order_id
