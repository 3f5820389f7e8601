"""The stories behind the documents of `golden/`: told over HTTP alone, at the documents' own instants, by the test clock."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import voucherify

from tests.acceptance.deliveries import Delivery, Inbox
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop, per_amount

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
