"""The golden document of a transaction, told of a card that never had the 100 points that do not expire."""

from typing import Any

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_a_transaction


def _without_undated_points(document: Any) -> Any:
    """The document with 100 points less on the card; the lot that expires in a year holds all 110 of them."""
    for balance in (document["balance"], document["transaction"]["details"]["balance"]):
        balance |= {"total": 110, "balance": 110}
    document["voucher"]["loyalty_card"] |= {"points": 110, "balance": 110}
    return document


def test_a_transaction_is_created_for_an_order(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """Two orders of one day fill one lot, and the event of the second tells of both (seed 003 but for 100 points)."""
    delivery = tell_of_a_transaction(shop, management, subscribed)
    expected = _without_undated_points(golden("voucher.loyalty_card.transaction.created"))
    assert compare(expected, delivery.data) == []
