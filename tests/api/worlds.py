"""Two worlds that differ in one thing: in the first, another project (theirs) stands beside ours. Both are made from the same
seed and by the same requests, so that whatever differs in the answers we get is something that we were told of theirs.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

import msgspec
from sqlalchemy import insert, select

from tallybook.api.call import Route
from tallybook.api.gateway import Answered, Gateway
from tallybook.api.routes import all_routes
from tallybook.domain.api_keys import hash_token
from tallybook.domain.records import ApiKey, Project
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.mapping import mapping
from tallybook.store.migrate import migrate
from tallybook.store.tables import api_keys, metadata, projects

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
OURS, THEIRS = "proj_OursOursOurs", "proj_TheirsTheirs"
ROUTES = all_routes("http://tallybook.test")
REQUEST_ID = re.compile(rb'"request_id":"v-[0-9a-f]{18}"')
TOLD = ("id", "source_id", "code", "name", "email")
"""Columns whose values a request may name."""
UNTOLD = {"awards", "config_history", "entry_changes", "lot_movements", "receipts", "tier_memberships"}
"""Tables whose rows no request names."""


def route_of(method: str, path: str) -> Route:
    """The route of the table with this method and path."""
    return next(route for route in ROUTES if (route.method, route.path) == (method, path))


@dataclass(frozen=True)
class Request:
    """What is asked with our keys, whatever the names in it mean."""

    route: Route
    path: dict[str, str]
    query: bytes = b""
    body: bytes = b""
    idempotency_key: str = ""


class World:
    """A book, and the API in this process with the keys of one project. `seed` makes its ids; real time moves by the batch."""

    def __init__(self, url: str, project_id: str, node: int) -> None:
        self.database = Database(url)
        self._project_id = project_id
        self._real = NOW + timedelta(days=node)
        self._runner = asyncio.Runner()
        self._engine = Engine(self.database, Ids(node, Random(node).randbytes), self._tick, self._deliver)
        self._gateway = Gateway(self.database, self._engine, Ids(0), "http://tallybook.test")

    def __enter__(self) -> Self:
        self._runner.get_loop()
        self._engine.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._engine.stop()
        self._runner.close()
        self.database.close()

    def _tick(self) -> datetime:
        self._real += timedelta(seconds=1)
        return self._real

    def _deliver(self, replies: list[tuple[Any, Any]]) -> None:
        for token, reply in replies:
            if isinstance(token, asyncio.Future):
                self._runner.get_loop().call_soon_threadsafe(token.set_result, reply)
            else:
                token.set_result(reply)

    def ask(self, request: Request) -> Answered:
        """The answer, without what is different each time."""
        headers = {b"x-app-id": f"{self._project_id}-app".encode(), b"x-app-token": b"token"}
        headers |= {b"x-management-id": f"{self._project_id}-management".encode(), b"x-management-token": b"token"}
        if request.idempotency_key:
            headers[b"idempotency-key"] = request.idempotency_key.encode()
        call = self._gateway.answer(request.route, request.path, request.query, headers, request.body)
        answered = self._runner.run(call)
        return Answered(answered.status, REQUEST_ID.sub(b'"request_id":""', answered.body), answered.headers)

    def do(self, method: str, path: str, body: Any = None, key: str = "", **names: str) -> Any:
        """Ask for something that must succeed, and give what is answered."""
        encoded = b"" if body is None else msgspec.json.encode(body)
        answered = self.ask(Request(route_of(method, path), names, b"", encoded, key))
        assert answered.status < 300, (method, path, body, answered.status, answered.body)
        return msgspec.json.decode(answered.body) if answered.body else None


def found_project(url: str, project_id: str) -> None:
    """Put a sandbox with a test clock and two keys into a book."""
    project = Project(
        id=project_id, name=f"Name of {project_id}", time_zone="UTC", currency="EUR", sandbox=True, test_now=NOW,
        webhook_secret="secret", created_at=NOW,
    )  # fmt: skip
    keys = [
        ApiKey(
            id=f"{project_id}-{kind}", project_id=project_id, kind=kind, name="Primary", token_hash=hash_token("token"),
            created_at=NOW, version=1,
        )
        for kind in ("app", "management")
    ]  # fmt: skip
    with contextlib.closing(Database(url)) as database, database.writing() as connection:
        connection.execute(insert(projects), [mapping(Project).row(project)])
        connection.execute(insert(api_keys), [mapping(ApiKey).row(key) for key in keys])


def populate(world: World, project_id: str, tag: str) -> None:
    """Something of everything, by name of `tag`: two projects with other tags share no name."""
    webhook = {"target_url": f"http://127.0.0.1:9/{tag}", "events": ["customer.created", "customer.order.paid"]}
    world.do("POST", "/management/v1/projects/{projectId}/webhooks", webhook, projectId=project_id)
    card = {"points": 100, "expiration_rules": {"period_type": "MONTH", "period_value": 12}}
    said = {"name": f"Programme {tag}", "type": "AUTO_UPDATE", "voucher": {"type": "LOYALTY_CARD", "loyalty_card": card}}
    campaign = world.do("POST", "/v1/loyalties", {**said, "auto_join": True, "vouchers_count": 1})["id"]
    rule = {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 10}}
    later = rule | {"pending_points": {"period_type": "DAY", "period_value": 3}}
    world.do("POST", "/v1/loyalties/{campaignId}/earning-rules", [rule, later], campaignId=campaign)
    world.do("POST", "/v1/loyalties/{campaignId}/tiers", [{"name": f"Tier {tag}", "points": {"from": 0}}], campaignId=campaign)
    who = {"source_id": f"customer-{tag}", "name": f"Person {tag}", "email": f"{tag}@example.com", "phone": f"+{len(tag)}00"}
    customer = world.do("POST", "/v1/customers", who)["id"]
    world.do("POST", "/v1/loyalties/{campaignId}/members", {"customer": {"id": customer}}, campaignId=campaign)
    order = {"source_id": f"order-{tag}", "status": "PAID", "amount": 500, "customer": {"id": customer}}
    world.do("POST", "/v1/orders", order, key=f"key-{tag}")
    other = {"source_id": f"second-{tag}", "name": f"Second {tag}"}
    publication = {"campaign": {"name": f"Programme {tag}", "count": 1}, "customer": other, "source_id": f"publication-{tag}"}
    world.do("POST", "/v1/publications", publication)
    world.do("POST", "/management/v1/projects/{projectId}/api-keys", {"name": f"Till {tag}"}, projectId=project_id)


def populate_beside(world: World, tag: str) -> None:
    """Things with a name and hardly more."""
    for path, body in {
        "/v1/categories": {"name": f"Category {tag}", "hierarchy": 1},
        "/v1/products": {"name": f"Product {tag}", "source_id": f"product-{tag}", "price": 100},
        "/v1/product-collections": {"name": f"Collection {tag}", "type": "STATIC", "products": []},
    }.items():
        world.do("POST", path, body)
    sku = {"sku": f"SKU {tag}", "source_id": f"sku-{tag}"}
    world.do("POST", "/v1/products/{productId}/skus", sku, productId=f"product-{tag}")


def migrated(url: str) -> None:
    """Bring an empty database to the schema of this version."""
    with contextlib.closing(Database(url)) as database:
        migrate(database)


def make_worlds(alone: str, beside: str) -> None:
    """Make both books: ours alone, and ours beside theirs."""
    for url in (alone, beside):
        migrated(url)
        if url == beside:
            found_project(url, THEIRS)
            with World(url, THEIRS, node=1) as world:
                populate(world, THEIRS, "theirs")
                populate_beside(world, "theirs")
        found_project(url, OURS)
        with World(url, OURS, node=2) as world:
            populate(world, OURS, "ours")
            populate_beside(world, "ours")


def rows_of(database: Database, project_id: str) -> dict[str, list[dict[str, Any]]]:
    """Everything that a book has of a project, by table."""
    found = {}
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            own = table.c.id if table is projects else table.c.get("project_id")
            if own is not None:
                rows = connection.execute(select(table).where(own == project_id))
                found[table.name] = sorted(map(dict, (row._mapping for row in rows)), key=repr)
    return found


def names_in(rows: dict[str, list[dict[str, Any]]], most: int = 2) -> dict[str, list[str]]:
    """What a request may name of a project, by table (documents by their kind): some of each kind of name."""
    found: dict[str, dict[tuple[str, str], None]] = {}
    for table, all_of_it in rows.items():
        for row in () if table in UNTOLD else all_of_it:
            told = found.setdefault(row["kind"] if table == "documents" else table, {})
            for column in TOLD:
                if isinstance(row.get(column), str) and sum(one == column for one, _ in told) < most:
                    told[column, row[column]] = None
    return {kind: list(dict.fromkeys(name for _, name in told)) for kind, told in found.items() if told}


@contextlib.contextmanager
def both(alone: str, beside: str, node: int) -> Iterator[tuple[World, World]]:
    """Open both books with our keys; what happens in them from now on is made from the same seed."""
    with World(alone, OURS, node) as one, World(beside, OURS, node) as other:
        yield one, other


def copied(template: Path, name: str) -> tuple[str, str]:
    """Fresh copies of the two SQLite books beside the template."""
    urls = []
    for kind in ("alone", "beside"):
        copy = template / f"{kind}-{name}.db"
        copy.write_bytes((template / f"{kind}.db").read_bytes())
        urls.append(f"sqlite:///{copy}")
    return urls[0], urls[1]
