"""Points by hand, through the official client: added with every kind of date, taken earliest first, and each "no"."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe

TODAY = "2025-01-31"
RULES = {"period_type": "MONTH", "period_value": 1}


@pytest.fixture
def card(management: Management, shop: Shop) -> Any:
    """The card of a member of a programme whose points last a month, on the last day of January."""
    management.set_clock(f"{TODAY}T12:00:00.000Z")
    return shop.join(shop.programme(RULES).id)


def _lots(shop: Shop, card: Any) -> list[tuple[str | None, int]]:
    listed = shop.client.get(f"/v1/loyalties/{card.campaign_id}/members/{card.code}/points-expiration")
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", len(listed["data"]))
    return [(lot.get("expires_at"), lot["bucket"]["total_points"]) for lot in listed["data"]]


def _balance(card: Any, **numbers: int) -> dict[str, Any]:
    rest = {"type": "loyalty_card", "object": "balance", "operation_type": "MANUAL"}
    return numbers | rest | {"related_object": {"type": "voucher", "id": card.id}}


def _refused(deed: Callable[[], Any]) -> tuple[int, str, str]:
    with pytest.raises(voucherify.ApiException) as refusal:
        deed()
    body = json.loads(refusal.value.body or "{}")
    return refusal.value.status, body["key"], body["details"]


@pytest.mark.parametrize(
    ("said", "expires_on"),
    [
        ({}, "2025-02-28"),
        ({"expiration_type": "PROGRAM_RULES"}, "2025-02-28"),
        ({"expiration_type": "NON_EXPIRING"}, None),
        ({"expiration_type": "CUSTOM_DATE", "expiration_date": TODAY}, TODAY),
        ({"expiration_type": "CUSTOM_DATE", "expiration_date": "2031-05-30"}, "2031-05-30"),
    ],
    ids=["nothing said", "by the rules", "never", "today", "on a day"],
)
def test_points_are_added(shop: Shop, card: Any, said: dict[str, Any], expires_on: str | None) -> None:
    """They last as long as is said, and by the programme's rules where nothing is (decision 10)."""
    answer = shop.adjust(card.code, 100, **said)
    assert (answer.points, answer.total, answer.balance, answer.operation_type) == (100, 100, 100, "MANUAL")
    assert _lots(shop, card) == [(expires_on, 100)]
    dated = {"next_expiration_date": expires_on, "next_expiration_points": 100} if expires_on else {}
    assert shop.card(card.code)["loyalty_card"] == {"points": 100, "balance": 100} | dated


def test_the_two_routes_answer_each_in_its_own_word(shop: Shop, card: Any) -> None:
    """`points` of a member, by either path, and `amount` of a voucher; the ledger names the source (decisions 39 and 40)."""
    said = {"reason": "regret", "source_id": "case-7"}
    asked = [
        (f"loyalties/members/{card.code}", {"points": 10} | said),
        (f"loyalties/{card.campaign_id}/members/{card.code}", {"points": 20}),
        (f"vouchers/{card.code}", {"amount": 30} | said),
    ]
    answers = [shop.client.ask("POST", f"/v1/{path}/balance", body) for path, body in asked]
    assert [(answer.status, answer.json) for answer in answers] == [
        (200, _balance(card, points=10, total=10, balance=10)),
        (200, _balance(card, points=20, total=30, balance=30)),
        (200, _balance(card, amount=30, total=60, balance=60)),
    ]
    rows = shop.transactions(card.code)
    assert [(row["source"], row["reason"], row["source_id"]) for row in rows] == [
        (None, "regret", "case-7"),
        (None, None, None),
        ("API", "regret", "case-7"),
    ]
    typed = shop.client.vouchers.update_voucher_balance(card.code, voucherify.VouchersBalanceUpdateRequestBody(amount=-5))
    assert (typed.amount, typed.total, typed.balance) == (-5, 55, 55)


def test_what_expires_first_is_taken_first(shop: Shop, card: Any) -> None:
    """Dated points before undated ones; an emptied lot stays listed, and is not the next to expire (semantics 6.6)."""
    shop.adjust(card.code, 40, expiration_type="NON_EXPIRING")
    shop.adjust(card.code, 30, expiration_type="CUSTOM_DATE", expiration_date="2025-06-30")
    shop.adjust(card.code, 20)
    shop.adjust(card.code, 5)
    assert _lots(shop, card) == [("2025-02-28", 25), ("2025-06-30", 30), (None, 40)]
    answer = shop.adjust(card.code, -35)
    assert (answer.points, answer.total, answer.balance) == (-35, 60, 60)
    assert _lots(shop, card) == [("2025-02-28", 0), ("2025-06-30", 20), (None, 40)]
    assert shop.card(card.code)["loyalty_card"] == {
        "points": 95,
        "balance": 60,
        "next_expiration_date": "2025-06-30",
        "next_expiration_points": 20,
        "subtracted_points": 35,
    }
    shop.adjust(card.code, -60)
    assert _lots(shop, card) == [("2025-02-28", 0), ("2025-06-30", 0), (None, 0)]
    assert shop.card(card.code)["loyalty_card"] == {"points": 95, "balance": 0, "subtracted_points": 95}
    shop.adjust(card.code, 1)
    assert _lots(shop, card)[0] == ("2025-02-28", 1)


def test_the_list_of_lots(shop: Shop, card: Any) -> None:
    """Each lot with its keys, a page at a time (openapi list-points-expiration)."""
    for day in ("2027-01-01", "2026-01-01", "2025-12-31"):
        shop.adjust(card.code, 1, expiration_type="CUSTOM_DATE", expiration_date=day)
    loyalties = shop.client.loyalties
    page = loyalties.list_points_expiration(card.campaign_id, card.code, limit=2)
    assert (page.total, [lot.expires_at.isoformat()[:10] for lot in page.data]) == (3, ["2025-12-31", "2026-01-01"])
    page = loyalties.list_points_expiration(card.campaign_id, card.code, limit=2, page=2)
    assert [lot.expires_at.isoformat()[:10] for lot in page.data] == ["2027-01-01"]
    listed = shop.client.get(f"/v1/loyalties/{card.campaign_id}/members/{card.code}/points-expiration?limit=1")["data"]
    (lot,) = listed
    assert lot == {
        "id": lot["id"],
        "voucher_id": card.id,
        "campaign_id": card.campaign_id,
        "bucket": {"total_points": 1},
        "status": "ACTIVE",
        "expires_at": "2025-12-31",
        "created_at": lot["created_at"],
        "object": "loyalty_points_bucket",
    }
    assert lot["id"].startswith("lopb_")
    other = shop.programme()
    for campaign_id, code, wrong in ((other.id, card.code, card.code), (card.campaign_id, "none", "none")):
        refused = _refused(lambda campaign_id=campaign_id, code=code: loyalties.list_points_expiration(campaign_id, code))  # type: ignore[misc]
        assert refused == (404, "not_found", f"Cannot find voucher with id {wrong}")


def test_the_ledger_says_what_was_done_by_hand(shop: Shop, card: Any) -> None:
    """Each row with its ten keys, its balance, and who did it (decision 20); newest first by default."""
    shop.adjust(card.code, 100, reason="welcome", source_id="a-1")
    shop.adjust(card.code, -30, reason="mistake", source_id="a-2")
    listed = shop.client.get(f"/v1/loyalties/members/{card.code}/transactions")["data"]
    added, removed = reversed(listed)
    told = {"source_id": "a-1", "voucher_id": card.id, "campaign_id": card.campaign_id, "source": None, "reason": "welcome"}
    assert added == told | {
        "id": added["id"],
        "type": "POINTS_ADDITION",
        "details": {"balance": _balance(card, points=100, total=100, balance=100)},
        "related_transaction_id": None,
        "created_at": added["created_at"],
    }
    assert removed == told | {
        "id": removed["id"],
        "source_id": "a-2",
        "reason": "mistake",
        "type": "POINTS_REMOVAL",
        "details": {"balance": _balance(card, points=-30, total=70, balance=70)},
        "related_transaction_id": None,
        "created_at": removed["created_at"],
    }


def test_points_by_hand_move_the_tier(shop: Shop, card: Any) -> None:
    """After every change of points the tier is judged (decision 38)."""
    low, high = shop.tiers(
        card.campaign_id, {"name": "Low", "points": {"from": 1, "to": 99}}, {"name": "High", "points": {"from": 100}}
    )
    held = []
    for points in (100, -1, -99, 50):
        shop.adjust(card.code, points)
        held.append([tier["id"] for tier in shop.client.get(f"/v1/loyalties/members/{card.code}/tiers")["data"]])
    assert held == [[high["id"]], [low["id"]], [], [low["id"]]]


EVENTS = {
    "points_added": "voucher.loyalty_card.points_added",
    "customer": "customer.voucher.loyalty_card.points_added",
    "transaction": "voucher.loyalty_card.transaction.created",
}


def test_what_is_told_of_it(shop: Shop, card: Any, subscribed: Subscribe) -> None:
    """An addition by three events, a removal by two: not by the card's (decision 26); `operation_type` in one (decision 20)."""
    inbox = subscribed(*EVENTS.values())
    shop.adjust(card.code, 100)
    shop.adjust(card.code, -30)
    deliveries = inbox.wait(5)
    assert [delivery.type for delivery in deliveries] == [*EVENTS.values(), EVENTS["customer"], EVENTS["transaction"]]
    balances = [delivery.data["balance"] for delivery in deliveries]
    assert [balance["points"] for balance in balances] == [100, 100, 100, -30, -30]
    assert [balance.get("operation_type") for balance in balances] == ["MANUAL", None, None, None, None]
    for delivery in deliveries:
        if delivery.type == EVENTS["transaction"]:
            told = {name for name, value in delivery.data.items() if value is not None}
            assert told == {"transaction", "voucher", "campaign", "holder", "balance"}
            assert "operation_type" not in delivery.data["transaction"]["details"]["balance"]


@pytest.mark.parametrize(
    ("points", "said", "refusal"),
    [
        (0, {}, (400, "invalid_amount", "Amount has to be a valid positive number")),
        (10**9 + 1, {}, (400, "invalid_amount", "Amount has to be a valid positive number")),
        (
            5,
            {"expiration_type": "CUSTOM_DATE", "expiration_date": "2025-01-30"},
            (400, "invalid_expiration_date", "Expiration date cannot be set in the past"),
        ),
        (
            5,
            {"expiration_type": "CUSTOM_DATE"},
            (400, "invalid_payload", "Property .expiration_date is required with expiration_type CUSTOM_DATE"),
        ),
    ],
    ids=["nothing", "too much", "a day that is over", "no day"],
)
def test_what_is_refused(shop: Shop, card: Any, points: int, said: dict[str, Any], refusal: tuple[int, str, str]) -> None:
    """With its key, and nothing changes (semantics 6.7, decisions 9 and 48)."""
    assert _refused(lambda: shop.adjust(card.code, points, **said)) == refusal
    assert (shop.points(card.code), shop.transactions(card.code)) == (0, [])


def test_more_than_there_is_cannot_be_taken(shop: Shop, card: Any) -> None:
    """400 `loyalty_card_points_exceeded` with the card's code; nothing changes (decision 9)."""
    shop.adjust(card.code, 10)
    assert _refused(lambda: shop.adjust(card.code, -11)) == (400, "loyalty_card_points_exceeded", card.code)
    assert (shop.points(card.code), len(shop.transactions(card.code))) == (10, 1)
    assert shop.adjust(card.code, -10).balance == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ".points"),
        ({"points": "many"}, ".points"),
        ({"points": 1.5}, ".points"),
        ({"points": 5, "expiration_type": "SOMETIMES"}, ".expiration_type"),
        ({"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "soon"}, ".expiration_date"),
        ({"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "2025-02-30"}, ".expiration_date"),
        ({"points": 5, "reason": 5}, ".reason"),
        ({"points": 5, "source_id": ["a"]}, ".source_id"),
    ],
)
def test_a_body_that_is_not_right(shop: Shop, card: Any, body: Any, path: str) -> None:
    """400 `invalid_payload` with the path of what is wrong (openapi update-loyalty-card-balance)."""
    answer = shop.client.ask("POST", f"/v1/loyalties/members/{card.code}/balance", body)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    assert path in answer.json["details"]
    if body.get("expiration_date") == "soon":
        assert answer.json["details"] == "Property .expiration_date cannot be recognized as a ISO-8601 compliant date"


def test_a_card_that_cannot_be_adjusted(shop: Shop, card: Any) -> None:
    """404 for one that is not there, or not of that campaign; 400 `not_published` for one that nobody holds (semantics 3)."""
    other = shop.programme(vouchers_count=1)
    (waiting,) = shop.client.get(f"/v1/loyalties/{other.id}/members")["vouchers"]
    loyalties = shop.client.loyalties
    body = voucherify.LoyaltiesMembersBalanceUpdateRequestBody(points=5)
    assert _refused(lambda: shop.adjust("none", 5)) == (404, "not_found", "Cannot find voucher with id none")
    refusal = _refused(lambda: loyalties.update_loyalty_card_balance1(other.id, card.code, body))
    assert refusal == (404, "not_found", f"Cannot find voucher with id {card.code}")
    refusal = _refused(lambda: loyalties.update_loyalty_card_balance1("camp_none", card.code, body))
    assert refusal == (404, "not_found", "Cannot find campaign with id camp_none")
    assert _refused(lambda: shop.adjust(waiting["code"], 5))[:2] == (400, "not_published")
    assert shop.points(card.code) == 0


def test_the_same_request_again_is_done_once(shop: Shop, card: Any) -> None:
    """With an idempotency key, the second answer is the first one's bytes (decision 32)."""
    path, key = f"/v1/loyalties/members/{card.code}/balance", shop.name("key")
    first, second = (shop.client.ask("POST", path, {"points": 5}, Idempotency_Key=key) for _ in range(2))
    assert (first.status, second.status, second.body) == (200, 200, first.body)
    assert shop.points(card.code) == 5
