"""Campaigns as REST shows them."""

import msgspec

from tallybook.domain.config import (
    Campaign,
    CodeConfig,
    ExpirationRules,
    TierExpirationDate,
    TierRounding,
    TiersExpiration,
    TierStartDate,
    Validity,
)
from tallybook.wire.campaigns import campaign_full, campaign_of_event, campaign_simple
from tallybook.wire.json import Object, encode
from tests.wire.scenes import ALPHANUMERIC, JACKS_CAMPAIGN, at

SPRING = Campaign(
    id="camp_1",
    name="Spring",
    type="STATIC",
    description="Until June",
    auto_join=True,
    use_voucher_metadata_schema=True,
    card_points=5,
    expiration_rules=ExpirationRules(period_type="MONTH", period_value=3, rounding_type="END_OF_QUARTER"),
    redemption_quantity=2,
    code_config=CodeConfig(length=7, charset=ALPHANUMERIC, pattern="L-#######", prefix="A-"),
    validity=Validity(
        start_date=at("2016-10-26T00:00:00.000"),
        expiration_date=at("2024-10-26T00:00:00.000"),
        validity_timeframe={"interval": "P1D", "duration": "PT1H"},
        validity_day_of_week=[0, 1],
        validity_hours={"daily": [{"days_of_week": [1], "start_time": "08:00", "expiration_time": "12:00"}]},
    ),
    activity_duration_after_publishing="P24D",
    category_id="cat_1",
    metadata='{"test":true}',
    tiers_expiration=TiersExpiration(
        qualification_type="BALANCE",
        start_date=TierStartDate(),
        expiration_date=TierExpirationDate(type="CUSTOM", extend="P3M", rounding=TierRounding(type="MONTH", strategy="END")),
    ),
    refund_policy="CLAWBACK",
    creation_status="IN_PROGRESS",
    created_at=at("2022-11-29T13:10:30.848"),
    updated_at=at("2022-11-29T14:08:30.655"),
)


def shown(value: Object) -> Object:
    """The object as a client reads it."""
    decoded: Object = msgspec.json.decode(encode(value))
    return decoded


def test_plain_campaign_shows_no_options() -> None:
    """What was never set is not shown; the default refund policy is not either."""
    assert shown(campaign_full(JACKS_CAMPAIGN, 3)) == {
        "id": "camp_AQZ1GLRlbGaC2dETd31VbJQ9",
        "name": "Loyalty programme",
        "campaign_type": "LOYALTY_PROGRAM",
        "type": "AUTO_UPDATE",
        "voucher": {
            "type": "LOYALTY_CARD",
            "loyalty_card": {"points": 0},
            "redemption": {"quantity": None},
            "code_config": {"length": 8, "charset": ALPHANUMERIC, "pattern": "########"},
            "is_referral_code": False,
        },
        "auto_join": True,
        "join_once": True,
        "use_voucher_metadata_schema": False,
        "vouchers_count": 3,
        "active": True,
        "metadata": {},
        "created_at": "2024-01-18T15:18:38.577Z",
        "category": None,
        "creation_status": "DONE",
        "vouchers_generation_status": "DONE",
        "protected": False,
        "validation_rules_assignments": {"object": "list", "data_ref": "data", "data": [], "total": 0},
        "category_id": None,
        "categories": [],
        "object": "campaign",
    }


def test_campaign_with_every_option() -> None:
    """Everything set is shown, in the documented order, dates in both places; defaults of nested objects are spelt out."""
    full = campaign_full(SPRING, 0)
    assert list(full) == [
        *["id", "name", "campaign_type", "type", "voucher", "auto_join", "join_once", "use_voucher_metadata_schema"],
        *["description", "start_date", "expiration_date", "validity_timeframe", "validity_day_of_week", "validity_hours"],
        *["activity_duration_after_publishing", "vouchers_count", "active", "metadata", "created_at", "updated_at"],
        *["category", "creation_status", "vouchers_generation_status", "protected", "validation_rules_assignments"],
        *["category_id", "categories", "loyalty_tiers_expiration", "refund_policy", "object"],
    ]
    read = shown(full)
    assert read["voucher"] == {
        "type": "LOYALTY_CARD",
        "loyalty_card": {
            "points": 5,
            "expiration_rules": {"period_type": "MONTH", "period_value": 3, "rounding_type": "END_OF_QUARTER"},
        },
        "redemption": {"quantity": 2},
        "code_config": {"length": 7, "charset": ALPHANUMERIC, "pattern": "L-#######", "prefix": "A-"},
        "is_referral_code": False,
        "start_date": "2016-10-26T00:00:00.000Z",
        "expiration_date": "2024-10-26T00:00:00.000Z",
        "validity_timeframe": {"interval": "P1D", "duration": "PT1H"},
    }
    assert read["loyalty_tiers_expiration"] == {
        "qualification_type": "BALANCE",
        "start_date": {"type": "IMMEDIATE"},
        "expiration_date": {"type": "CUSTOM", "extend": "P3M", "rounding": {"type": "MONTH", "strategy": "END"}},
    }


def test_event_form_is_smaller() -> None:
    """The campaign of a campaign.* event is REST's without the category and the rule assignments."""
    gone = {"category", "validation_rules_assignments"}
    full = campaign_full(SPRING, 4)
    assert campaign_of_event(SPRING, 4) == {key: value for key, value in full.items() if key not in gone}


def test_tiers_expiration_of_a_period() -> None:
    """Tiers judged by a period name it; what has no end shows none."""
    expiration = TiersExpiration(qualification_type="POINTS_IN_PERIOD", qualification_period="MONTH")
    campaign = msgspec.structs.replace(SPRING, tiers_expiration=expiration)
    assert shown(campaign_full(campaign, 0))["loyalty_tiers_expiration"] == {
        "qualification_type": "POINTS_IN_PERIOD",
        "qualification_period": "MONTH",
    }


def test_simple_form_before_any_change() -> None:
    """A campaign that was never changed has no `updated_at`: seventeen keys."""
    assert len(campaign_simple(JACKS_CAMPAIGN, other_types=False)) == 17
    assert len(campaign_simple(SPRING, other_types=False)) == 18
