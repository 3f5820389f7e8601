"""Activity: what happened to a customer and to a member, with the very payloads of the webhooks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import voucherify
from voucherify import models

from tallybook.domain.activities import OURS, is_activity_of_customer, is_activity_of_member
from tallybook.wire.events import PAYLOADS
from tests.acceptance.deliveries import Inbox
from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop

Subscribe = Callable[..., Inbox]

JOINED = ["customer.created", "customer.publication.succeeded", "customer.loyalty.tier.joined"]
PAID = ["customer.order.created", "customer.order.paid", "customer.rewarded.loyalty_points"]
WAITING = "customer.voucher.loyalty_card.pending_points"


def _names(rows: list[Any]) -> list[str]:
    return [row["type"] for row in rows]


def _all(client: Client, path: str, limit: int = 100) -> list[Any]:
    """Every row of a list, oldest first, stretch by stretch."""
    rows: list[Any] = []
    after = ""
    while True:
        answer = client.get(f"{path}?limit={limit}&order=created_at{after}")
        assert set(answer) == {"object", "data_ref", "data", "has_more"} | (
            {"more_starting_after"} if answer["has_more"] else set()
        )
        rows += answer["data"]
        if not answer["has_more"]:
            return rows
        after = f"&starting_after_id={answer['more_starting_after']}"


@pytest.fixture
def programme(shop: Shop) -> Any:
    """A programme with a tier from the first point on, a rule that gives at once, and one whose points wait."""
    campaign = shop.programme()
    shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0}})
    shop.rule(campaign.id, FIXED_TEN)
    shop.rule(campaign.id, FIXED_TEN, pending_points={"period_type": "DAY", "period_value": 3})
    return campaign


def test_a_customer_s_activity_is_all_that_happened(client: Client, shop: Shop, programme: Any) -> None:
    """In its order, by id or source id, also in stretches of two and through the typed client."""
    source_id = shop.name("customer")
    card = shop.join(programme.id, source_id)
    shop.pay(card.holder_id)
    expected = [*JOINED, *PAID, f"{WAITING}.added"]
    rows = _all(client, f"/v1/customers/{card.holder_id}/activity")
    assert _names(rows) == expected
    assert _all(client, f"/v1/customers/{source_id}/activity", limit=2) == rows
    newest_first = client.get(f"/v1/customers/{card.holder_id}/activity?limit=100")["data"]
    assert newest_first == rows[::-1]
    typed = client.customers.list_customer_activity(card.holder_id, limit=100)
    assert [one.type for one in typed.data] == expected[::-1]
    older = client.get(f"/v1/customers/{card.holder_id}/activities?limit=3")
    assert older == {"object": "list", "data_ref": "data", "data": newest_first[:3], "total": len(expected)}


def test_an_activity_has_the_payload_of_its_webhook(client: Client, shop: Shop, programme: Any, subscribed: Subscribe) -> None:
    """Id, data, source and group are those of the event that was sent, byte for byte."""
    inbox = subscribed("customer.rewarded.loyalty_points", "customer.loyalty.tier.joined")
    card = shop.join(programme.id)
    shop.pay(card.holder_id)
    sent = [delivery.envelope for delivery in inbox.wait(2)]
    assert _names(sent) == ["customer.loyalty.tier.joined", "customer.rewarded.loyalty_points"]
    rows = {row["type"]: row for row in _all(client, f"/v1/customers/{card.holder_id}/activity")}
    for body in sent:
        event = body["event"]
        assert rows[body["type"]] == {
            "id": event["id"],
            "type": body["type"],
            "data": {"data": body["data"], "event_source": event["event_source"]},
            "created_at": event["created_at"],
            "group_id": event["group_id"],
        }


def test_the_past_stays_as_it_was(client: Client, shop: Shop, programme: Any) -> None:
    """Whatever is renamed, changed or deleted afterwards."""
    card = shop.join(programme.id)
    shop.pay(card.holder_id)
    path = f"/v1/customers/{card.holder_id}/activity"
    before = _all(client, path)
    assert client.ask("PUT", f"/v1/customers/{card.holder_id}", {"name": "Another"}).status == 200
    assert client.ask("DELETE", f"/v1/loyalties/{programme.id}").status == 200
    after = _all(client, path)
    assert after[: len(before)] == before


def test_a_member_s_activity_is_that_of_one_programme(client: Client, shop: Shop, programme: Any) -> None:
    """Both paths show what speaks of the card, its tier too, and nothing of another programme."""
    source_id = shop.name("customer")
    card = shop.join(programme.id, source_id)
    other = shop.programme()
    shop.rule(other.id, FIXED_TEN)
    other_card = shop.join(other.id, source_id)
    shop.pay(card.holder_id)
    client.ask("POST", f"/v1/loyalties/members/{card.code}/balance", {"points": 5})
    expected = [
        "customer.publication.succeeded",
        "customer.loyalty.tier.joined",
        "customer.rewarded.loyalty_points",
        f"{WAITING}.added",
        "customer.voucher.loyalty_card.points_added",
    ]
    rows = _all(client, f"/v1/loyalties/members/{card.code}/activity")
    assert _names(rows) == expected
    assert _all(client, f"/v1/loyalties/{programme.id}/members/{card.code}/activity", limit=1) == rows
    assert _names(_all(client, f"/v1/loyalties/members/{other_card.code}/activity")) == [
        "customer.publication.succeeded",
        "customer.rewarded.loyalty_points",
    ]
    typed = client.loyalties.list_member_activity(card.code, limit=100)
    assert [one.type for one in typed.data] == expected[::-1]


def test_filters_of_a_customer_s_activity(client: Client, shop: Shop, programme: Any) -> None:
    """By name, campaign, kind of campaign, category and dates; both dates are included."""
    card = shop.join(programme.id)
    shop.pay(card.holder_id)
    path = f"/v1/customers/{card.holder_id}/activity?limit=100&order=created_at"
    rows = client.get(path)["data"]
    of_card = [row for row in rows if not row["type"].startswith(("customer.created", "customer.order"))]
    assert client.get(f"{path}&campaign_id={programme.id}")["data"] == of_card
    assert client.get(f"{path}&campaign_id=camp_unknown")["data"] == []
    assert client.get(f"{path}&campaign_type=LOYALTY_PROGRAM")["data"] == of_card
    assert client.get(f"{path}&campaign_type=PROMOTION")["data"] == []
    assert client.get(f"{path}&category=EFFECT")["data"] == rows
    assert client.get(f"{path}&category=ACTION")["data"] == []
    assert _names(client.get(f"{path}&type=customer.order.paid")["data"]) == ["customer.order.paid"]
    assert client.get(f"{path}&type=voucher.published")["data"] == []
    middle = rows[3]["created_at"]
    assert client.get(f"{path}&start_date={middle}")["data"] == [row for row in rows if row["created_at"] >= middle]
    assert client.get(f"{path}&end_date={middle}")["data"] == [row for row in rows if row["created_at"] <= middle]
    later = client.get(f"{path}&starting_after={middle}".replace("/activity?", "/activities?"))["data"]
    assert later == [row for row in rows if row["created_at"] > middle]


def test_a_skipped_rule_is_shown_to_who_asks_for_it(client: Client, shop: Shop) -> None:
    """The documents do not know this event, and a typed client could not read a list with it."""
    campaign = shop.programme()
    rule = {
        "type": "PROPORTIONAL",
        "calculation_type": "ORDER_AMOUNT",
        "order": {"amount": {"every": 1, "points": 1_000_000_000}},
    }
    shop.rule(campaign.id, rule)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id, amount=1_000_000)
    path = f"/v1/customers/{card.holder_id}/activity?limit=100"
    assert "customer.earning_rule.skipped" not in _names(client.get(path)["data"])
    (row,) = client.get(f"{path}&type=customer.earning_rule.skipped")["data"]
    assert row["data"]["data"]["reason"]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("category=EVENT", "Property .category must be one of: ACTION, EFFECT"),
        ("order=id", "Property .order must be one of: created_at, -created_at"),
        ("start_date=soon", "Property .start_date cannot be recognized as a ISO-8601 compliant date"),
    ],
)
def test_wrong_questions_are_refused(client: Client, shop: Shop, query: str, details: str) -> None:
    """With the parameter that is wrong."""
    customer = shop.customer()
    answer = client.ask("GET", f"/v1/customers/{customer.id}/activity?{query}")
    assert (answer.status, answer.json["key"], answer.json["details"]) == (400, "invalid_query_params", details)


def test_who_is_not_there_has_no_activity(client: Client, shop: Shop, programme: Any) -> None:
    """404 for an unknown customer and member, and for a member of another programme; a free card has done nothing."""
    for path, kind in (("customers/nobody/activity", "customer"), ("loyalties/members/nobody/activity", "voucher")):
        answer = client.ask("GET", f"/v1/{path}")
        assert (answer.status, answer.json["resource_type"]) == (404, kind)
    card = shop.join(programme.id)
    other = shop.programme()
    assert client.ask("GET", f"/v1/loyalties/{other.id}/members/{card.code}/activity").status == 404
    with pytest.raises(voucherify.exceptions.NotFoundException) as refused:
        client.customers.list_customer_activity("nobody")
    assert json.loads(refused.value.body or "")["key"] == "not_found"


def test_typed_clients_know_every_event_that_is_shown() -> None:
    """But for what is asked for by name."""
    for name in filter(is_activity_of_customer, PAYLOADS):
        assert models.CustomerActivity(type=name).type == name
    for name in filter(is_activity_of_member, PAYLOADS):
        assert models.MemberActivity(type=name).type == name
    assert set(PAYLOADS) >= OURS
