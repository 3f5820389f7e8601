"""Projects over the management API: made, changed, deleted, each with its own keys, secret and time zone."""

import itertools
import time
from typing import Any

import pytest
import voucherify
from voucherify.exceptions import NotFoundException

from tests.acceptance.deliveries import Inbox, signature
from tests.acceptance.official import Answer, Client, Management, Plain
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.receiver import Receiver

PROJECTS = "/management/v1/projects"
WANTED: dict[str, Any] = {"name": "Shop", "timezone": "Europe/Warsaw", "currency": "EUR", "case_sensitive_codes": True}
_numbers = itertools.count(1)


def body(**said: Any) -> dict[str, Any]:
    """A new project with a name that no other has."""
    return {**WANTED, "name": f"Shop {next(_numbers)}", **said}


def make(management: Management, **said: Any) -> Any:
    """Make a project and give the answer."""
    answer = management.ask("POST", PROJECTS, body(**said))
    assert answer.status == 200, answer
    return answer.json


def client_of(server: Server, made: Any) -> Plain:
    """The API with the first key of a new project."""
    key = made["server_side_key"]
    return Plain(server, {"X-App-Id": key["app_id"], "X-App-Token": key["app_token"]})


def shop_of(server: Server, made: Any) -> Shop:
    """A shop in a new project, through the official client."""
    key = made["server_side_key"]
    return Shop(Client(with_app_key(server, key["app_id"], key["app_token"])), made["id"])


def with_app_key(server: Server, app_id: str, app_token: str) -> Server:
    """The same server, spoken to with another key."""
    return Server(server.port, server.database_url, server.log, app_id=app_id, app_token=app_token)


def refused(answer: Answer) -> tuple[int, str]:
    """How it was refused."""
    return answer.status, answer.json["key"]


def test_a_project_from_beginning_to_end(management: Management) -> None:
    """Made, got, listed, changed and deleted by the official client (openapi create-project and the four after it)."""
    said = voucherify.ManagementProjectsCreateRequestBody(**body(description="For testing."))
    made = management.api.create_project(said)
    assert (made.name, made.timezone, made.currency, made.description) == (said.name, "Europe/Warsaw", "EUR", "For testing.")
    assert (made.is_sandbox, made.case_sensitive_codes, len(made.webhook_token)) == (False, True, 40)
    got = management.api.get_project(made.id)
    kept = management.get(f"{PROJECTS}/{made.id}")
    assert got.name == said.name
    assert [one for one in management.get(PROJECTS)["data"] if one["id"] == made.id] == [kept]
    change = voucherify.ManagementProjectsUpdateRequestBody(name="Other", timezone="America/New_York")
    changed = management.api.update_project(made.id, change)
    assert (changed.name, changed.timezone, changed.currency) == ("Other", "America/New_York", "EUR")
    assert management.get(f"{PROJECTS}/{made.id}") == kept | {"name": "Other", "timezone": "America/New_York"}
    management.api.delete_project(made.id)
    with pytest.raises(NotFoundException):
        management.api.get_project(made.id)


def test_the_answer_to_making_a_project_has_the_documented_keys(management: Management) -> None:
    """The project, the secret of its webhooks, and one key with its token; what is got later has no secret."""
    made = make(management)
    assert (sorted(made.pop("server_side_key")), len(made.pop("webhook_token"))) == (["app_id", "app_token"], 40)
    assert management.get(f"{PROJECTS}/{made['id']}") == made


def test_a_new_project_is_empty_and_its_key_opens_it(server: Server, management: Management, client: Client) -> None:
    """The same source id, programme name and order mean something else in each project."""
    mine, other = Shop(client, "twin"), shop_of(server, make(management))
    campaigns = [shop.programme(name="Programme of everybody") for shop in (mine, other)]
    for shop, campaign, points in zip((mine, other), campaigns, (10, 25), strict=True):
        shop.rule(campaign.id, {"type": "FIXED", "points": points})
    cards = [shop.join(campaign.id, "twin") for shop, campaign in zip((mine, other), campaigns, strict=True)]
    for shop, card in zip((mine, other), cards, strict=True):
        shop.pay(card.holder_id, source_id="order-of-everybody")
    assert [shop.points(card.code) for shop, card in zip((mine, other), cards, strict=True)] == [10, 25]
    assert other.client.get("/v1/customers")["total"] == 1
    assert other.client.ask("GET", f"/v1/customers/{cards[0].holder_id}").status == 404
    mine.close()


def test_days_end_in_the_time_zone_of_the_project(server: Server, management: Management) -> None:
    """Points of one instant expire on another date on the other side of the date line (semantics 2.3)."""
    dates = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: there is no instant at which they share a date
        made = make(management, timezone=zone, sandbox=True)
        answer = management.ask("POST", f"{PROJECTS}/{made['id']}/test-clock", {"now": "2024-06-15T12:00:00.000Z"})
        assert answer.status == 200
        shop = shop_of(server, made)
        campaign = shop.programme(points=5, expiration_rules={"period_type": "MONTH", "period_value": 1})
        card = shop.join(campaign.id)
        dates.append(shop.card(card.code)["loyalty_card"]["next_expiration_date"])
    assert dates == ["2024-07-16", "2024-07-15"]


@pytest.mark.parametrize("zone", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "localtime", "CEST+2"])
def test_a_time_zone_that_is_none_is_refused(management: Management, zone: str) -> None:
    """At the making of a project and at its change; nothing is made or changed."""
    before = management.get(PROJECTS)
    for method, path, said in (("POST", PROJECTS, body(timezone=zone)), ("PUT", management.path, {"timezone": zone})):
        answer = management.ask(method, path, said)
        assert refused(answer) == (400, "invalid_payload")
        assert answer.json["details"] == f"Property .timezone must be a time zone such as Europe/Warsaw, not '{zone}'"
    assert management.get(PROJECTS) == before


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"name": None}, (400, "invalid_payload")),
        ({"name": ""}, (400, "invalid_payload")),
        ({"currency": "euro"}, (400, "invalid_payload")),
        ({"currency": None}, (400, "invalid_payload")),
        ({"timezone": None}, (400, "invalid_payload")),
        ({"case_sensitive_codes": False}, (501, "not_implemented")),
    ],
)
def test_a_malformed_project_is_refused(management: Management, said: dict[str, Any], expected: tuple[int, str]) -> None:
    """The four required fields, each of its form; codes that ignore case are not built."""
    assert refused(management.ask("POST", PROJECTS, {**WANTED, **said})) == expected


@pytest.mark.parametrize("name", ["name", "timezone", "currency", "case_sensitive_codes"])
def test_what_a_project_needs_is_asked_for(management: Management, name: str) -> None:
    """The documented required properties (openapi create-project)."""
    answer = management.ask("POST", PROJECTS, {key: value for key, value in WANTED.items() if key != name})
    assert (answer.status, answer.json["details"]) == (400, f"Property .{name} is required")


def test_a_deleted_project_is_out_of_reach(server: Server, management: Management) -> None:
    """Its key opens nothing at once, nobody can get, change or delete it, and it is in no list."""
    made = make(management)
    client, path = client_of(server, made), f"{PROJECTS}/{made['id']}"
    assert client.ask("POST", "/v1/customers", {"source_id": "ann"}).status == 200
    assert management.ask("DELETE", path).status == 204
    assert client.ask("GET", "/v1/customers/ann").status == 401
    asked = [("GET", path), ("PUT", path), ("DELETE", path), ("GET", f"{path}/webhooks"), ("GET", f"{path}/api-keys")]
    gone = [management.ask(method, one, {} if method == "PUT" else None) for method, one in asked]
    assert [(answer.status, answer.json["details"]) for answer in gone] == [
        (404, f"Cannot find project with id {made['id']}")
    ] * len(asked)
    assert made["id"] not in {one["id"] for one in management.get(PROJECTS)["data"]}


def test_the_first_project_cannot_be_deleted(management: Management) -> None:
    """It owns the others, and the installation cannot be without one."""
    assert refused(management.ask("DELETE", management.path)) == (400, "resource_protected")
    assert management.get(management.path)["id"] == management.project_id


def test_a_project_manages_what_it_made_and_nothing_beside(server: Server, management: Management) -> None:
    """The first project's key sees all; a project's own management key sees itself and what was made with it."""
    one, other = make(management), make(management)
    keys = management.ask("POST", f"{PROJECTS}/{one['id']}/api-keys", {"name": "Own", "kind": "management"}).json
    own = Plain(server, {"X-Management-Id": keys["app_id"], "X-Management-Token": keys["app_token"]})
    child = own.ask("POST", PROJECTS, body()).json
    assert [found["id"] for found in own.get(PROJECTS)["data"]] == [one["id"], child["id"]]
    assert {one["id"], other["id"], child["id"]} < {found["id"] for found in management.get(PROJECTS)["data"]}
    assert own.get(f"{PROJECTS}/{child['id']}")["name"] == child["name"]
    assert management.get(f"{PROJECTS}/{child['id']}")["name"] == child["name"]
    for stranger in (other["id"], management.project_id, "proj_nothere"):
        answer = own.ask("GET", f"{PROJECTS}/{stranger}")
        assert (answer.status, answer.json["details"]) == (404, f"Cannot find project with id {stranger}")
    assert management.ask("DELETE", f"{PROJECTS}/{one['id']}").status == 204
    assert management.get(f"{PROJECTS}/{child['id']}")["name"] == child["name"], "what a deleted project made has an owner still"


def test_the_webhooks_of_a_project_are_its_own(server: Server, management: Management, receiver: Receiver) -> None:
    """A webhook gets what happens in its project, signed with the secret of that project, and nothing of another."""
    made, other = make(management), make(management)
    said = {"target_url": receiver.url, "events": ["customer.created", "customer.order.paid"]}
    assert management.ask("POST", f"{PROJECTS}/{made['id']}/webhooks", said).status == 200
    for project, name in ((other, "elsewhere"), (made, "here")):
        shop = shop_of(server, project)
        campaign = shop.programme()
        shop.rule(campaign.id, FIXED_TEN)
        card = shop.join(campaign.id, name)
        shop.pay(card.holder_id, source_id=name)
    told = Inbox(receiver).wait(2)
    assert [one.type for one in told] == ["customer.created", "customer.order.paid"]
    assert {one.envelope["project_id"] for one in told} == {made["id"]}
    assert not any(b"elsewhere" in one.body for one in told)
    assert [one.headers["x-voucherify-signature"] for one in told] == [signature(made["webhook_token"], one.body) for one in told]


def test_a_repeated_making_of_a_project_makes_one_and_hides_the_secrets(server: Server, management: Management) -> None:
    """Same idempotency key: the same project; token and secret were shown the first time and are stored nowhere in clear."""
    said, key = body(), {"Idempotency_Key": f"project-{time.time_ns()}"}
    first, second = (management.ask("POST", PROJECTS, said, **key) for _ in range(2))
    assert second.headers["idempotency-replayed"] == "true"
    made, again = first.json, second.json
    token = made["server_side_key"].pop("app_token")
    assert {**again, "webhook_token": made["webhook_token"]} == made
    assert (
        client_of(server, {"server_side_key": {**made["server_side_key"], "app_token": token}}).get("/v1/customers")["total"] == 0
    )
