"""Orders: as REST answers them, calculated inside customer.order.* and rewarded events, simple inside card events.

Amounts are minor units. The stored lines are decoded straight into the form they go out in; products, SKUs and metadata of a
line pass through untouched.
"""

import msgspec
from msgspec import Raw

from tallybook.domain.records import Order
from tallybook.wire.customers import customer_reference, customer_stub
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced

_ABSENT = Raw(b"")


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="object", tag="order_item"):
    source_id: str | None = None
    related_object: str | None = None
    product_id: str | None = None
    sku_id: str | None = None
    quantity: int | None = None
    discount_quantity: int | None = None
    initial_quantity: int | None = None
    amount: int | None = None
    discount_amount: int | None = None
    initial_amount: int | None = None
    price: int | None = None
    subtotal_amount: int | None = None


class _CalculatedLine(_Line, frozen=True, kw_only=True, omit_defaults=True, tag_field="object", tag="order_item"):
    """Shows its product and SKU, and no id (seed 002)."""

    product: Raw = _ABSENT
    sku: Raw = _ABSENT
    metadata: Raw = _ABSENT


class _SimpleLine(_Line, frozen=True, kw_only=True, omit_defaults=True, tag_field="object", tag="order_item"):
    """Shows its id, and of product and SKU only theirs (seeds 001, 003 and 004)."""

    id: str | None = None
    metadata: Raw = _ABSENT


_CALCULATED = msgspec.json.Decoder(list[_CalculatedLine])
_SIMPLE = msgspec.json.Decoder(list[_SimpleLine])


def order_full(order: Order) -> Object:
    """The order as REST answers it: customer and referrer by id, metadata `{}` when there is none."""
    shown = _calculated_head(order)
    shown["metadata"] = spliced(order.metadata)
    shown["customer"] = None if order.customer_id is None else customer_reference(order.customer_id)
    if order.referrer_id is not None:
        shown["referrer"] = customer_reference(order.referrer_id)
    return _calculated_tail(order, shown)


def order_calculated(order: Order) -> Object:
    """The order inside customer.order.* and customer.rewarded.loyalty_points (seed 002); no `metadata` key without any."""
    shown = _calculated_head(order)
    if order.metadata != "{}":
        shown["metadata"] = spliced(order.metadata)
    shown["customer"] = None if order.customer_id is None else customer_stub(order.customer_id)
    if order.referrer_id is not None:
        shown["referrer"] = customer_stub(order.referrer_id)
    return _calculated_tail(order, shown)


def order_simple(order: Order) -> Object:
    """The order inside card events (seeds 001, 003 and 004); `metadata` and `updated_at` only where there are any."""
    shown: Object = {
        "id": order.id,
        "source_id": order.source_id,
        "status": order.status,
        "customer_id": order.customer_id,
        "referrer_id": order.referrer_id,
        **_amounts(order),
        "items": _SIMPLE.decode(order.items),
    }
    if order.metadata != "{}":
        shown["metadata"] = spliced(order.metadata)
    shown["created_at"] = instant_text(order.created_at)
    if order.updated_at is not None:
        shown["updated_at"] = instant_text(order.updated_at)
    shown["object"] = "order"
    return shown


def _calculated_head(order: Order) -> Object:
    return {
        "id": order.id,
        "source_id": order.source_id,
        "created_at": instant_text(order.created_at),
        "updated_at": instant_text(order.updated_at),
        "status": order.status,
        **_amounts(order),
        "items": _CALCULATED.decode(order.items),
    }


def _calculated_tail(order: Order, shown: Object) -> Object:
    shown["customer_id"] = order.customer_id
    shown["referrer_id"] = order.referrer_id
    shown["object"] = "order"
    if order.redemptions is not None:
        shown["redemptions"] = spliced(order.redemptions)
    return shown


def _amounts(order: Order) -> Object:
    """Amounts that are known; a discount of nothing is not shown."""
    shown: Object = {}
    if order.amount is not None:
        shown["amount"] = order.amount
    if order.initial_amount is not None:
        shown["initial_amount"] = order.initial_amount
    if order.discount_amount:
        shown["discount_amount"] = order.discount_amount
    if order.items_discount_amount:
        shown["items_discount_amount"] = order.items_discount_amount
    if order.total_discount_amount:
        shown["total_discount_amount"] = order.total_discount_amount
    if order.total_amount is not None:
        shown["total_amount"] = order.total_amount
    return shown
