"""The golden document of points added by hand: 50 on a card with 1,320 points, 350 of which were redeemed."""

from collections.abc import Callable
from typing import Any

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_added_points


def test_points_are_added_by_hand(management: Management, shop: Shop, subscribed: Subscribe, history: Callable[..., Any]) -> None:
    """The card is told of as it is after the addition, its transaction in five keys; the customer's event says more of both."""
    of_card, of_customer = tell_of_added_points(shop, management, subscribed, history)
    assert compare(golden("voucher.loyalty_card.points_added"), of_card.data) == []
    assert of_customer.type == "customer.voucher.loyalty_card.points_added"
    assert compare(_of_customer(of_card.data), of_customer.data) == []


def _of_customer(told: Any) -> Any:
    """What the customer's event must say, given the card's: no `email`, no `operation_type`, but the whole transaction."""
    customer = {key: value for key, value in told["customer"].items() if key != "email"}
    balance = {key: value for key, value in told["balance"].items() if key != "operation_type"}
    dates: dict[str, Any] = {"metadata": {}, "start_date": None, "expiration_date": None}
    campaign = told["campaign"] | dates | {"category": None, "description": None}
    transaction = told["transaction"] | {
        "source_id": None,
        "voucher_id": told["voucher"]["id"],
        "source": None,
        "reason": None,
        "details": {"balance": balance},
        "related_transaction_id": None,
    }
    return {
        "customer": customer,
        "campaign": campaign,
        "voucher": told["voucher"] | dates,
        "balance": balance,
        "transaction": transaction,
    }
