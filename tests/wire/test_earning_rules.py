"""Earning rules: each kind of formula in its place, and the options between the keys."""

from typing import Any

import msgspec
import pytest

from tallybook.domain.config import ExpirationRules, Filter, Formula, Validity
from tallybook.wire.earning_rules import loyalty, rule_brief, rule_full, rule_parameters
from tallybook.wire.json import encode
from tests.wire.scenes import JACKS_RULE, at

COLLECTION = Filter(object="products_collection", id="pc_1")
PRODUCT = Filter(object="product", source_id="shoe")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (Formula(type="FIXED", points=5), {"type": "FIXED", "points": 5}),
        (
            Formula(type="PROPORTIONAL", calculation_type="ORDER_AMOUNT", every=1000, points=1),
            {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": {"amount": {"every": 1000, "points": 1}}},
        ),
        (
            Formula(type="PROPORTIONAL", calculation_type="ORDER_METADATA", every=10, points=2, property="visits"),
            {
                "type": "PROPORTIONAL",
                "calculation_type": "ORDER_METADATA",
                "order": {"metadata": {"every": 10, "points": 2, "property": "visits"}},
            },
        ),
        (
            Formula(
                type="PROPORTIONAL",
                calculation_type="ORDER_ITEMS_QUANTITY",
                every=1,
                points=1,
                applicable_to=[COLLECTION],
            ),
            {
                "type": "PROPORTIONAL",
                "calculation_type": "ORDER_ITEMS_QUANTITY",
                "order_items": {"quantity": {"every": 1, "points": 1, "object": "products_collection", "id": "pc_1"}},
            },
        ),
        (
            Formula(
                type="PROPORTIONAL",
                calculation_type="ORDER_ITEMS_SUBTOTAL_AMOUNT",
                every=100,
                points=4,
                applicable_to=[PRODUCT, COLLECTION],
            ),
            {
                "type": "PROPORTIONAL",
                "calculation_type": "ORDER_ITEMS_SUBTOTAL_AMOUNT",
                "order_items": {
                    "subtotal_amount": {
                        "every": 100,
                        "points": 4,
                        "object": "product",
                        "source_id": "shoe",
                        "applicable_to": [
                            {"object": "product", "source_id": "shoe"},
                            {"object": "products_collection", "id": "pc_1"},
                        ],
                    },
                },
            },
        ),
        (
            Formula(type="PROPORTIONAL", calculation_type="CUSTOMER_METADATA", every=1, points=5, property="years"),
            {
                "type": "PROPORTIONAL",
                "calculation_type": "CUSTOMER_METADATA",
                "customer": {"metadata": {"every": 1, "points": 5, "property": "years"}},
            },
        ),
    ],
    ids=lambda value: value.calculation_type or value.type if isinstance(value, Formula) else "",
)
def test_formulas(formula: Formula, expected: dict[str, Any]) -> None:
    """Each calculation type keeps its ratio in its own place; the first filter stands beside the ratio."""
    assert loyalty(formula) == expected


def test_rule_with_every_option() -> None:
    """What was set stands between `active` and `object`, in the documented order."""
    rule = msgspec.structs.replace(
        JACKS_RULE,
        updated_at=at("2024-02-01T00:00:00.000"),
        validity=Validity(
            start_date=at("2022-11-02T13:00:00.000"),
            expiration_date=at("2023-03-03T14:30:00.000"),
            validity_timeframe={"duration": "PT1H", "interval": "P1D"},
            validity_day_of_week=[0, 6],
        ),
        pending_days=7,
        expiration_rules=ExpirationRules(period_type="MONTH", period_value=3),
    )
    shown = rule_full(rule)
    assert list(shown) == [
        *["id", "created_at", "updated_at", "validation_rule_id", "loyalty", "event", "source", "active", "start_date"],
        *["expiration_date", "pending_points", "expiration_rules", "validity_timeframe", "validity_day_of_week", "object"],
        *["automation_id", "metadata"],
    ]
    read = msgspec.json.decode(encode(shown))
    assert read["updated_at"] == "2024-02-01T00:00:00.000Z"
    assert read["start_date"] == "2022-11-02T13:00:00.000Z"
    assert read["pending_points"] == {"period_type": "DAY", "period_value": 7}
    assert read["expiration_rules"] == {"period_type": "MONTH", "period_value": 3}


def test_rule_without_banner() -> None:
    """A rule that has no banner shows none, in any form."""
    rule = msgspec.structs.replace(JACKS_RULE, banner=None)
    assert rule_full(rule)["source"] == {"object_id": rule.campaign_id, "object_type": "campaign"}
    assert list(rule_parameters(rule)["parameters"]) == ["event", "loyalty"]
    assert rule_brief(rule) == {"id": rule.id, "source": {}}


def test_brief_rule() -> None:
    """The details of a transaction name a rule by id and banner."""
    assert rule_brief(JACKS_RULE) == {"id": JACKS_RULE.id, "source": {"banner": "Order-paid"}}
