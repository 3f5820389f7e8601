"""Customers as REST shows them."""

from datetime import date

import msgspec

from tallybook.domain.occurrence import CampaignPoints, CustomerSummary
from tallybook.wire.customers import customer_full, customer_reference, customer_simple
from tallybook.wire.json import Object, encode
from tests.wire.scenes import JACK, JACKS_SUMMARY, at


def shown(value: Object) -> Object:
    """The object as a client reads it."""
    decoded: Object = msgspec.json.decode(encode(value))
    return decoded


NO_REDEMPTIONS = {
    "total_redeemed": 0,
    "total_failed": 0,
    "total_succeeded": 0,
    "total_rolled_back": 0,
    "total_rollback_failed": 0,
    "total_rollback_succeeded": 0,
    "gift": {"redeemed_amount": 0, "amount_to_go": 0},
    "loyalty_card": {"redeemed_points": 0, "points_to_go": 0},
}


def test_new_customer() -> None:
    """A customer who told little shows a null address, and nothing of what was never told."""
    assert shown(customer_full(JACK, JACKS_SUMMARY)) == {
        "id": "cust_IdgAFZxYwwHctOk9pPuMu308",
        "source_id": "jck-wbhk",
        "name": "Jack Webhook",
        "address": None,
        "summary": {
            "redemptions": NO_REDEMPTIONS,
            "orders": {"total_amount": 0, "total_count": 0, "average_amount": 0, "last_order_amount": 0},
        },
        "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
        "referrals": {"total": 0, "campaigns": []},
        "metadata": {"region": "EMEA"},
        "system_metadata": {},
        "created_at": "2024-01-18T15:19:20.600Z",
        "object": "customer",
    }


def test_customer_with_everything() -> None:
    """All that was told and summed is shown, in the documented order; the average order is rounded half up."""
    customer = msgspec.structs.replace(
        JACK,
        description="A regular",
        email="jack@shop.example",
        phone="+48 123",
        birthdate=date(1974, 1, 2),
        address='{"city":"Łódź"}',
        orders_count=2,
        orders_amount=2501,
        last_order_amount=1,
        last_order_at=at("2024-02-01T10:42:59.676"),
        updated_at=at("2024-02-01T10:43:00.000"),
    )
    summary = CustomerSummary(
        customer_id=JACK.id,
        points=35,
        redeemed_points=40,
        redemptions=3,
        campaigns=(
            CampaignPoints(campaign_name="Coffee", points=30, tier_id="ltr_1"),
            CampaignPoints(campaign_name="2024", points=5),
        ),
    )
    full = customer_full(customer, summary)
    assert list(full) == [
        *["id", "source_id", "name", "description", "email", "phone", "birthdate", "address", "summary", "loyalty"],
        *["referrals", "metadata", "system_metadata", "created_at", "updated_at", "object"],
    ]
    read = shown(full)
    assert (read["birthdate"], read["address"]) == ("1974-01-02", {"city": "Łódź"})
    assert read["summary"]["orders"] == {
        "total_amount": 2501,
        "total_count": 2,
        "average_amount": 1251,
        "last_order_amount": 1,
        "last_order_date": "2024-02-01T10:42:59.676Z",
    }
    assert read["summary"]["redemptions"] == NO_REDEMPTIONS | {
        "total_redeemed": 3,
        "total_succeeded": 3,
        "loyalty_card": {"redeemed_points": 40, "points_to_go": 35},
    }
    assert read["loyalty"]["campaigns"]["Coffee"] == {"points": 30, "loyalty_tier": "ltr_1", "referred_customers": 0}


def test_campaign_names_in_digits_come_first() -> None:
    """A campaign called 2024 stands where JavaScript would put it, so a re-serialised payload keeps its signature."""
    campaigns = [CampaignPoints(campaign_name="Coffee", points=1), CampaignPoints(campaign_name="2024", points=2)]
    summary = msgspec.structs.replace(JACKS_SUMMARY, campaigns=campaigns)
    assert list(shown(customer_full(JACK, summary))["loyalty"]["campaigns"]) == ["2024", "Coffee"]


def test_short_forms() -> None:
    """An event names a customer by six keys, an order by two; what is unknown is null there."""
    nobody = msgspec.structs.replace(JACK, name=None, source_id=None, metadata="{}")
    assert shown(customer_simple(nobody)) == {
        "id": JACK.id,
        "name": None,
        "email": None,
        "source_id": None,
        "metadata": {},
        "object": "customer",
    }
    assert customer_reference(JACK.id) == {"id": JACK.id, "object": "customer"}
