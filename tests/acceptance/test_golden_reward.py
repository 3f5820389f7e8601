"""The golden document of a reward."""

import json
from typing import Any

import sqlalchemy

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.process import Server
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_a_reward


def _put_redemptions(server: Server, order_id: str, redemptions: dict[str, Any]) -> None:
    """Record a discount on a stored order, as a promotion will do it one day."""
    engine = sqlalchemy.create_engine(server.database_url.replace("postgresql://", "postgresql+psycopg://"))
    statement = sqlalchemy.text("UPDATE orders SET redemptions = :redemptions WHERE id = :id")
    with engine.begin() as connection:
        text = json.dumps(redemptions, separators=(",", ":"))
        assert connection.execute(statement, {"redemptions": text, "id": order_id}).rowcount == 1
    engine.dispose()


def test_a_customer_is_rewarded_for_an_order(server: Server, management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """A paid order makes an auto-joined customer's card earn: told as it was, beside the balance it has now (seed 002)."""
    delivery = tell_of_a_reward(shop, management, subscribed, lambda order_id, what: _put_redemptions(server, order_id, what))
    assert compare(golden("customer.rewarded.loyalty_points"), delivery.data) == []
