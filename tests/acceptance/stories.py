"""The stories behind the documents of `golden/`: told over HTTP alone, at the documents' own instants, by the test clock."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import voucherify

from tests.acceptance.deliveries import Delivery, Inbox
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop, days, per_amount

Subscribe = Callable[..., Inbox]

PAID_AT = "2024-01-18T15:19:20.729Z"
"""When the story of the reward pays its order, so that the order is updated at .731, the instant of its redemption."""


def golden(name: str) -> Any:
    """A document as it must come."""
    return json.loads((Path(__file__).parent / "golden" / f"{name}.json").read_text())


def tell_of_a_reward(
    shop: Shop, management: Management, subscribed: Subscribe, put_redemptions: Callable[[str, Any], None]
) -> Delivery:
    """A customer without a card pays an order with a discount of 50.00; give what `customer.rewarded.loyalty_points` says."""
    wanted = golden("customer.rewarded.loyalty_points")["order"]
    management.set_clock("2024-01-18T15:18:38.577Z")
    campaign = shop.programme(name="Loyalty programme", auto_join=True, vouchers_count=1)
    management.set_clock("2024-01-18T15:18:39.156Z")
    shop.rule(campaign.id, per_amount(500, 10), source={"banner": "Order-paid"})
    customer = shop.customer(source_id="jck-wbhk", name="Jack Webhook", metadata={"region": "EMEA"})
    management.set_clock("2024-01-18T15:19:20.675Z")
    items = [{key: item[key] for key in ("product_id", "quantity", "price", "product")} for item in wanted["items"]]
    order = shop.order(
        status="CREATED", customer={"id": customer.id}, discount_amount=5000, items=items, metadata=wanted["metadata"]
    )
    put_redemptions(order.id, wanted["redemptions"])
    management.set_clock(PAID_AT)
    inbox = subscribed("customer.rewarded.loyalty_points")
    shop.update_order(order.id, status="PAID")
    return inbox.only()


def tell_of_a_transaction(
    shop: Shop, management: Management, subscribed: Subscribe, before: Callable[[Any], None] | None = None
) -> Delivery:
    """A member with 100 points that expire in a year pays 10.00; give what `voucher.loyalty_card.transaction.created` says.

    `before` is called with the card once it is published, to give it points from before the story.
    """
    wanted = golden("voucher.loyalty_card.transaction.created")["order"]
    management.set_clock("2024-07-24T09:48:31.790Z")
    rules = {"period_type": "MONTH", "period_value": 12}
    campaign = shop.programme(rules, name="new loyalty test", auto_join=True, vouchers_count=1)
    management.set_clock("2024-07-24T09:48:32.573Z")
    shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0, "to": 499}})
    shop.rule(campaign.id, per_amount(100, 1), source={"banner": "Basic points"}, metadata={"sponsors": ["sponsor1"]})
    customer = shop.customer(source_id="230724-01", name="John Demo")
    management.set_clock("2024-07-24T09:52:21.616Z")
    card = shop.join(campaign.id, customer.source_id)
    if before is not None:
        before(card)
    management.set_clock("2024-07-24T10:10:00.000Z")
    shop.pay(customer.id, 10_000)
    management.set_clock("2024-07-24T10:48:29.156Z")
    shop.client.loyalties.update_loyalty_program(campaign.id, voucherify.LoyaltiesUpdateCampaignRequestBody(auto_join=False))
    management.set_clock("2024-07-24T10:51:29.669Z")
    inbox = subscribed("voucher.loyalty_card.transaction.created")
    item = {key: wanted["items"][0][key] for key in ("source_id", "related_object", "quantity", "price")}
    shop.order(status="PAID", customer={"id": customer.id}, items=[item], metadata=wanted["metadata"])
    return inbox.only()


def tell_of_added_points(
    shop: Shop, management: Management, subscribed: Subscribe, history: Callable[..., Any]
) -> list[Delivery]:
    """A member who has redeemed 350 of 1,320 points is given 50; give what both events of that say."""
    management.set_clock("2024-01-18T15:18:38.577Z")
    campaign = shop.programme(name="Loyalty programme", auto_join=True, vouchers_count=1)
    management.set_clock("2024-01-18T15:18:39.015Z")
    customer = shop.customer(source_id="jck-wbhk", name="Jack Webhook", metadata={"region": "EMEA"})
    card = shop.join(campaign.id, customer.source_id)
    management.set_clock("2024-01-20T10:00:00.000Z")
    history(card_id=card.id, points=1320, redeemed_points=350, redemptions=5)
    management.set_clock("2024-01-24T08:28:37.620Z")
    inbox = subscribed("voucher.loyalty_card.points_added", "customer.voucher.loyalty_card.points_added")
    shop.adjust(card.code, 50)
    return inbox.wait(2)


def tell_of_waiting_points(
    shop: Shop, management: Management, subscribed: Subscribe, history: Callable[..., Any]
) -> list[Delivery]:
    """An order gives a point that waits a day, to a member for whom 1,233 wait already; give what both events of that say."""
    wanted = golden("customer.voucher.loyalty_card.pending_points.added")["order"]
    rules = {"period_type": "MONTH", "period_value": 2, "rounding_type": "PARTICULAR_MONTH", "rounding_value": 1}
    management.set_clock("2024-01-18T15:18:38.577Z")
    campaign = shop.programme(rules, name="Loyalty programme", auto_join=True, vouchers_count=1)
    management.set_clock("2024-01-18T15:18:39.015Z")
    shop.tiers(campaign.id, {"name": "Loyal Star Platinum", "points": {"from": 0}})
    shop.rule(campaign.id, {"type": "FIXED", "points": 1}, source={"banner": "Order-paid"}, pending_points=days(1))
    customer = shop.customer(source_id="jck-wbhk", name="Jack Webhook", metadata={"region": "EMEA", "sign-up": "true"})
    card = shop.join(campaign.id, customer.source_id)
    history(card_id=card.id, points=2180, redeemed_points=2180, redemptions=19)
    management.set_clock("2024-08-12T19:37:49.749Z")
    shop.client.loyalties.update_loyalty_program(campaign.id, voucherify.LoyaltiesUpdateCampaignRequestBody(auto_join=False))
    management.set_clock("2025-01-28T08:00:00.000Z")
    shop.adjust(card.code, 25)
    shop.pay(customer.id)
    (waiting,) = shop.waiting(card.code)
    shop.adjust_waiting(card.code, waiting["id"], 1232)
    management.set_clock("2025-01-28T08:59:35.487Z")
    inbox = subscribed("customer.voucher.loyalty_card.pending_points.added", "voucher.loyalty_card.pending_points.added")
    names = ("product_id", "sku_id", "quantity", "price")
    items = [{name: item[name] for name in names if name in item} for item in wanted["items"]]
    shop.order(source_id=wanted["source_id"], status="PAID", customer={"id": customer.id}, items=items)
    return inbox.wait(2)


def tell_of_activated_points(shop: Shop, management: Management, subscribed: Subscribe) -> list[Delivery]:
    """Of three times 23 points that wait nine days, one is activated on the next day; give what all events of that say."""
    wanted = golden("voucher.loyalty_card.pending_points.activated")["order"]
    management.set_clock("2025-01-07T12:44:10.211Z")
    voucher = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}, "code_config": {"charset": "0123456789"}}
    campaign = shop.programme(name="Loyalty program", vouchers_count=1, voucher=voucher)
    management.set_clock("2025-01-07T12:44:11.371Z")
    banner = "Here come your loyalty points"
    shop.rule(campaign.id, {"type": "FIXED", "points": 23}, source={"banner": banner}, pending_points=days(9))
    customer = shop.customer(source_id="4lx-d03", name="Alex Doe")
    card = shop.join(campaign.id, customer.source_id)
    shop.pay(customer.id)
    management.set_clock("2025-01-07T14:16:01.311Z")
    items = [{name: item[name] for name in ("product_id", "quantity", "price")} for item in wanted["items"]]
    order = shop.order(status="PAID", customer={"id": customer.id}, items=items, metadata=wanted["metadata"])
    management.set_clock("2025-01-07T18:00:00.000Z")
    shop.pay(customer.id)
    (waiting,) = [one for one in shop.waiting(card.code) if one["order_id"] == order.id]
    management.set_clock("2025-01-08T14:08:34.126Z")
    inbox = subscribed(
        "voucher.loyalty_card.pending_points.activated",
        "customer.voucher.loyalty_card.pending_points.activated",
        "customer.rewarded.loyalty_points",
        "voucher.loyalty_card.transaction.created",
    )
    shop.activate(card.code, waiting["id"])
    return inbox.wait(3)
