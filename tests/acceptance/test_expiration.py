"""When points expire: `next_expiration_*` of a card, for every period and rounding (semantics §2.3). Local dates of Warsaw."""

from datetime import date
from typing import Any, NamedTuple

import pytest

from tests.acceptance.official import Management
from tests.acceptance.shop import FIXED_TEN, Shop

TIME_ZONE = "Europe/Warsaw"


def _months(value: int, rounding: str | None = None, month: int | None = None) -> dict[str, Any]:
    rules: dict[str, Any] = {"period_type": "MONTH", "period_value": value}
    if rounding:
        rules["rounding_type"] = rounding
    if month:
        rules["rounding_value"] = month
    return rules


def _yearly(month: int, day: int) -> dict[str, Any]:
    return {"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": month, "fixed_day": day}


class Row(NamedTuple):
    """When an order is paid, by which rules its points expire, and on which day."""

    paid_at: str
    rules: dict[str, Any] | None
    expires_on: str | None


TABLE = [  # in the order of time, and no points of a row expire before the last one: the test clock cannot pass that day
    Row("2022-12-31T22:30:00.000Z", _months(36), "2025-12-31"),  # 23:30 of the old year in Warsaw
    Row("2022-12-31T23:30:00.000Z", _months(36), "2026-01-01"),  # 0:30 of the new one
    Row("2023-01-31T12:00:00.000Z", _months(25), "2025-02-28"),
    Row("2023-01-31T12:00:00.000Z", _months(61), "2028-02-29"),
    Row("2024-02-29T12:00:00.000Z", _months(12), "2025-02-28"),
    Row("2024-02-29T12:00:00.000Z", _months(48), "2028-02-29"),
    Row("2024-03-01T12:00:00.000Z", _yearly(2, 29), "2025-02-28"),
    Row("2024-07-24T10:51:29.669Z", _months(12), "2025-07-24"),
    Row("2025-01-25T12:00:00.000Z", _months(1), "2025-02-25"),
    Row("2025-01-28T08:59:35.487Z", _months(2, "PARTICULAR_MONTH", 1), "2026-01-31"),
    Row("2025-01-31T12:00:00.000Z", _months(1), "2025-02-28"),
    Row("2025-01-31T12:00:00.000Z", _months(1, "END_OF_MONTH"), "2025-02-28"),
    Row("2025-01-31T12:00:00.000Z", _months(1, "PARTICULAR_MONTH", 2), "2025-02-28"),
    Row("2025-02-10T12:00:00.000Z", None, None),
    Row("2025-02-10T12:00:00.000Z", _months(1, "END_OF_MONTH"), "2025-03-31"),
    Row("2025-02-10T12:00:00.000Z", _months(0, "END_OF_QUARTER"), "2025-03-31"),
    Row("2025-02-10T12:00:00.000Z", _months(3, "END_OF_QUARTER"), "2025-06-30"),
    Row("2025-02-10T12:00:00.000Z", _months(8, "END_OF_QUARTER"), "2025-12-31"),
    Row("2025-02-10T12:00:00.000Z", _months(11, "END_OF_QUARTER"), "2026-03-31"),
    Row("2025-02-10T12:00:00.000Z", _months(1, "END_OF_HALF_YEAR"), "2025-06-30"),
    Row("2025-02-10T12:00:00.000Z", _months(5, "END_OF_HALF_YEAR"), "2025-12-31"),
    Row("2025-02-10T12:00:00.000Z", _months(1, "END_OF_YEAR"), "2025-12-31"),
    Row("2025-02-10T12:00:00.000Z", _months(11, "END_OF_YEAR"), "2026-12-31"),
    Row("2025-02-10T12:00:00.000Z", _months(1, "PARTICULAR_MONTH", 3), "2025-03-31"),
    Row("2025-02-10T12:00:00.000Z", _months(1, "PARTICULAR_MONTH", 2), "2026-02-28"),
    Row("2025-02-10T12:00:00.000Z", _yearly(2, 9), "2026-02-09"),
    Row("2025-02-10T12:00:00.000Z", _yearly(12, 31), "2025-12-31"),
    Row("2025-02-10T12:00:00.000Z", _months(0, "END_OF_MONTH"), "2025-02-28"),
    Row("2025-02-14T12:00:00.000Z", _months(0), "2025-02-14"),
    Row("2025-02-14T12:00:00.000Z", _yearly(2, 14), "2025-02-14"),
]


def _shown(points: int, expires_on: str | None, expiring: int = 10) -> dict[str, Any]:
    dated = {"next_expiration_date": expires_on, "next_expiration_points": expiring} if expires_on else {}
    return {"points": points, "balance": points} | dated


def test_points_of_one_day_expire_together(management: Management, shop: Shop) -> None:
    """A day's points are one lot; the earliest lot is the one that is shown (semantics §6.6)."""
    management.set_clock("2022-11-10T08:00:00.000Z")
    campaign = shop.programme(_months(36))
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    management.set_clock("2022-11-10T20:00:00.000Z")
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == _shown(20, "2025-11-10", 20)
    management.set_clock("2022-11-11T08:00:00.000Z")
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == _shown(30, "2025-11-10", 20)


def test_the_rules_of_a_rule_come_before_those_of_its_programme(management: Management, shop: Shop) -> None:
    """An earning rule may say itself when its points expire (semantics §2.3)."""
    management.set_clock("2022-11-12T12:00:00.000Z")
    campaign = shop.programme(_months(36))
    shop.rule(campaign.id, FIXED_TEN, expiration_rules=_months(37, "END_OF_MONTH"))
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == _shown(10, "2025-12-31")
    shop.rule(campaign.id, {"type": "FIXED", "points": 5})
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == _shown(25, "2025-11-12", 5)


@pytest.mark.parametrize(
    "rules",
    [
        {"period_type": "WEEK", "period_value": 1},
        {"period_type": "MONTH"},
        {"period_type": "MONTH", "period_value": -1},
        {"period_type": "MONTH", "period_value": 1, "rounding_type": "END_OF_WEEK"},
        {"period_type": "MONTH", "period_value": 1, "rounding_type": "PARTICULAR_MONTH"},
        {"period_type": "MONTH", "period_value": 1, "rounding_type": "PARTICULAR_MONTH", "rounding_value": 13},
        {"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": 2},
        {"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": 13, "fixed_day": 1},
    ],
)
def test_rules_that_say_no_day_are_refused(shop: Shop, rules: dict[str, Any]) -> None:
    """Each period needs its fields, and PARTICULAR_MONTH its month from 1 to 12 (semantics §2.3, decision 24)."""
    voucher = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0, "expiration_rules": rules}}
    body = {"name": shop.name("malformed"), "type": "AUTO_UPDATE", "voucher": voucher}
    answer = shop.client.ask("POST", "/v1/loyalties", body)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    assert ".voucher.loyalty_card.expiration_rules" in answer.json["details"]


def _names() -> list[str]:
    return [f"{row.paid_at[:13]} {' '.join(map(str, (row.rules or {'never': ''}).values()))}" for row in TABLE]


@pytest.mark.parametrize("row", TABLE, ids=_names())
def test_the_day_points_expire(management: Management, shop: Shop, row: Row) -> None:
    """The last day of points earned now, by the programme's rules and the project's calendar (semantics §2.3)."""
    management.set_clock(row.paid_at)
    campaign = shop.programme(row.rules)
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    assert shop.card(card.code)["loyalty_card"] == _shown(10, row.expires_on)
    typed = shop.client.loyalties.get_member(card.code).loyalty_card.next_expiration_date
    assert typed == (date.fromisoformat(row.expires_on) if row.expires_on else None)
