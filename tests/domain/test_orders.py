"""Orders: amounts that follow from lines and discounts, and which events a change of status brings (semantics 9)."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.orders import MAX_AMOUNT, MAX_QUANTITY, STATUSES, events_of, numbers_in_bounds, priced, totals
from tallybook.domain.records import Order, OrderItem

AT = datetime(2025, 1, 1, tzinfo=UTC)


def item(**said: Any) -> OrderItem:
    """A line as a request says it."""
    return OrderItem(**said)


PRICED = [
    # line, price, quantity, amount, subtotal, why
    (item(price=2_500, quantity=20), 2_500, 20, 50_000, 50_000, "price times quantity"),
    (item(price=2_500, quantity=20, discount_amount=5_000), 2_500, 20, 50_000, 45_000, "and the discount of the line"),
    (item(price=500), 500, 1, 500, 500, "no quantity: one"),
    (item(price=500, quantity=0), 500, 0, 0, 0, "none of it"),
    (item(price=0, quantity=3), 0, 3, 0, 0, "free of charge"),
    (item(quantity=2), None, 2, None, None, "no price: no amount"),
    (item(), None, 1, None, None, "nothing said"),
    (item(amount=999, quantity=2), None, 2, 999, 999, "an amount without a price"),
    (item(amount=999, price=500, quantity=2), 500, 2, 999, 999, "a given amount is kept"),
    (item(amount=999, discount_amount=99), None, 1, 999, 900, "a given amount with a discount"),
    (item(sku={"price": 700}, quantity=2), 700, 2, 1_400, 1_400, "the price of the SKU"),
    (item(product={"price": 600}, quantity=2), 600, 2, 1_200, 1_200, "the price of the product"),
    (item(sku={"price": 700}, product={"price": 600}), 700, 1, 700, 700, "the SKU's before the product's"),
    (item(sku={"price": 0}, product={"price": 600}), 0, 1, 0, 0, "also when it is zero"),
    (item(sku={}, product={"price": 600}), 600, 1, 600, 600, "the product's when the SKU has none"),
    (item(price=800, sku={"price": 700}), 800, 1, 800, 800, "the line's before all"),
    (item(sku={"price": "700"}, quantity=3), None, 3, None, None, "text is no price"),
    (item(product={"price": 12.5}, quantity=3), None, 3, None, None, "part of a cent neither"),
    (item(product={"price": True}), None, 1, None, None, "nor is true"),
]


@pytest.mark.parametrize(
    ("line", "price", "quantity", "amount", "subtotal"), [row[:5] for row in PRICED], ids=[row[5] for row in PRICED]
)
def test_amounts_of_a_line(line: OrderItem, price: int | None, quantity: int, amount: int | None, subtotal: int | None) -> None:
    """What a line does not say follows from what it says; nothing else about it changes."""
    expected = msgspec.structs.replace(line, price=price, quantity=quantity, amount=amount, subtotal_amount=subtotal)
    assert priced(line) == expected


SHIRTS, MUG, BARE = item(amount=50_000, discount_amount=5_000), item(amount=900), item()
TOTALS = [
    # lines, amount, discount, → amount, discount, of lines, together, total, why
    ([SHIRTS], None, None, (50_000, None, 5_000, 5_000, 45_000), "seed 002"),
    ([item(amount=500), item(amount=900), item(amount=1_099)], None, None, (2_499, None, None, None, 2_499), "seed 001"),
    ([SHIRTS, MUG, BARE], None, 900, (50_900, 900, 5_000, 5_900, 45_000), "both discounts"),
    ([item(amount=5_000), item(amount=0)], 5_500, None, (5_500, None, None, None, 5_500), "a given amount is kept"),
    ([], 1_000, 100, (1_000, 100, None, 100, 900), "no lines"),
    ([], 1_000, 0, (1_000, 0, None, None, 1_000), "a discount of nothing"),
    ([], 1_000, 2_000, (1_000, 2_000, None, 2_000, 0), "never below zero"),
    ([], None, None, (None, None, None, None, None), "nothing said"),
    ([BARE], None, 100, (None, 100, None, 100, None), "no price anywhere"),
    ([BARE, MUG], None, None, (900, None, None, None, 900), "a price here and none there"),
    ([], 0, None, (0, None, None, None, 0), "an order of nothing"),
]
NAMES = ("amount", "discount_amount", "items_discount_amount", "total_discount_amount", "total_amount")


@pytest.mark.parametrize(("lines", "amount", "discount", "expected"), [row[:4] for row in TOTALS], ids=[row[4] for row in TOTALS])
def test_amounts_of_an_order(
    lines: list[OrderItem], amount: int | None, discount: int | None, expected: tuple[int | None, ...]
) -> None:
    """Amounts in minor units: of the lines, less the discounts of the lines and of the order."""
    assert totals(lines, amount, discount) == dict(zip(NAMES, expected, strict=True))


@given(
    lines=st.lists(
        st.builds(
            OrderItem,
            price=st.none() | st.integers(0, 10**6), quantity=st.none() | st.integers(0, 100),
            discount_amount=st.none() | st.integers(0, 10**6),
        ), max_size=8,
    ),
    discount=st.none() | st.integers(0, 10**6),
)  # fmt: skip
def test_an_order_adds_up(lines: list[OrderItem], discount: int | None) -> None:
    """The order's amount is the sum of its lines; its total is that less every discount, or zero."""
    found = totals([priced(line) for line in lines], None, discount)
    worth = sum((line.price or 0) * (1 if line.quantity is None else line.quantity) for line in lines)
    less = sum(line.discount_amount or 0 for line in lines) + (discount or 0)
    assert (found["amount"] or 0, found["total_discount_amount"] or 0) == (worth, less)
    assert (found["total_amount"] or 0) == max(worth - less, 0)


CHANGES = [
    # before, after, events (decision 44)
    (None, "CREATED", ["created"]),
    (None, "PAID", ["created", "paid"]),
    (None, "CANCELED", ["created", "canceled"]),
    (None, "FULFILLED", ["created", "fulfilled"]),
    ("CREATED", "CREATED", ["updated"]),
    ("CREATED", "PAID", ["updated", "paid"]),
    ("CREATED", "CANCELED", ["updated", "canceled"]),
    ("CREATED", "FULFILLED", ["fulfilled"]),
    ("PAID", "CREATED", ["updated"]),
    ("PAID", "PAID", ["updated"]),
    ("PAID", "CANCELED", ["updated", "canceled"]),
    ("PAID", "FULFILLED", ["fulfilled"]),
    ("CANCELED", "CREATED", ["updated"]),
    ("CANCELED", "PAID", ["updated", "paid"]),
    ("CANCELED", "CANCELED", ["updated"]),
    ("CANCELED", "FULFILLED", ["fulfilled"]),
    ("FULFILLED", "CREATED", ["updated"]),
    ("FULFILLED", "PAID", ["updated", "paid"]),
    ("FULFILLED", "CANCELED", ["updated", "canceled"]),
    ("FULFILLED", "FULFILLED", ["updated"]),
]


def order(status: str) -> Order:
    """An order in that status."""
    return Order(id="ord_1", project_id="proj", status=status, created_at=AT)


@pytest.mark.parametrize(("before", "after", "words"), CHANGES)
def test_events_of_a_change(before: str | None, after: str, words: list[str]) -> None:
    """Which events a new or changed order brings, in their order."""
    assert events_of(order(before) if before else None, order(after)) == words


def test_the_table_of_changes_is_complete() -> None:
    """No pair of statuses is left to chance."""
    assert {(before, after) for before, after, _ in CHANGES} == {(old, new) for old in (None, *STATUSES) for new in STATUSES}


BOUNDS = [
    (item(), None),
    (item(quantity=MAX_QUANTITY, price=MAX_AMOUNT, amount=0), None),
    (item(quantity=MAX_QUANTITY + 1), f".quantity must be >= 0 and <= {MAX_QUANTITY}"),
    (item(quantity=-1), f".quantity must be >= 0 and <= {MAX_QUANTITY}"),
    (item(discount_quantity=-1), f".discount_quantity must be >= 0 and <= {MAX_QUANTITY}"),
    (item(initial_quantity=-1), f".initial_quantity must be >= 0 and <= {MAX_QUANTITY}"),
    (item(price=-1), f".price must be >= 0 and <= {MAX_AMOUNT}"),
    (item(amount=MAX_AMOUNT + 1), f".amount must be >= 0 and <= {MAX_AMOUNT}"),
    (item(discount_amount=-1), f".discount_amount must be >= 0 and <= {MAX_AMOUNT}"),
    (item(initial_amount=-1), f".initial_amount must be >= 0 and <= {MAX_AMOUNT}"),
    (priced(item(price=MAX_AMOUNT, quantity=2)), f".amount must be >= 0 and <= {MAX_AMOUNT}"),
    (priced(item(sku={"price": -1}, amount=1)), f".price must be >= 0 and <= {MAX_AMOUNT}"),
]


@pytest.mark.parametrize(("line", "wrong"), BOUNDS)
def test_bounds_of_a_line(line: OrderItem, wrong: str | None) -> None:
    """No number of a line is negative or past its bound, computed ones neither (decision 48)."""
    assert numbers_in_bounds(line) == wrong
