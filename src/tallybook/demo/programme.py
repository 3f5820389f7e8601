"""The programme that the demo sets up, over the API: a card for every customer, three earning rules, three tiers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tallybook.demo.client import Client
from tallybook.demo.purchases import Purchase

NAME = "CD Club"
CENTS_PER_POINT = 100
POINTS_PER_CD = 2
LATE_POINTS = 5
WAIT = timedelta(weeks=2)
"""Every order gives a few points more, so long after its payment."""
TIERS = {"Listener": (0, 99), "Collector": (100, 499), "Audiophile": (500, None)}
"""Balance from and to, both included."""
TOP_TIER = "Audiophile"
MULTIPLIER = Decimal("1.5")

EVENTS = [
    *("campaign.created", "campaign.updated", "campaign.earning_rule.assigned", "campaign.loyalty_tier.created"),
    *("customer.created", "customer.updated", "customer.order.created", "customer.order.updated", "customer.order.paid"),
    *("customer.order.canceled", "customer.publication.succeeded", "publication.succeeded"),
    *("customer.rewarded", "customer.rewarded.loyalty_points"),
    *(f"customer.loyalty.tier.{word}" for word in ("joined", "upgraded", "downgraded", "prolonged", "left")),
    *(f"voucher.{word}" for word in ("created", "published", "updated", "enabled", "disabled", "deleted")),
    *("voucher.loyalty_card.transaction.created", "voucher.loyalty_card.points_added", "voucher.loyalty_card.points_expired"),
    *("customer.voucher.loyalty_card.points_added", "customer.voucher.loyalty_card.points_expired"),
    *(
        f"{prefix}voucher.loyalty_card.pending_points.{word}"
        for prefix in ("", "customer.")
        for word in ("added", "activated", "updated", "canceled")
    ),
]
"""Every event that customers, orders, cards, points and tiers can cause: the demo subscribes to all of them."""


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """The programme as the server made it."""

    campaign_id: str
    name: str = NAME


async def set_up_programme(client: Client) -> Programme:
    """Make the campaign, its rules and its tiers. Refuses with DemoError, in the server's words."""
    campaign = await client.post("/v1/loyalties", campaign_body())
    path = f"/v1/loyalties/{campaign['id']}"
    rules = await client.post(f"{path}/earning-rules", rules_body())
    await client.post(f"{path}/tiers", tiers_body(rules[0]["id"]))
    return Programme(campaign_id=campaign["id"])


def campaign_body() -> dict[str, Any]:
    """A programme that everybody joins with the first paid order, on a card of its own."""
    return {
        "name": NAME,
        "campaign_type": "LOYALTY_PROGRAM",
        "type": "AUTO_UPDATE",
        "auto_join": True,
        "join_once": True,
        "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}, "code_config": {"pattern": "CD-########"}},
    }


def rules_body() -> list[dict[str, Any]]:
    """Points for money, which the top tier multiplies; points for CDs, and points that wait, which no tier changes."""
    dollars = {"amount": {"every": CENTS_PER_POINT, "points": 1}}
    cds = {"quantity": {"every": 1, "points": POINTS_PER_CD}}
    return [
        {
            "event": "order.paid",
            "loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": dollars},
            "source": {"banner": "1 point per dollar"},
            "active": True,
        },
        {
            "event": "order.paid",
            "loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_ITEMS_QUANTITY", "order_items": cds},
            "source": {"banner": f"{POINTS_PER_CD} points per CD"},
            "active": True,
        },
        {
            "event": "order.paid",
            "loyalty": {"type": "FIXED", "points": LATE_POINTS},
            "pending_points": {"period_type": "DAY", "period_value": WAIT.days},
            "source": {"banner": f"{LATE_POINTS} points, two weeks later"},
            "active": True,
        },
    ]


def tiers_body(dollar_rule_id: str) -> list[dict[str, Any]]:
    """The tiers; in the top one a dollar is worth one and a half points."""
    mapping = {dollar_rule_id: {"type": "MULTIPLY", "multiplier": MULTIPLIER}}
    return [
        {
            "name": name,
            "points": {"from": first} if last is None else {"from": first, "to": last},
            "earning_rules": mapping if name == TOP_TIER else {},
        }
        for name, (first, last) in TIERS.items()
    ]


def expected_events(purchases: list[Purchase]) -> dict[str, int]:
    """How many events of these types the replay must cause, at least. A rule that gives nothing causes none (decision 37).

    Points wait until the clock reaches their date; those of the last two weeks wait on. `purchases` are in the order of
    `read_purchases`.
    """
    awards = sum((one.cents >= CENTS_PER_POINT) + (one.cds >= 1) for one in purchases)
    customers = len({one.customer for one in purchases})
    activated = sum(one.replayed_on + WAIT <= purchases[-1].replayed_on for one in purchases)
    return {
        "customer.created": customers,
        "voucher.published": customers,
        "customer.order.created": len(purchases),
        "customer.order.paid": len(purchases),
        "voucher.loyalty_card.transaction.created": awards,
        "voucher.loyalty_card.pending_points.added": len(purchases),
        "customer.voucher.loyalty_card.pending_points.added": len(purchases),
        "voucher.loyalty_card.pending_points.activated": activated,
        "customer.voucher.loyalty_card.pending_points.activated": activated,
        "customer.rewarded.loyalty_points": awards + activated,
        "customer.loyalty.tier.joined": customers,
    }
