"""Orders: amounts that follow from lines and discounts, and what a change of status means. Pure. Minor units."""

from typing import Any

import msgspec

from tallybook.domain.records import Order, OrderItem

STATUSES = ("CREATED", "PAID", "CANCELED", "FULFILLED")
MAX_AMOUNT = 1_000_000_000_000
MAX_QUANTITY = 1_000_000
MAX_ITEMS = 500
"""Bounds of decision 48: minor units, units of a line, lines of an order."""
_BOUNDS = {
    **dict.fromkeys(("quantity", "discount_quantity", "initial_quantity"), MAX_QUANTITY),
    **dict.fromkeys(("amount", "discount_amount", "initial_amount", "price"), MAX_AMOUNT),
}


def priced(item: OrderItem) -> OrderItem:
    """The line with what follows from it: the price of its SKU or product, `amount`, `subtotal_amount` (semantics 9)."""
    price = item.price
    if price is None:
        price = next((known for inner in (item.sku, item.product) if (known := _price_in(inner)) is not None), None)
    quantity = item.quantity if item.quantity is not None else 1
    amount = item.amount if item.amount is not None or price is None else price * quantity
    subtotal = None if amount is None else amount - (item.discount_amount or 0)
    return msgspec.structs.replace(item, price=price, quantity=quantity, amount=amount, subtotal_amount=subtotal)


def _price_in(inner: dict[str, Any] | None) -> int | None:
    """The price that a line's product or SKU has; what is no whole number is none."""
    price = (inner or {}).get("price")
    return price if isinstance(price, int) and not isinstance(price, bool) else None


def totals(items: list[OrderItem], amount: int | None, discount_amount: int | None) -> dict[str, int | None]:
    """The amounts of an order. A given `amount` is kept even when it differs from the sum of the lines (semantics 9)."""
    if amount is None and any(item.amount is not None for item in items):
        amount = sum(item.amount or 0 for item in items)
    items_discount = sum(item.discount_amount or 0 for item in items)
    discount = (discount_amount or 0) + items_discount
    return {
        "amount": amount,
        "discount_amount": discount_amount,
        "items_discount_amount": items_discount or None,
        "total_discount_amount": discount or None,
        "total_amount": None if amount is None else max(amount - discount, 0),
    }


def events_of(old: Order | None, new: Order) -> list[str]:
    """The last words of the customer.order.* events of a change, in order (decision 44)."""
    first = ["created"] if old is None else ["updated"]
    if old is not None and old.status == new.status:
        return first
    if new.status == "FULFILLED":
        return ["created", "fulfilled"] if old is None else ["fulfilled"]
    words = {"PAID": ["paid"], "CANCELED": ["canceled"]}.get(new.status, [])
    return first + words


def numbers_in_bounds(item: OrderItem) -> str | None:
    """What is wrong with the numbers of a line: the name of the field and its bound; None when nothing is."""
    for name, most in _BOUNDS.items():
        value: Any = getattr(item, name)
        if value is not None and not 0 <= value <= most:
            return f".{name} must be >= 0 and <= {most}"
    return None
