"""The golden document of points that wait: one point for an order, beside 1,233 that wait already."""

from collections.abc import Callable
from typing import Any

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_waiting_points


def test_points_begin_to_wait(management: Management, shop: Shop, subscribed: Subscribe, history: Callable[..., Any]) -> None:
    """An order's points wait; the customer is told, and the card's event says the same with two more keys of the voucher."""
    of_card, of_customer = tell_of_waiting_points(shop, management, subscribed, history)
    expected = golden("customer.voucher.loyalty_card.pending_points.added")
    assert of_customer.type == "customer.voucher.loyalty_card.pending_points.added"
    assert compare(expected, of_customer.data) == []
    assert of_card.type == "voucher.loyalty_card.pending_points.added"
    expected["voucher"] |= {"categories": [], "category": None}
    expected["campaign"]["voucher"] |= {"discount": None, "gift": None}
    assert compare(expected, of_card.data) == []
