"""The demo from beginning to end, against a small real server."""

import asyncio
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tallybook.demo.options import DemoOptions, VerifyResult
from tallybook.demo.programme import EVENTS, campaign_body, rules_body, tiers_body
from tallybook.demo.story import run
from tallybook.demo.summary import Summary, TierCount, TopCard, curl_lines, print_summary
from tallybook.domain.event_names import SUBSCRIBABLE
from tests.demo.conftest import OpenShop, Shop

PROOF = VerifyResult(checked={"cards": 2, "transactions": 5}, findings=[])


async def story(open_shop: OpenShop, orders: Path) -> tuple[Shop, Summary]:
    """The small server and the summary after a demo of these orders."""
    async with open_shop() as shop:
        quiet = Console(file=StringIO())
        summary = await run(DemoOptions(orders=orders), shop.connection, lambda: PROOF, console=quiet, quiet_seconds=0.0)
    return shop, summary


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Three purchases of two customers; one was free, and two weeks after the others."""
    path = tmp_path / "orders.txt"
    path.write_text("00001 19970101 1 11.77\n00002 19970101 2 12.00\n00001 19970115 1 0.00\n")
    return path


def printed(summary: Summary, *, as_json: bool = False) -> str:
    """What a person reads who has sent the output to a file."""
    console = Console(file=StringIO(), width=100)
    print_summary(summary, console, as_json=as_json)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_demo_tells_what_became_of_the_customers(open_shop: OpenShop, orders: Path) -> None:
    """Every order is posted, every webhook verified, and the summary adds up."""
    _, summary = asyncio.run(story(open_shop, orders))
    assert summary.ok
    assert summary.points_issued == 11 + 2 + 12 + 4 + 2 + 5 + 5
    assert (summary.points_waiting, summary.cards_waiting) == (5, 1)
    assert (summary.purchases.purchases, summary.purchases.customers, summary.purchases.free) == (3, 2, 1)
    assert summary.tiers[1] == TierCount(name="Collector", points_from=100, points_to=499, customers=2)
    assert summary.top_cards == [
        TopCard(code="CD-cdnow-00002", customer="cdnow-00002", balance=21, waiting=0, tier="Collector"),
        TopCard(code="CD-cdnow-00001", customer="cdnow-00001", balance=20, waiting=5, tier="Collector"),
    ]
    assert summary.events.verified == {
        "customer.created": 2,
        "customer.loyalty.tier.joined": 2,
        "customer.order.created": 3,
        "customer.order.paid": 3,
        "customer.rewarded.loyalty_points": 7,
        "customer.voucher.loyalty_card.pending_points.activated": 2,
        "customer.voucher.loyalty_card.pending_points.added": 3,
        "voucher.loyalty_card.pending_points.activated": 2,
        "voucher.loyalty_card.pending_points.added": 3,
        "voucher.loyalty_card.transaction.created": 5,
        "voucher.published": 2,
    }


def test_the_demo_sets_up_before_it_replays_and_tidies_up(open_shop: OpenShop, orders: Path) -> None:
    """The webhook comes first, then the clock, then the programme; at the end the webhook is deleted."""
    shop, _ = asyncio.run(story(open_shop, orders))
    requests = [(what, body) for what, body in shop.log if what != "answered"]
    project = "/management/v1/projects/proj_1"
    assert requests[0][1]["events"] == EVENTS
    assert requests[1] == (f"POST {project}/test-clock", {"now": "2025-01-01T00:00:00.000Z"})
    assert [what for what, _ in requests[2:6]] == [
        "POST /v1/loyalties",
        "POST /v1/loyalties/camp_1/earning-rules",
        "POST /v1/loyalties/camp_1/tiers",
        f"POST {project}/test-clock",
    ]
    assert requests[4][1][2] == {
        "name": "Audiophile",
        "points": {"from": 500},
        "earning_rules": {"ern_1": {"type": "MULTIPLY", "multiplier": 1.5}},
    }
    assert requests[-1] == (f"DELETE {project}/webhooks/wh_1", None)


def test_the_demo_subscribes_to_names_that_exist() -> None:
    """Each event is named once, and as a webhook may subscribe to it."""
    assert sorted(EVENTS) == sorted(set(EVENTS) & SUBSCRIBABLE)


def test_the_tiers_leave_no_gap() -> None:
    """Each tier begins one point above the end of the one before, and only the top tier changes a rule."""
    ranges = [tier["points"] for tier in tiers_body("ern_1")]
    assert ranges == [{"from": 0, "to": 99}, {"from": 100, "to": 499}, {"from": 500}]
    assert [bool(tier["earning_rules"]) for tier in tiers_body("ern_1")] == [False, False, True]
    assert campaign_body()["auto_join"] is True
    assert [rule["source"]["banner"] for rule in rules_body()] == [
        "1 point per dollar",
        "2 points per CD",
        "5 points, two weeks later",
    ]


def test_the_summary_reads_well(open_shop: OpenShop, orders: Path) -> None:
    """A person reads counts, dates as bought and as replayed, tiers, cards, events and the proof."""
    text = printed(asyncio.run(story(open_shop, orders))[1])
    for words in (
        "3 orders of 2 customers, $23.77 in all (1 of $0.00, 0 purchases that occur more than once)",
        "bought 1997-01-01 to 1997-01-15; every date moved by exactly 28 years",
        "replayed as 2025-01-01 to 2025-01-15",
        "41 points issued by the programme CD Club, 5 still waiting on 1 cards",
        "every signature verified",
        "Proof: ledger, lots and balances agree (checked: 2 cards, 5 transactions)",
        "Fader",
    ):
        assert words in text


def test_the_summary_is_one_json_object(open_shop: OpenShop, orders: Path) -> None:
    """With JSON asked for, the output is one object that begins with the verdict."""
    summary = asyncio.run(story(open_shop, orders))[1]
    fields = msgspec.json.decode(printed(summary, as_json=True))
    assert (next(iter(fields)), fields["ok"], fields["orders_per_second"]) == ("ok", True, summary.orders_per_second)
    assert msgspec.convert(fields, Summary) == summary


def test_a_summary_with_faults_says_so(open_shop: OpenShop, orders: Path) -> None:
    """Missing events, bad signatures, disagreements and findings are told, and the summary is not ok."""
    summary = asyncio.run(story(open_shop, orders))[1]
    events = msgspec.structs.replace(summary.events, missing={"customer.created": 2}, bad_signatures=1)
    proof = VerifyResult(checked={"cards": 1}, findings=["card v_1: balance 3, lots 4"])
    faulty = msgspec.structs.replace(summary, events=events, proof=proof, disagreements=["card CD-1: so and so"])
    text = printed(faulty)
    assert not faulty.ok
    assert "every signature verified" not in text
    for words in ("1 bad signatures", "2 of customer.created did not arrive", "DISAGREE", "balance 3, lots 4", "so and so"):
        assert words in text


def test_three_lines_to_try(open_shop: OpenShop, orders: Path) -> None:
    """The lines read a card, post an order for its holder, and list the card's transactions; without a card there are none."""
    shop, summary = asyncio.run(story(open_shop, orders))
    base = shop.connection.base_url
    keys = "-H 'X-App-Id: app' -H 'X-App-Token: token'"
    order = '{"source_id":"my-first-order","status":"PAID","amount":2500,"customer":{"source_id":"cdnow-00002"}}'
    assert curl_lines(shop.connection, summary) == [
        f"curl -s {keys} '{base}/v1/vouchers/CD-cdnow-00002'",
        f"curl -s {keys} -H 'Content-Type: application/json' -d '{order}' '{base}/v1/orders'",
        f"curl -s {keys} '{base}/v1/loyalties/camp_1/members/CD-cdnow-00002/transactions?limit=5'",
    ]
    assert curl_lines(shop.connection, msgspec.structs.replace(summary, top_cards=[])) == []
