"""What could be stored and would break later is refused when it is said: a table of requests and what is wrong with them."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tallybook.domain.orders import MAX_AMOUNT
from tallybook.domain.refusals import InvalidPayload
from tallybook.usecases.campaigns import CampaignFields, CreateCampaign
from tallybook.usecases.earning_rules import CreateEarningRules, EarningRuleFields
from tallybook.usecases.put_order import OrderFields, PutOrder
from tests.books import PROJECT, Book, empty_book, fixed

AMOUNT = f"must be >= 0 and <= {MAX_AMOUNT}"
START = "2025-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """A book with a programme."""
    with empty_book(f"sqlite:///{tmp_path_factory.mktemp('bounds') / 'book.db'}") as book:
        book.programme("Club")
        yield book


ORDERS = [
    ({"amount": MAX_AMOUNT + 1}, f"Property .amount {AMOUNT}"),
    ({"amount": -1}, f"Property .amount {AMOUNT}"),
    ({"discount_amount": -1}, f"Property .discount_amount {AMOUNT}"),
    ({"items": [{"price": -1}]}, f"Property .items[0].price {AMOUNT}"),
    ({"items": [{}, {"price": MAX_AMOUNT, "quantity": 2}]}, f"Property .items[1].amount {AMOUNT}"),
    ({"items": [{"sku": {"price": -1}}]}, f"Property .items[0].amount {AMOUNT}"),
    ({"items": [{"product": {"price": MAX_AMOUNT + 1}}]}, f"Property .items[0].amount {AMOUNT}"),
    ({"items": [{"price": MAX_AMOUNT}, {"price": 1}]}, f"Property .amount {AMOUNT}"),
]


@pytest.mark.parametrize(("said", "wrong"), ORDERS)
def test_amounts_of_an_order(book: Book, said: dict[str, Any], wrong: str) -> None:
    """Amounts past their bounds are refused, whether they are said or follow from what is said (decision 48)."""
    with pytest.raises(InvalidPayload) as refusal:
        book.do(PutOrder(project_id=PROJECT, fields=msgspec.convert({"status": "PAID", **said}, OrderFields)))
    assert str(refusal.value) == wrong


def test_the_largest_order(book: Book) -> None:
    """An order at its bound is stored as it is."""
    lines = [{"price": 500_000, "quantity": 1_000_000}, {"price": MAX_AMOUNT - 500_000 * 1_000_000}]
    said = msgspec.convert({"status": "PAID", "items": lines}, OrderFields)
    assert book.do(PutOrder(project_id=PROJECT, fields=said)).order.total_amount == MAX_AMOUNT


DURATION = "must be an ISO 8601 duration"
CAMPAIGNS = [
    ({"activity_duration_after_publishing": "P9000Y"}, f"Property .activity_duration_after_publishing {DURATION}"),
    (
        {"start_date": START, "validity_timeframe": {"interval": "P99999999999D", "duration": "PT1H"}},
        f"Property .validity_timeframe.interval {DURATION}",
    ),
    (
        {"start_date": START, "validity_timeframe": {"interval": "P1D", "duration": "1 hour"}},
        f"Property .validity_timeframe.duration {DURATION}",
    ),
    ({"validity_timeframe": {"interval": "P1D", "duration": "PT1H"}}, "Property .validity_timeframe needs .start_date"),
    ({"start_date": START, "expiration_date": START}, "Property .expiration_date must be after .start_date"),
    ({"validity_day_of_week": [7]}, "Property .validity_day_of_week must hold numbers from 0 to 6"),
    (
        {"validity_hours": {"daily": [{"start_time": "9:00"}]}},
        "Property .validity_hours.daily[0].start_time must be a time as HH:mm",
    ),
]


@pytest.mark.parametrize(("said", "wrong"), CAMPAIGNS)
def test_times_of_a_campaign(book: Book, said: dict[str, Any], wrong: str) -> None:
    """Windows that could never be asked about, and durations that no date could follow from, are refused."""
    fields = msgspec.convert({"name": "New", "voucher": {"loyalty_card": {"points": 0}}, **said}, CampaignFields)
    with pytest.raises(InvalidPayload) as refusal:
        book.do(CreateCampaign(project_id=PROJECT, fields=fields))
    assert str(refusal.value) == wrong


def test_times_of_a_rule(book: Book) -> None:
    """The same holds for the windows of an earning rule."""
    said = [{"event": "order.paid", "loyalty": fixed(1), "validity_hours": {"daily": [{"days_of_week": [9]}]}}]
    rules = msgspec.convert(said, list[EarningRuleFields])
    with pytest.raises(InvalidPayload) as refusal:
        book.do(CreateEarningRules(project_id=PROJECT, campaign="Club", rules=rules))
    assert str(refusal.value) == "Property .validity_hours.daily[0].days_of_week must hold numbers from 0 to 6"


CODES = [
    ({"charset": "".join(map(chr, range(0x4E00, 0x4E00 + 257)))}, ".charset must NOT have more than 256 characters"),
    ({"pattern": "no places"}, ".pattern must contain at least one #"),
    ({"pattern": "#" * 65}, ".pattern must contain 1 to 64 #"),
    ({"prefix": "x" * 250}, " must make codes of at most 255 characters"),
    ({"length": 0}, ".length must be >= 1 and <= 64"),
]


@pytest.mark.parametrize(("said", "wrong"), CODES)
def test_codes_of_a_campaign(book: Book, said: dict[str, Any], wrong: str) -> None:
    """Codes that could not be drawn, or would be too long to be one, are refused with the campaign."""
    template = {"loyalty_card": {"points": 0}, "code_config": said}
    fields = msgspec.convert({"name": "New", "voucher": template}, CampaignFields)
    with pytest.raises(InvalidPayload) as refusal:
        book.do(CreateCampaign(project_id=PROJECT, fields=fields))
    assert str(refusal.value) == f"Property .voucher.code_config{wrong}"
