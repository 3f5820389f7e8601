"""The golden document of waiting points that are activated by hand, eight days early."""

from tests.acceptance.comparer import compare
from tests.acceptance.official import Management
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe, golden, tell_of_activated_points


def test_points_are_activated_early(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """The points are on the card and wait no more; customer and card are told alike, and the reward is told now.

    No transaction.created speaks of it (decision 21).
    """
    of_card, of_customer, reward = tell_of_activated_points(shop, management, subscribed)
    expected = golden("voucher.loyalty_card.pending_points.activated")
    assert of_card.type == "voucher.loyalty_card.pending_points.activated"
    assert compare(expected, of_card.data) == []
    assert of_customer.type == "customer.voucher.loyalty_card.pending_points.activated"
    for name in ("discount", "gift"):
        del expected["campaign"]["voucher"][name]
    assert compare(expected, of_customer.data) == []
    assert reward.type == "customer.rewarded.loyalty_points"
    for delivery in (of_card, of_customer, reward):
        key = {"name": "Primary", "app_id": "34fdc483-066d-478b-a707-be2c7a3d3698"}
        assert delivery.envelope["event"]["event_source"] == {"channel": "API", "api_key": key}
