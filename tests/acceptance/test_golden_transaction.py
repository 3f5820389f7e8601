"""The golden document of a transaction: 10 points for an order, on a card with 200 points, 100 of which never expire."""

from collections.abc import Callable
from typing import Any

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_a_transaction


def test_a_transaction_is_created_for_an_order(
    management: Management, shop: Shop, subscribed: Subscribe, history: Callable[..., Any]
) -> None:
    """An order of a member gives points that expire in a year, beside points that never do (seed 003)."""
    delivery = tell_of_a_transaction(shop, management, subscribed, lambda card: history(card_id=card.id, points=100))
    assert compare(golden("voucher.loyalty_card.transaction.created"), delivery.data) == []
