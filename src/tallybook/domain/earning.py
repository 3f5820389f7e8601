"""What an earning rule gives. A table of metrics, exact arithmetic, no state.

Decisions 1 and 3: points x floor(metric / every), then the tier's mapping (CUSTOM replaces `points`, MULTIPLY scales the
result), then one rounding, half up. Money is in minor units (decision 5).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tallybook.domain.config import Filter, Formula, TierMapping
from tallybook.domain.records import OrderItem

MAX_POINTS = 1_000_000_000
"""Most points of one operation (decision 48)."""


NO_COLLECTIONS: Mapping[str, list[Filter]] = {}


class Facts:
    """What a rule may measure: an order, its lines, and the metadata of order, customer and event."""

    def __init__(
        self,
        *,
        amount: int = 0,
        total_amount: int = 0,
        items: list[OrderItem] | None = None,
        order_metadata: dict[str, Any] | None = None,
        customer_metadata: dict[str, Any] | None = None,
        event_metadata: dict[str, Any] | None = None,
        collections: Mapping[str, list[Filter]] = NO_COLLECTIONS,
    ) -> None:
        self.amount = amount
        self.total_amount = total_amount
        self.items = items or []
        self.order_metadata = order_metadata or {}
        self.customer_metadata = customer_metadata or {}
        self.event_metadata = event_metadata or {}
        self.collections = collections


def number(value: Any) -> Fraction:
    """A number of metadata, exactly as written; anything else counts as 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fraction(0)
    return Fraction(Decimal(str(value)))


def matches(item: OrderItem, filters: list[Filter], collections: Mapping[str, list[Filter]] = NO_COLLECTIONS) -> bool:
    """Whether a line is one that the rule speaks of; a product matches the lines of its SKUs. No filter: every line.

    `collections` says what product collections hold. A line counts once, in however many of them it is.
    """
    return not filters or any(
        any(_names(item, held) for held in collections.get(one.id or "", ()))
        if one.object == "products_collection"
        else _names(item, one)
        for one in filters
    )


def _names(item: OrderItem, one: Filter) -> bool:
    product, sku = item.product or {}, item.sku or {}
    if one.object == "sku":
        ids, sources = {item.sku_id, sku.get("id")}, {sku.get("source_id")}
    else:
        ids, sources = {item.product_id, product.get("id")}, {product.get("source_id")}
    if item.related_object == one.object:
        sources.add(item.source_id)
    named = {one.id, one.source_id} - {None}
    return bool(named & (ids | sources))


def _matching(formula: Formula, facts: Facts) -> list[OrderItem]:
    return [item for item in facts.items if matches(item, formula.applicable_to, facts.collections)]


METRICS: dict[str, Callable[[Formula, Facts], int | Fraction]] = {
    "ORDER_AMOUNT": lambda _, facts: facts.amount,
    "ORDER_TOTAL_AMOUNT": lambda _, facts: facts.total_amount,
    "ORDER_METADATA": lambda formula, facts: number(facts.order_metadata.get(formula.property or "")),
    "ORDER_ITEMS_QUANTITY": lambda formula, facts: sum(
        max((item.quantity or 0) - (item.discount_quantity or 0), 0) for item in _matching(formula, facts)
    ),
    "ORDER_ITEMS_AMOUNT": lambda formula, facts: sum(item.amount or 0 for item in _matching(formula, facts)),
    "ORDER_ITEMS_SUBTOTAL_AMOUNT": lambda formula, facts: sum(item.subtotal_amount or 0 for item in _matching(formula, facts)),
    "CUSTOMER_METADATA": lambda formula, facts: number(facts.customer_metadata.get(formula.property or "")),
    "CUSTOM_EVENT_METADATA": lambda formula, facts: number(facts.event_metadata.get(formula.property or "")),
}


def half_up(value: Fraction) -> int:
    """The nearest whole number, halves upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def points_of(formula: Formula, facts: Facts, mapping: TierMapping | None = None) -> int:
    """The points a rule gives for these facts; 0 when it gives nothing (decision 37)."""
    given = formula.points if mapping is None or mapping.type != "CUSTOM" else (mapping.points or 0)
    if formula.type == "PROPORTIONAL":
        given *= METRICS[formula.calculation_type or ""](formula, facts) // (formula.every or 1)
    if mapping is not None and mapping.type == "MULTIPLY":
        given = half_up(given * Fraction(mapping.multiplier or "1"))
    return max(given, 0)
