"""Points that wait, through the official client: listed, activated, adjusted, canceled, and each documented "no"."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop, days, per_amount

Deed = Callable[[Client, str, str], Any]

DEEDS: dict[str, Deed] = {
    "activated": lambda client, code, entry_id: client.loyalties.activate_member_pending_points(code, entry_id),
    "canceled": lambda client, code, entry_id: client.loyalties.cancel_member_pending_points(code, entry_id),
    "updated": lambda client, code, entry_id: client.loyalties.adjust_member_pending_points(
        code, entry_id, voucherify.LoyaltiesMembersPendingPointsBalanceRequestBody(points=1)
    ),
}
"""What can be done to an entry, by the word that its refusal uses."""


def _member(shop: Shop, *, wait: int = 30, **fields: Any) -> Any:
    """The card of a member of a programme that gives 10 points for an order, after some days."""
    campaign = shop.programme(**fields)
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(wait))
    return shop.join(campaign.id)


def _refused(deed: Callable[[], Any]) -> tuple[int, Any]:
    with pytest.raises(voucherify.ApiException) as refusal:
        deed()
    body = json.loads(refusal.value.body or "{}")
    return refusal.value.status, {name: value for name, value in body.items() if name != "request_id"}


def _balance(card: Any, **numbers: int) -> Any:
    """A balance object that a person asked for."""
    rest = {"object": "balance", "related_object": {"type": "voucher", "id": card.id}, "operation_type": "MANUAL"}
    return numbers | ({"type": "loyalty_card"} if "balance" in numbers else {}) | rest


def test_points_wait_and_do_not_count(shop: Shop) -> None:
    """An order of a rule that waits gives an entry, and leaves points, balance and ledger alone (semantics 6.3)."""
    card = _member(shop)
    order = shop.pay(card.holder_id, source_id=shop.name("order"))
    assert shop.card(card.code)["loyalty_card"] == {"points": 0, "balance": 0, "pending_points": 10}
    assert shop.transactions(card.code) == []
    (entry,) = shop.waiting(card.code)
    event, (rule,) = entry["details"]["event"], shop.client.get(f"/v1/loyalties/{card.campaign_id}/earning-rules")["data"]
    assert entry == {
        "id": entry["id"],
        "voucher_id": card.id,
        "campaign_id": card.campaign_id,
        "customer_id": card.holder_id,
        "order_id": order.id,
        "points": 10,
        "activates_at": entry["activates_at"],
        "details": {
            "event": {
                "id": event["id"],
                "type": "customer.order.paid",
                "group_id": event["group_id"],
                "entity_id": card.holder_id,
                "created_at": event["created_at"],
                "category": "EFFECT",
                "event_source": {
                    "channel": "API",
                    "api_key": {"name": "Primary", "app_id": "34fdc483-066d-478b-a707-be2c7a3d3698"},
                },
            },
            "earning_rule": {"id": rule["id"], "source": {"banner": rule["source"]["banner"]}},
            "order": {"id": order.id, "source_id": order.source_id},
        },
        "created_at": entry["created_at"],
    }


def test_the_lists_page_by_the_time_of_activation(shop: Shop) -> None:
    """By id, which is by activation (semantics 1.3): of a member, by either path, and of a campaign; last first by default."""
    campaign = shop.programme()
    late, soon = (shop.rule(campaign.id, FIXED_TEN, pending_points=days(wait)) for wait in (60, 2))
    ann, ben = shop.join(campaign.id), shop.join(campaign.id)
    for card in (ann, ben):
        shop.pay(card.holder_id)
    loyalties = shop.client.loyalties
    listed = [loyalties.list_member_pending_points(ann.code), loyalties.list_member_pending_points1(campaign.id, ann.code)]
    for page in listed:
        assert [entry.details.earning_rule.id for entry in page.data] == [late.id, soon.id]
        assert (page.object, page.data_ref, page.has_more) == ("list", "data", False)
    ids = [entry.id for entry in loyalties.list_campaign_pending_points(campaign.id, order="id").data]
    assert ids == sorted(ids)
    assert len(ids) == 4
    first = loyalties.list_campaign_pending_points(campaign.id, order="id", limit=3)
    assert ([entry.id for entry in first.data], first.has_more, first.more_starting_after) == (ids[:3], True, ids[2])
    rest = loyalties.list_campaign_pending_points(campaign.id, order="id", limit=3, starting_after_id=ids[2])
    assert ([entry.id for entry in rest.data], rest.has_more) == (ids[3:], False)


def test_points_are_activated_by_hand(shop: Shop) -> None:
    """They are on the card at once, in the ledger with all that their entry says, and wait no more (semantics 6.5)."""
    card = _member(shop)
    shop.adjust(card.code, 5)
    shop.pay(card.holder_id)
    shop.pay(card.holder_id)
    entry, other = shop.waiting(card.code)
    answer = shop.client.ask("POST", f"/v1/loyalties/members/{card.code}/pending-points/{entry['id']}/activate")
    assert (answer.status, answer.json) == (200, _balance(card, points=10, total=15, balance=15))
    assert shop.card(card.code)["loyalty_card"] == {"points": 15, "balance": 15, "pending_points": 10}
    assert shop.waiting(card.code) == [other]
    row = shop.transactions(card.code)[-1]
    said = entry["details"]
    assert (row["type"], row["source"], row["reason"], row["source_id"]) == ("PENDING_POINTS_ACTIVATION", None, None, None)
    assert row["details"] == {
        "balance": _balance(card, points=10, total=15, balance=15),
        "order": said["order"],
        "event": {"id": said["event"]["id"], "type": "customer.order.paid"},
        "earning_rule": said["earning_rule"],
        "pending_points": entry,
    }
    typed = shop.activate(card.code, other["id"])
    assert (typed.points, typed.total, typed.balance, typed.operation_type) == (10, 25, 25, "MANUAL")
    assert shop.card(card.code)["loyalty_card"] == {"points": 25, "balance": 25}


def test_points_that_wait_are_adjusted(shop: Shop) -> None:
    """By a signed number; the answer says what waits on the whole card now, the entry when it was changed."""
    card = _member(shop)
    for _ in range(2):
        shop.pay(card.holder_id)
    entry, _ = shop.waiting(card.code)
    path = f"/v1/loyalties/members/{card.code}/pending-points/{entry['id']}/balance"
    for points, total in ((5, 25), (-14, 11)):
        answer = shop.client.ask("POST", path, {"points": points})
        assert (answer.status, answer.json) == (200, _balance(card, points=points, total=total))
    changed, _ = shop.waiting(card.code)
    assert changed == entry | {"points": 1, "updated_at": changed["updated_at"]}
    assert shop.card(card.code)["loyalty_card"] == {"points": 0, "balance": 0, "pending_points": 11}
    assert shop.activate(card.code, entry["id"]).points == 1
    assert shop.transactions(card.code)[-1]["details"]["balance"]["points"] == 1


def test_points_that_wait_are_canceled(shop: Shop) -> None:
    """204, and they will not come: no ledger row, and the order that is paid again gives nothing (decision 6)."""
    card = _member(shop)
    order = shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    answer = shop.client.ask("POST", f"/v1/loyalties/members/{card.code}/pending-points/{entry['id']}/cancel")
    assert (answer.status, answer.body) == (204, b"")
    assert shop.card(card.code)["loyalty_card"] == {"points": 0, "balance": 0}
    for status in ("CREATED", "PAID"):
        shop.update_order(order.id, status=status)
    assert (shop.waiting(card.code), shop.transactions(card.code)) == ([], [])


def test_an_order_waits_once(shop: Shop) -> None:
    """However often it is paid, whatever it is then, a rule gives it one entry (decision 6)."""
    card = _member(shop)
    order = shop.pay(card.holder_id)
    entries = shop.waiting(card.code)
    assert len(entries) == 1
    for status in ("PAID", "CREATED", "PAID", "CANCELED", "PAID"):
        shop.update_order(order.id, status=status)
    shop.update_order(order.id, amount=5_000)
    assert shop.waiting(card.code) == entries
    shop.activate(card.code, entries[0]["id"])
    for status in ("CREATED", "PAID"):
        shop.update_order(order.id, status=status)
    assert (shop.waiting(card.code), shop.points(card.code)) == ([], 10)


@pytest.mark.parametrize("word", DEEDS)
@pytest.mark.parametrize("status", ["ACTIVATED", "CANCELED"])
def test_an_entry_that_waits_no_more(shop: Shop, word: str, status: str) -> None:
    """Nothing can be done to it any more: 400 `invalid_pending_points_state` (openapi activate, cancel, adjust)."""
    card = _member(shop)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    DEEDS[status.lower()](shop.client, card.code, entry["id"])
    assert _refused(lambda: DEEDS[word](shop.client, card.code, entry["id"])) == (
        400,
        {
            "code": 400,
            "key": "invalid_pending_points_state",
            "message": "Invalid pending points state",
            "details": f"Only pending points in 'PENDING' status can be {word}. Current status: '{status}'.",
        },
    )


def _not_found(kind: str, key: str) -> tuple[int, Any]:
    details = {"details": f"Cannot find {kind} with id {key}", "resource_id": key, "resource_type": kind}
    return 404, {"code": 404, "key": "not_found", "message": "Resource not found"} | details


@pytest.mark.parametrize("word", DEEDS)
def test_an_entry_or_card_that_is_not_there(shop: Shop, word: str) -> None:
    """404 names the card or the entry; another member's entry is not there either (openapi activate, cancel, adjust)."""
    card = _member(shop)
    stranger = shop.join(card.campaign_id)
    for one in (card, stranger):
        shop.pay(one.holder_id)
    (entry,) = shop.waiting(card.code)
    deed = DEEDS[word]
    assert _refused(lambda: deed(shop.client, "none", entry["id"])) == _not_found("voucher", "none")
    assert _refused(lambda: deed(shop.client, card.code, "lopp_none")) == _not_found("pending_points", "lopp_none")
    assert _refused(lambda: deed(shop.client, stranger.code, entry["id"])) == _not_found("pending_points", entry["id"])
    assert shop.waiting(card.code) == [entry]


def test_the_lists_of_what_is_not_there(shop: Shop) -> None:
    """404 names the card or the campaign; a card of another campaign is not there (openapi list pending points)."""
    card, other = _member(shop), shop.programme()
    loyalties = shop.client.loyalties
    assert _refused(lambda: loyalties.list_member_pending_points("none")) == _not_found("voucher", "none")
    assert _refused(lambda: loyalties.list_member_pending_points1(other.id, card.code)) == _not_found("voucher", card.code)
    assert _refused(lambda: loyalties.list_campaign_pending_points("camp_none")) == _not_found("campaign", "camp_none")


@pytest.mark.parametrize("points", [0, -10, -11, 10**9, 10**15])
def test_an_adjustment_must_leave_something(shop: Shop, points: int) -> None:
    """Nothing, less, or more than one operation may give (decision 48): 400 `invalid_amount` (openapi adjust)."""
    card = _member(shop)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    assert _refused(lambda: shop.adjust_waiting(card.code, entry["id"], points)) == (
        400,
        {
            "code": 400,
            "key": "invalid_amount",
            "message": "Invalid Amount",
            "details": "Amount has to be a valid positive number",
        },
    )
    assert shop.waiting(card.code) == [entry]


@pytest.mark.parametrize("body", [{}, {"points": None}, {"points": "5"}, {"points": 1.5}])
def test_an_adjustment_says_a_whole_number(shop: Shop, body: Any) -> None:
    """Otherwise 400 `invalid_payload` with the path."""
    card = _member(shop)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    answer = shop.client.ask("POST", f"/v1/loyalties/members/{card.code}/pending-points/{entry['id']}/balance", body)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    assert ".points" in answer.json["details"]


def test_a_rule_waits_for_one_to_ninety_days(shop: Shop) -> None:
    """Other periods are refused; null ends the waiting for orders to come, not for those that wait (semantics 4.4)."""
    campaign = shop.programme()
    path = f"/v1/loyalties/{campaign.id}/earning-rules"
    for wrong in (days(0), days(91), {"period_type": "MONTH", "period_value": 1}, {"period_type": "DAY"}):
        body = [{"event": "order.paid", "active": True, "loyalty": FIXED_TEN, "pending_points": wrong}]
        answer = shop.client.ask("POST", path, body)
        assert (answer.status, answer.json["key"]) == (400, "invalid_payload"), wrong
        assert ".pending_points" in answer.json["details"]
    rule = shop.rule(campaign.id, FIXED_TEN, pending_points=days(90))
    assert shop.client.get(f"{path}/{rule.id}")["pending_points"] == days(90)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    assert shop.client.ask("PUT", f"{path}/{rule.id}", {"pending_points": None}).status == 200
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == {"points": 10, "balance": 10, "pending_points": 10}


def test_what_waits_is_of_the_tier_that_was_held(shop: Shop) -> None:
    """The tier's mapping is that of the order (decision 3), and the entry names the tier; at activation the tier is judged."""
    campaign = shop.programme(points=5)
    rule = shop.rule(campaign.id, per_amount(100, 1), pending_points=days(7))
    low, high = shop.tiers(
        campaign.id,
        {"name": "Low", "points": {"from": 0, "to": 20}, "earning_rules": {rule.id: {"type": "MULTIPLY", "multiplier": 2}}},
        {"name": "High", "points": {"from": 21}},
    )
    card = shop.join(campaign.id)
    shop.pay(card.holder_id, 1_000)
    (entry,) = shop.waiting(card.code)
    assert (entry["points"], entry["details"]["holder_loyalty_tier"]) == (20, {"id": low["id"], "name": "Low"})
    path = f"/v1/loyalties/members/{card.code}/tiers"
    assert [tier["id"] for tier in shop.client.get(path)["data"]] == [low["id"]]
    shop.activate(card.code, entry["id"])
    assert [tier["id"] for tier in shop.client.get(path)["data"]] == [high["id"]]


def test_a_canceled_order_keeps_what_waits(shop: Shop) -> None:
    """Nothing is taken back by default, and its entry can be activated (decision 7)."""
    card = _member(shop)
    order = shop.pay(card.holder_id)
    shop.update_order(order.id, status="CANCELED")
    (entry,) = shop.waiting(card.code)
    assert shop.activate(card.code, entry["id"]).balance == 10


def test_a_deleted_customers_points_do_not_come(shop: Shop) -> None:
    """Deleting the holder cancels what waits (decision 45)."""
    card = _member(shop)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    shop.client.customers.delete_customer(card.holder_id)
    assert shop.waiting(card.code) == []
    now = shop.card(card.code)
    assert (now["active"], now["loyalty_card"]) == (False, {"points": 0, "balance": 0})
    assert _refused(lambda: shop.activate(card.code, entry["id"]))[1]["details"].endswith("Current status: 'CANCELED'.")


def test_a_deleted_campaign_gives_nothing_more(shop: Shop) -> None:
    """What waits on its cards can be canceled, and neither activated nor adjusted."""
    card = _member(shop)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    assert shop.client.ask("DELETE", f"/v1/loyalties/{card.campaign_id}").status == 200
    for word in ("activated", "updated"):
        refusal = _refused(lambda word=word: DEEDS[word](shop.client, card.code, entry["id"]))  # type: ignore[misc]
        assert refusal == _not_found("campaign", card.campaign_id)
    DEEDS["canceled"](shop.client, card.code, entry["id"])
    assert shop.card(card.code)["loyalty_card"] == {"points": 0, "balance": 0}
