"""Every operation of the loyalty API that is built, called through the official client: it finds what it asks for, and reads it.

Where `../shared/contract` is there, each answer has the shape of the documented example: its keys, with values of its types.
"""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Client, Management
from tests.acceptance.shop import Shop, days, per_amount

EXAMPLES = Path(__file__).parents[3] / "shared" / "contract" / "openapi" / "loyalties.json"
OPERATION = re.compile(r"def _(\w+)_serialize\(.*?method='(\w+)',\s+resource_path='([^']+)'", re.DOTALL)


UNREADABLE = {"export_loyalty_campaign_transactions": "its model allows a campaign id of one character"}
"""Operations whose documented answer the client cannot read, and why."""


UNSAID = {
    "activity_duration_after_publishing", "api_key", "calculation_type", "customer", "description", "destination_voucher",
    "expiration_date", "filters", "initial_count", "loyalty_tier", "loyalty_tiers_expiration", "more_starting_after", "order",
    "points", "prefix", "rounding_type", "segment", "start_date", "user", "validity_day_of_week", "validity_hours",
    "validity_timeframe",
}  # fmt: skip
"""Keys that are there when a request said them, or when there is something to say: the examples are of other programmes."""

NEWER = {
    "category", "expiration_rules", "fields", "has_more", "next_expiration_date", "next_expiration_points", "operation_type",
    "pending_points", "subtracted_points", "total", "updated_at", "validation_rule_id", "validation_rules_assignments",
}  # fmt: skip
"""Keys that other examples, schemas or decisions document, and that some examples are too old for."""


class Tour:
    """Calls operations by their names in the client, and remembers the raw answer of each first call."""

    def __init__(self, client: Client) -> None:
        self._api = client.loyalties
        self.answers: dict[str, Any] = {}

    def call(self, name: str, *words: Any, **options: Any) -> Any:
        """Call it; the raw answer, parsed. The client must be able to read it too, but for UNREADABLE."""
        if name in UNREADABLE:
            answer = getattr(self._api, f"{name}_without_preload_content")(*words, **options)
            status, body = answer.status, answer.read()
        else:
            answer = getattr(self._api, f"{name}_with_http_info")(*words, **options)
            status, body = answer.status_code, answer.raw_data
        assert status in (200, 204), (name, body)
        raw = json.loads(body) if body else None
        self.answers.setdefault(name, raw)
        return raw

    def body(self, model: str, /, **said: Any) -> Any:
        """A body of the client's own model."""
        return getattr(voucherify, f"Loyalties{model}RequestBody").model_validate(said)


@pytest.fixture(scope="module")
def tour(client: Client, management: Management) -> Iterator[Tour]:
    """A programme from its beginning to its end."""
    shop, tour = Shop(client, "tour"), Tour(client)
    management.set_clock("2030-03-01T12:00:00.000Z")
    campaign = _set_up(tour, shop)
    _change_rules(tour, campaign)
    card = _live(tour, shop, management, campaign)
    _read(tour, campaign, card)
    tour.call("delete_loyalty_program", campaign)
    yield tour
    shop.close()


def _set_up(tour: Tour, shop: Shop) -> str:
    body = tour.body(
        "CreateCampaign",
        name=shop.name("tour"),
        type="AUTO_UPDATE",
        voucher={
            "type": "LOYALTY_CARD",
            "loyalty_card": {"points": 0, "expiration_rules": {"period_type": "MONTH", "period_value": 3}},
        },
    )
    campaign: str = tour.call("create_loyalty_program", body)["id"]
    tour.call("update_loyalty_program", campaign, tour.body("UpdateCampaign", description="A tour"))
    tour.call("get_loyalty_program", campaign)
    tour.call("list_loyalty_programs", limit=5)
    return campaign


def _change_rules(tour: Tour, campaign: str) -> None:
    item = voucherify.LoyaltiesEarningRulesCreateRequestBodyItem
    rules = [
        {"event": "order.paid", "loyalty": per_amount(100, 1), "source": {"banner": "A point for a dollar"}},
        {
            "event": "order.paid",
            "loyalty": {"type": "FIXED", "points": 7},
            "source": {"banner": "Later"},
            "pending_points": days(7),
        },
        {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 1}, "source": {"banner": "To go"}},
    ]
    first, second, gone = tour.call("create_earning_rule", campaign, [item.model_validate(rule) for rule in rules])
    tour.call("update_earning_rule", campaign, first["id"], tour.body("EarningRulesUpdate", source={"banner": "A point each"}))
    tour.call("disable_earning_rule", campaign, second["id"])
    tour.call("enable_earning_rule", campaign, second["id"])
    tour.call("delete_earning_rule", campaign, gone["id"])
    tour.call("get_earning_rule", campaign, first["id"])
    tour.call("list_earning_rules", campaign, limit=10)
    tier = voucherify.LoyaltiesTiersCreateInBulkRequestBodyItem.model_validate(
        {
            "name": "Silver",
            "points": {"from": 10, "to": 999},
            "earning_rules": {first["id"]: {"type": "CUSTOM", "points": 2}},
        }
    )
    (silver,) = tour.call("create_in_bulk_loyalty_tiers", campaign, [tier])
    tour.call("get_loyalty_tier", campaign, silver["id"])
    tour.call("list_loyalty_tiers", campaign)
    tour.call("list_loyalty_tier_earning_rules", campaign, silver["id"])


def _live(tour: Tour, shop: Shop, management: Management, campaign: str) -> str:
    customer = shop.customer()
    card: str = tour.call("add_member", campaign, tour.body("MembersCreate", customer={"id": customer.id}))["code"]
    for day in (2, 3, 4):
        management.set_clock(f"2030-03-0{day}T12:00:00.000Z")
        shop.pay(customer.id, 5_000)
    waiting = tour.call("list_member_pending_points", card, limit=10)["data"]
    tour.call("list_member_pending_points1", campaign, card)
    tour.call("list_campaign_pending_points", campaign)
    adjust = tour.body("MembersPendingPointsBalance", points=3)
    tour.call("adjust_member_pending_points", card, waiting[0]["id"], adjust)
    tour.call("activate_member_pending_points", card, waiting[0]["id"])
    tour.call("cancel_member_pending_points", card, waiting[1]["id"])
    tour.call("update_loyalty_card_balance", card, tour.body("MembersBalanceUpdate", points=-5, reason="A slip"))
    tour.call("update_loyalty_card_balance1", campaign, card, tour.body("MembersBalanceUpdate", points=20))
    return card


def _read(tour: Tour, campaign: str, card: str) -> None:
    tour.call("get_member", card)
    tour.call("get_member1", campaign, card)
    tour.call("list_members", campaign, limit=10)
    tour.call("list_member_loyalty_tier", card)
    tour.call("list_member_activity", card)
    tour.call("list_member_activity1", campaign, card)
    tour.call("list_loyalty_card_transactions", card)
    tour.call("list_loyalty_card_transactions1", campaign, card)
    tour.call("list_loyalty_campaign_transactions", campaign)
    tour.call("list_points_expiration", campaign, card)
    parameters = {"order": "-created_at", "fields": ["id", "type"]}
    tour.call("export_loyalty_card_transactions", card, tour.body("MembersTransactionsExportCreate", parameters=parameters))
    tour.call(
        "export_loyalty_card_transactions1", campaign, card, tour.body("MembersTransactionsExportCreate", parameters=parameters)
    )
    tour.call("export_loyalty_campaign_transactions", campaign, tour.body("TransactionsExportCreate", parameters=parameters))
    parameters = {"order": "-expires_at", "fields": ["id", "points"]}
    tour.call("create_points_expiration_export", campaign, tour.body("PointsExpirationExportCreate", parameters=parameters))


def _operations() -> dict[str, tuple[str, str]]:
    """Every loyalty operation that the client has: method and path by its name."""
    source = Path(inspect.getfile(voucherify.LoyaltiesApi)).read_text()
    return {name: (method.lower(), path) for name, method, path in OPERATION.findall(source)}


def test_no_operation_was_left_out(tour: Tour, client: Client) -> None:
    """What the client can ask of the loyalty API, and /openapi.json has, was asked."""
    paths = {(method, _bare(path)) for path, methods in client.get("/openapi.json")["paths"].items() for method in methods}
    built = {name for name, (method, path) in _operations().items() if (method, _bare(path)) in paths}
    assert len(built) > 30
    assert built == tour.answers.keys()


def _bare(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the documented examples are not beside this repository")
def test_answers_have_the_shapes_of_their_examples(tour: Tour) -> None:
    """The answer has the keys of an example, with values of its types, but for what nobody said and what is newer."""
    documented = json.loads(EXAMPLES.read_text())["paths"]
    found = {}
    for name, (method, path) in _operations().items():
        answers = documented[path][method]["responses"].get("200", {}).get("content", {})
        examples = [one["value"] for content in answers.values() for one in content.get("examples", {}).values()]
        if name in tour.answers and examples:
            found[name] = min((_unlike("$", example, tour.answers[name]) for example in examples), key=len)
    assert len(found) > 25
    assert {name: lines for name, lines in found.items() if lines} == {}


def _unlike(path: str, example: Any, came: Any) -> list[str]:
    if example is None or came is None:
        return []
    if isinstance(example, bool) or not isinstance(example, int | float):
        if type(example) is not type(came):
            return [f"{path}: {type(came).__name__}, not {type(example).__name__}"]
    elif not isinstance(came, int | float):
        return [f"{path}: {type(came).__name__}, not a number"]
    if isinstance(example, list):
        return _unlike(f"{path}[0]", example[0], came[0]) if example and came else []
    if not isinstance(example, dict):
        return []
    if path.endswith(("metadata", "earning_rules", "rewards")):  # their keys are names that a shop gave
        return []
    found = [f"{path}.{key}: missing" for key in example.keys() - came.keys() - UNSAID - NEWER]
    found += [f"{path}.{key}: not in the example" for key in came.keys() - example.keys() - UNSAID - NEWER]
    return found + [line for key in example.keys() & came.keys() for line in _unlike(f"{path}.{key}", example[key], came[key])]
