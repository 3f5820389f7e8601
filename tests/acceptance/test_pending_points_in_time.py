"""Points that wait, and time: activated at the midnight that begins their day where the shop is, by sweep or by touch."""

from datetime import datetime
from typing import Any

import sqlalchemy

from tests.acceptance.official import Management
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop, days
from tests.acceptance.stories import Subscribe

TIME_ZONE = "Europe/Warsaw"


def _months(count: int) -> dict[str, Any]:
    return {"period_type": "MONTH", "period_value": count}


def _told(rows: list[Any]) -> list[tuple[str, str, int, int, str]]:
    """Of each ledger row: the type, the second, the points, the balance after it, and who did it."""
    return [
        (
            row["type"],
            row["created_at"][:19],
            row["details"]["balance"]["points"],
            row["details"]["balance"]["balance"],
            row["details"]["balance"]["operation_type"],
        )
        for row in rows
    ]


def _move_unseen(server: Server, to: str) -> None:
    """Move the test clock behind the server's back: a midnight passes, and the sweep has not come yet."""
    engine = sqlalchemy.create_engine(server.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        at = int(datetime.fromisoformat(to).timestamp() * 1000)
        connection.execute(sqlalchemy.text("UPDATE projects SET test_now = :at"), {"at": at})
    engine.dispose()


def test_points_come_at_midnight(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """The days are the shop's; when the move of the clock is answered, all is done, and told as nobody's wish."""
    management.set_clock("2025-01-10T22:30:00.000Z")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(1))
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    (entry,) = shop.waiting(card.code)
    assert entry["activates_at"] == "2025-01-11"
    management.set_clock("2025-01-10T22:59:59.999Z")
    assert shop.waiting(card.code) == [entry]
    inbox = subscribed("voucher.loyalty_card.pending_points.activated", "customer.rewarded.loyalty_points")
    management.set_clock("2025-01-10T23:00:00.000Z")
    assert (shop.waiting(card.code), shop.points(card.code)) == ([], 10)
    (row,) = shop.transactions(card.code)
    assert _told([row]) == [("PENDING_POINTS_ACTIVATION", "2025-01-10T23:00:00", 10, 10, "AUTOMATIC")]
    assert row["source"] == "Automation"
    activated, rewarded = inbox.wait(2)
    assert activated.data["pending_points"] == entry
    assert activated.data["transaction"] == row
    assert (activated.data["balance"], activated.data["balance"]["operation_type"]) == (rewarded.data["balance"], "AUTOMATIC")
    assert rewarded.data["voucher"]["loyalty_card"] == {"points": 0, "balance": 0, "pending_points": 10}
    assert rewarded.data["event"]["id"] == entry["details"]["event"]["id"]
    events = [delivery.envelope["event"] for delivery in (activated, rewarded)]
    assert [event["event_source"] for event in events] == [{"channel": "INTERNAL"}] * 2
    assert events[0]["group_id"] == events[1]["group_id"] != entry["details"]["event"]["group_id"]


def test_every_midnight_on_the_way_is_kept(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """A jump over many days does each day by itself, in order, with the tiers that follow from it."""
    management.set_clock("2025-01-20T12:00:00.000Z")
    campaign = shop.programme()
    for wait in (5, 1, 3):
        shop.rule(campaign.id, FIXED_TEN, pending_points=days(wait))
    shop.tiers(campaign.id, {"name": "First", "points": {"from": 10, "to": 25}}, {"name": "Second", "points": {"from": 26}})
    card = shop.join(campaign.id)
    inbox = subscribed("customer.loyalty.tier.joined", "customer.loyalty.tier.upgraded")
    shop.pay(card.holder_id)
    management.set_clock("2025-02-10T12:00:00.000Z")
    assert _told(shop.transactions(card.code)) == [
        ("PENDING_POINTS_ACTIVATION", "2025-01-20T23:00:00", 10, 10, "AUTOMATIC"),
        ("PENDING_POINTS_ACTIVATION", "2025-01-22T23:00:00", 10, 20, "AUTOMATIC"),
        ("PENDING_POINTS_ACTIVATION", "2025-01-24T23:00:00", 10, 30, "AUTOMATIC"),
    ]
    told = [(one.type.rpartition(".")[2], one.data["created_at"][:19]) for one in inbox.wait(2)]
    assert told == [("joined", "2025-01-20T23:00:00"), ("upgraded", "2025-01-24T23:00:00")]
    (tier,) = shop.client.get(f"/v1/loyalties/members/{card.code}/tiers")["data"]
    assert (tier["name"], tier["expiration"]["start_date"]) == ("Second", "2025-01-25")


def test_who_looks_sees_today(server: Server, management: Management, shop: Shop) -> None:
    """A card, a voucher and a member's tier are shown settled before anybody settled them, and nothing is written by it.

    The next order settles first, and then earns.
    """
    management.set_clock("2025-02-20T12:00:00.000Z")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(2))
    shop.tiers(campaign.id, {"name": "Ten", "points": {"from": 10}})
    card = shop.join(campaign.id)
    order = shop.pay(card.holder_id)
    _move_unseen(server, "2025-02-22T12:00:00+00:00")
    for path in (f"loyalties/members/{card.code}", f"loyalties/{campaign.id}/members/{card.code}", f"vouchers/{card.code}"):
        assert shop.client.get(f"/v1/{path}")["loyalty_card"] == {"points": 10, "balance": 10}
    (tier,) = shop.client.get(f"/v1/loyalties/members/{card.code}/tiers")["data"]
    assert (tier["name"], tier["expiration"]["start_date"]) == ("Ten", "2025-02-22")
    assert shop.transactions(card.code) == []
    shop.update_order(order.id, status="CANCELED")
    assert _told(shop.transactions(card.code)) == [("PENDING_POINTS_ACTIVATION", "2025-02-21T23:00:00", 10, 10, "AUTOMATIC")]


def test_their_life_begins_when_they_come(management: Management, shop: Shop) -> None:
    """Waiting takes nothing from the time in which points can be used (decision 18); a rule's own period counts first."""
    management.set_clock("2025-03-01T12:00:00.000Z")
    campaign = shop.programme(_months(24))
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(9))
    shop.rule(campaign.id, {"type": "FIXED", "points": 7}, pending_points=days(9), expiration_rules=_months(12))
    card, early = shop.join(campaign.id), shop.join(campaign.id)
    for one in (card, early):
        shop.pay(one.holder_id)
    management.set_clock("2025-03-03T22:59:00.000Z")
    for entry in shop.waiting(early.code):
        shop.activate(early.code, entry["id"])
    assert _lots(shop, early) == [("2026-03-03", 7), ("2027-03-03", 10)]
    management.set_clock("2025-03-12T12:00:00.000Z")
    assert _lots(shop, card) == [("2026-03-10", 7), ("2027-03-10", 10)]


def _lots(shop: Shop, card: Any) -> list[tuple[str | None, int]]:
    listed = shop.client.get(f"/v1/loyalties/{card.campaign_id}/members/{card.code}/points-expiration")["data"]
    return [(lot.get("expires_at"), lot["bucket"]["total_points"]) for lot in listed]


def test_rules_that_change_change_nothing_that_waits(management: Management, shop: Shop) -> None:
    """What was promised comes, though the rule gives something else now, or is off, or gone."""
    management.set_clock("2025-04-01T12:00:00.000Z")
    campaign = shop.programme()
    changed, disabled, deleted = (shop.rule(campaign.id, FIXED_TEN, pending_points=days(3)) for _ in range(3))
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    path = f"/v1/loyalties/{campaign.id}/earning-rules"
    answers = [
        shop.client.ask("PUT", f"{path}/{changed.id}", {"loyalty": {"type": "FIXED", "points": 99}, "pending_points": days(50)}),
        shop.client.ask("POST", f"{path}/{disabled.id}/disable"),
        shop.client.ask("DELETE", f"{path}/{deleted.id}"),
    ]
    assert [answer.status for answer in answers] == [200, 200, 204]
    management.set_clock("2025-04-04T12:00:00.000Z")
    assert shop.points(card.code) == 30
    banners = {row["details"]["earning_rule"]["source"]["banner"] for row in shop.transactions(card.code)}
    assert banners == {rule.source.banner for rule in (changed, disabled, deleted)}


def test_a_canceled_order_gives_what_waits(management: Management, shop: Shop) -> None:
    """By default nothing is taken back (decision 7): the points come on their day."""
    management.set_clock("2025-04-10T12:00:00.000Z")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(3))
    card = shop.join(campaign.id)
    order = shop.pay(card.holder_id)
    shop.update_order(order.id, status="CANCELED")
    management.set_clock("2025-04-13T12:00:00.000Z")
    assert shop.points(card.code) == 10


def test_a_deleted_campaigns_points_do_not_come(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """On their day they are canceled, by nobody's wish."""
    management.set_clock("2025-04-20T12:00:00.000Z")
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, pending_points=days(3))
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    assert shop.client.ask("DELETE", f"/v1/loyalties/{campaign.id}").status == 200
    inbox = subscribed("voucher.loyalty_card.pending_points.canceled")
    management.set_clock("2025-04-23T12:00:00.000Z")
    assert shop.card(card.code)["loyalty_card"] == {"points": 0, "balance": 0}
    assert (shop.waiting(card.code), shop.transactions(card.code)) == ([], [])
    balance = inbox.only().data["voucher_pending_points_balance"]
    assert (balance["points"], balance["total"], balance["operation_type"]) == (-10, 0, "AUTOMATIC")
