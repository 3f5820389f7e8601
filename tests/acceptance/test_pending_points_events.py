"""What is told of points that wait: the keys of each event, at each level, and the numbers that matter."""

from typing import Any

import pytest

from tests.acceptance.official import Management
from tests.acceptance.shop import FIXED_TEN, Shop, days
from tests.acceptance.stories import Subscribe

CUSTOMER = {"id", "name", "email", "source_id", "metadata", "object"}
CAMPAIGN = (
    {"id", "name", "campaign_type", "type", "is_referral_code", "voucher", "auto_join", "join_once", "active"}
    | {"category_id", "category", "metadata", "start_date", "expiration_date", "description", "created_at", "object"}
)  # fmt: skip
VOUCHER = (
    {"id", "code", "loyalty_card", "type", "campaign", "campaign_id", "is_referral_code", "holder_id", "category_id", "active"}
    | {"created_at", "updated_at", "redemption", "start_date", "expiration_date", "metadata", "object"}
)  # fmt: skip
WITH_CATEGORIES = VOUCHER | {"categories", "category"}
WAITING = {"points", "total", "object", "related_object", "operation_type"}
BALANCE = WAITING | {"balance", "type"}
ORDER = {"id", "source_id", "status", "customer_id", "referrer_id", "amount", "total_amount", "items", "created_at", "object"}
TRANSACTION = (
    {"id", "source_id", "voucher_id", "campaign_id", "source", "reason", "type", "details", "related_transaction_id"}
    | {"created_at"}
)  # fmt: skip
ENTRY = (
    {"id", "voucher_id", "campaign_id", "customer_id", "order_id", "points", "activates_at", "details", "created_at"}
)  # fmt: skip
DETAILS = {"event", "earning_rule", "order"}

CHANGED: dict[str, set[str] | None] = {
    "customer": CUSTOMER,
    "campaign": CAMPAIGN,
    "voucher": VOUCHER,
    "voucher_pending_points_balance": WAITING,
}
CHANGED |= {"order": ORDER, "pending_points": ENTRY}
ACTIVATED: dict[str, set[str] | None] = {
    "customer": CUSTOMER,
    "campaign": CAMPAIGN,
    "voucher": VOUCHER,
    "balance": BALANCE,
    "order": ORDER,
}
ACTIVATED |= {"transaction": TRANSACTION, "pending_points": ENTRY}

SHAPES: dict[str, dict[str, set[str] | None]] = {
    "voucher.loyalty_card.pending_points.added": CHANGED | {"voucher": WITH_CATEGORIES},
    "voucher.loyalty_card.pending_points.updated": CHANGED
    | {"voucher": WITH_CATEGORIES, "pending_points": ENTRY | {"updated_at"}},
    "voucher.loyalty_card.pending_points.canceled": CHANGED | {"redemption": None},
    "voucher.loyalty_card.pending_points.activated": ACTIVATED,
    "customer.voucher.loyalty_card.pending_points.added": {**CHANGED},
    "customer.voucher.loyalty_card.pending_points.updated": CHANGED | {"pending_points": ENTRY | {"updated_at"}},
    "customer.voucher.loyalty_card.pending_points.canceled": {**CHANGED},
    "customer.voucher.loyalty_card.pending_points.activated": {**ACTIVATED},
}
"""The keys of each event, and of each object in it; None for a value that is null."""


def _keys(told: Any) -> dict[str, set[str] | None]:
    return {name: None if value is None else set(value) for name, value in told.items()}


@pytest.fixture
def member(management: Management, shop: Shop) -> Any:
    """The card of a member, who waits for the points of one order."""
    management.set_clock("2025-01-10T12:00:00.000Z")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(5))
    return shop.join(campaign.id)


def _change(shop: Shop, card: Any, entry_id: str, word: str) -> None:
    if word == "updated":
        shop.adjust_waiting(card.code, entry_id, -4)
    elif word == "canceled":
        shop.client.loyalties.cancel_member_pending_points(card.code, entry_id)
    elif word == "activated":
        shop.activate(card.code, entry_id)


@pytest.mark.parametrize("word", ["added", "updated", "canceled", "activated"])
def test_every_change_is_told_twice(shop: Shop, member: Any, subscribed: Subscribe, word: str) -> None:
    """Once of the card and once of the customer, each with its own keys, and with the same instant and order of both."""
    names = [f"{who}voucher.loyalty_card.pending_points.{word}" for who in ("", "customer.")]
    if word == "added":
        inbox = subscribed(*names)
        shop.pay(member.holder_id)
    else:
        shop.pay(member.holder_id)
        (entry,) = shop.waiting(member.code)
        inbox = subscribed(*names)
        _change(shop, member, entry["id"], word)
    deliveries = inbox.wait(2)
    assert [delivery.type for delivery in deliveries] == names
    assert [delivery.envelope["event"]["entity_id"] for delivery in deliveries] == [member.id, member.holder_id]
    for delivery in deliveries:
        assert _keys(delivery.data) == SHAPES[delivery.type]
        assert set(delivery.data["pending_points"]["details"]) == DETAILS
        assert delivery.data["voucher"]["updated_at"] == delivery.envelope["event"]["created_at"]


def _numbers(told: Any) -> tuple[int, int, str, int, int]:
    """The change, what waits after it, who did it, what waits by the voucher, and the points of the entry."""
    balance, card = told["voucher_pending_points_balance"], told["voucher"]["loyalty_card"]
    changed = (balance["points"], balance["total"], balance["operation_type"])
    return (*changed, card.get("pending_points", 0), told["pending_points"]["points"])


def test_the_numbers_are_those_after_the_change(shop: Shop, member: Any, subscribed: Subscribe) -> None:
    """Signed changes and running totals; an entry that is canceled keeps its number (webhooks: causality b and e)."""
    names = [f"voucher.loyalty_card.pending_points.{word}" for word in ("added", "updated", "canceled")]
    inbox = subscribed(*names)
    for _ in range(2):
        shop.pay(member.holder_id)
    first, second = shop.waiting(member.code)
    shop.adjust_waiting(member.code, first["id"], -4)
    for entry in (first, second):
        shop.client.loyalties.cancel_member_pending_points(member.code, entry["id"])
    assert [_numbers(delivery.data) for delivery in inbox.wait(5)] == [
        (10, 10, "AUTOMATIC", 10, 10),
        (10, 20, "AUTOMATIC", 20, 10),
        (-4, 16, "MANUAL", 16, 6),
        (-6, 10, "MANUAL", 10, 6),
        (-10, 0, "MANUAL", 0, 10),
    ]


def test_a_reward_is_told_when_the_points_come(shop: Shop, member: Any, subscribed: Subscribe) -> None:
    """Not when they begin to wait (decision 22), and the ledger's event not at all (decision 21)."""
    inbox = subscribed("customer.rewarded.loyalty_points", "voucher.loyalty_card.transaction.created")
    order = shop.pay(member.holder_id)
    (entry,) = shop.waiting(member.code)
    shop.activate(member.code, entry["id"])
    told = inbox.only().data
    assert set(told) == {
        "customer", "holder", "voucher", "campaign", "loyalty_tier", "earning_rule", "balance", "order", "event",
    }  # fmt: skip
    balance = told["balance"]
    assert (balance["points"], balance["balance"], balance["operation_type"]) == (10, 10, "MANUAL")
    assert (told["order"]["id"], told["earning_rule"]["id"]) == (order.id, entry["details"]["earning_rule"]["id"])
    cause = entry["details"]["event"]
    assert told["event"] == {name: value for name, value in cause.items() if name != "event_source"}


def test_a_deleted_customers_points_are_told_canceled(shop: Shop, member: Any, subscribed: Subscribe) -> None:
    """Before the customer is told deleted (decision 45)."""
    shop.pay(member.holder_id)
    inbox = subscribed("customer.voucher.loyalty_card.pending_points.canceled", "customer.deleted")
    shop.client.customers.delete_customer(member.holder_id)
    canceled, deleted = inbox.wait(2)
    assert (canceled.type, deleted.type) == ("customer.voucher.loyalty_card.pending_points.canceled", "customer.deleted")
    assert _numbers(canceled.data) == (-10, 0, "MANUAL", 0, 10)


def test_the_tier_whose_mapping_made_the_points_is_remembered(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """Points of a mapping that waited are rewarded with that tier, as points that came at once are (decision 3)."""
    management.set_clock("2025-01-10T12:00:00.000Z")
    campaign = shop.programme()
    mapped = shop.rule(campaign.id, FIXED_TEN, pending_points=days(5))
    plain = shop.rule(campaign.id, FIXED_TEN, pending_points=days(6))
    (tier,) = shop.tiers(
        campaign.id,
        {"name": "Base", "points": {"from": 0}, "earning_rules": {mapped.id: {"type": "MULTIPLY", "multiplier": 3}}},
    )
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    inbox = subscribed("customer.rewarded.loyalty_points")
    for entry in shop.waiting(card.code):
        shop.activate(card.code, entry["id"])
    told = [(one.data["earning_rule"]["id"], one.data["balance"]["points"], one.data["loyalty_tier"]) for one in inbox.wait(2)]
    assert [(rule, points, shown and shown["id"]) for rule, points, shown in told] == [
        (mapped.id, 30, tier["id"]),
        (plain.id, 10, None),
    ]
