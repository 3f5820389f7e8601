"""Nothing of another project can be read, changed, or told from nothing.

Two worlds answer the same requests: one where the other project stands beside ours, one where it never was. Every answer is the
same, byte for byte, whatever of theirs is named; and what is theirs stays as it was.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallybook.api.call import Route
from tests.api.requests import Names, kinds_in, requests
from tests.api.worlds import OURS, ROUTES, THEIRS, Request, World, both, copied, make_worlds, names_in, route_of, rows_of
from tests.postgres import Cluster, drop_database, new_database

_numbers = itertools.count()
STEPS = 8
BODIES: dict[str, Any] = {
    "create_customer": {"source_id": "{name}"},
    "create_order": {"id": "{name}", "status": "PAID", "amount": 100},
    "add_member": {"customer": {"id": "{name}"}, "voucher": "{name}"},
    "create_publication": {"campaign": {"name": "{name}"}, "customer": {"source_id": "{name}"}, "source_id": "{name}"},
    "update_webhook": {"target_url": "http://127.0.0.1:9/", "events": ["customer.created"]},
    "create_webhook": {"target_url": "http://127.0.0.1:9/", "events": ["customer.created"]},
    "create_api_key": {"name": "Till"},
    "adjust_member_balance": {"points": 1},
    "move_test_clock": {"now": "2024-06-16T00:00:00.000Z"},
}
"""What a route needs beside its path to get as far as looking something up; the others get an empty object."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both worlds as SQLite files, for copies of them."""
    folder = tmp_path_factory.mktemp("worlds")
    make_worlds(f"sqlite:///{folder / 'alone.db'}", f"sqlite:///{folder / 'beside.db'}")
    return folder


@pytest.fixture(scope="module")
def names(template: Path) -> tuple[Names, Names]:
    """What is ours and what is theirs."""
    with World(f"sqlite:///{template / 'beside.db'}", OURS, node=9) as world:
        return tuple(names_in(rows_of(world.database, project)) for project in (OURS, THEIRS))  # type: ignore[return-value]


@pytest.fixture(params=["sqlite", "postgresql"])
def worlds(request: pytest.FixtureRequest, template: Path) -> Iterator[tuple[World, World]]:
    """Both worlds, open, on each kind of database."""
    if request.param == "sqlite":
        with both(*copied(template, "swept"), node=3) as opened:
            yield opened
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    alone, beside = new_database(cluster), new_database(cluster)
    make_worlds(alone, beside)
    with both(alone, beside, node=3) as opened:
        yield opened
    for url in (alone, beside):
        drop_database(cluster, url)


def told_apart(worlds: tuple[World, World], request: Request) -> str | None:
    """How the answers of the two worlds differ; None if they do not."""
    alone, beside = (world.ask(request) for world in worlds)
    if (alone.status, alone.body, alone.headers) == (beside.status, beside.body, beside.headers):
        return None
    asked = f"{request.route.method} {request.route.path} {request.path} {request.query!r} {request.body!r}"
    return f"{asked}\n  without them {alone.status} {alone.body!r}\n  beside them  {beside.status} {beside.body!r}"


def paths_of(route: Route, ours: Names, theirs: Names) -> Iterator[dict[str, str]]:
    """Paths of a route with a name of theirs in one place, and in the others of theirs too, or of ours."""
    places = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    for place, (kind, all_of_it) in itertools.product(places, theirs.items()):
        fits = not kinds_in(place) or kind in kinds_in(place)
        for name, others in itertools.product(all_of_it if fits else all_of_it[: kind == "customers"], (ours, theirs)):
            rest = {one: next((others[k][0] for k in kinds_in(one) if others.get(k)), "none") for one in places}
            yield rest | {place: name}


def sweep(ours: Names, theirs: Names) -> Iterator[Request]:
    """Every route with every name of theirs that fits: in its path, or in its body and query where it has none."""
    for route in ROUTES:
        if "{" in route.path:
            named = [(path, next(iter(path.values()))) for path in paths_of(route, ours, theirs)]
        else:
            named = [({}, name) for kind in ("customers", "orders", "cards", "campaign") for name in theirs[kind]]
        for path, name in named:
            body = msgspec.json.encode(BODIES.get(route.operation_id, {})).replace(b"{name}", name.encode())
            yield Request(route, path, b"", body if route.write else b"")
            if route.write:
                yield Request(route, path, b"", body, idempotency_key="key-theirs")
            for said in route.query:
                yield Request(route, path, urlencode({said: name}).encode())


def test_no_name_of_theirs_is_told_from_nobodys(worlds: tuple[World, World]) -> None:
    """In every route, in every place; a request that comes twice may meet what it left the first time."""
    ours, theirs = (names_in(rows_of(worlds[1].database, project)) for project in (OURS, THEIRS))
    before = rows_of(worlds[1].database, THEIRS)
    asked = [request for request in sweep(ours, theirs) for _ in range(2 if request.body else 1)]
    differences = [difference for request in asked if (difference := told_apart(worlds, request))]
    assert "\n".join(differences[:10]) == ""
    assert rows_of(worlds[1].database, THEIRS) == before
    assert {id(request.route) for request in asked} == {id(route) for route in ROUTES}


def test_a_name_of_ours_may_be_an_id_of_theirs(worlds: tuple[World, World]) -> None:
    """What we call by an id that they were given is ours, found by us and counted once, as if they were not there."""
    ours, theirs = (names_in(rows_of(worlds[1].database, project)) for project in (OURS, THEIRS))
    customer, order, card, product = (theirs[kind][0] for kind in ("customers", "orders", "cards", "products"))
    before = rows_of(worlds[1].database, THEIRS)
    steps: list[tuple[str, str, dict[str, str], Any]] = [
        ("PUT", "/v1/customers/{customerId}", {"customerId": ours["customers"][0]}, {"source_id": customer}),
        ("GET", "/v1/customers/{customerId}", {"customerId": customer}, None),
        ("PUT", "/v1/customers/{customerId}", {"customerId": customer}, {"name": "Renamed"}),
        ("POST", "/v1/orders", {}, {"source_id": order, "status": "PAID", "amount": 7, "customer": {"source_id": customer}}),
        ("POST", "/v1/orders", {}, {"source_id": order, "status": "PAID", "amount": 7, "customer": customer}),
        ("PUT", "/v1/orders/{orderId}", {"orderId": order}, {"amount": 8}),
        ("GET", "/v1/orders/{orderId}", {"orderId": order}, None),
        ("POST", "/v1/campaigns/{campaignId}/vouchers/{code}", {"campaignId": ours["campaign"][0], "code": card}, {}),
        ("POST", "/v1/loyalties/{campaignId}/members", {"campaignId": ours["campaign"][0]}, {"customer": "new", "voucher": card}),
        ("POST", "/v1/loyalties/members/{memberId}/balance", {"memberId": card}, {"points": 3}),
        ("GET", "/v1/loyalties/members/{memberId}", {"memberId": card}, None),
        ("POST", "/v1/products", {}, {"source_id": product, "name": "Ours"}),
        ("POST", "/v1/products", {}, {"source_id": product, "name": "Renamed"}),
        ("GET", "/v1/products/{productId}", {"productId": product}, None),
    ]
    for method, path, names, body in steps:
        request = Request(route_of(method, path), names, b"", b"" if body is None else msgspec.json.encode(body))
        alone, beside = (world.ask(request) for world in worlds)
        assert (beside.status, beside.body) == (alone.status, alone.body)
        assert alone.status == 200, (method, path, alone.body)
    assert rows_of(worlds[1].database, THEIRS) == before


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_is_asked_the_others_do_not_show(template: Path, names: tuple[Names, Names], data: st.DataObject) -> None:
    """Any requests in any order, with any names: the answers are those of a world where the others never were."""
    asked = data.draw(st.lists(requests(*names), min_size=1, max_size=STEPS))
    with both(*copied(template, str(next(_numbers))), node=3) as worlds:
        before = rows_of(worlds[1].database, THEIRS)
        for request in asked:
            assert told_apart(worlds, request) is None
        assert rows_of(worlds[1].database, THEIRS) == before
