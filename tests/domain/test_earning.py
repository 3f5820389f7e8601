"""What an earning rule gives: a table that a product owner could review, and an independent model of the arithmetic."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.canonical import canonical, parse
from tallybook.domain.config import Filter, Formula, TierMapping
from tallybook.domain.earning import Facts, half_up, matches, number, points_of
from tallybook.domain.records import OrderItem

Said = dict[str, Any]


def fixed(points: int) -> Formula:
    """So many points."""
    return Formula(type="FIXED", points=points)


def per(every: int, points: int, metric: str = "ORDER_AMOUNT", **more: Any) -> Formula:
    """Points for each whole `every` of a metric."""
    return Formula(type="PROPORTIONAL", calculation_type=metric, every=every, points=points, **more)


def custom(points: int | None) -> TierMapping:
    """A tier that puts these points in place of the rule's."""
    return TierMapping(type="CUSTOM", points=points)


def times(multiplier: str) -> TierMapping:
    """A tier that multiplies what the rule gives."""
    return TierMapping(type="MULTIPLY", multiplier=multiplier)


def amount(value: int) -> Facts:
    """An order of so many minor units."""
    return Facts(amount=value)


def metadata(value: Any) -> Facts:
    """An order with a number in its metadata."""
    return Facts(order_metadata={"n": value})


SEED_002 = Facts(amount=50_000, total_amount=45_000)
SHIRT = OrderItem(product_id="prod_1", sku_id="sku_1", quantity=20, amount=50_000, subtotal_amount=45_000)
FREE = OrderItem(source_id="mug", related_object="product", quantity=3, discount_quantity=2, amount=900, subtotal_amount=300)
BARE = OrderItem(source_id="iphone", quantity=None, amount=None)
BASKET = Facts(items=[SHIRT, FREE, BARE])
SHIRTS, MUGS = [Filter(object="product", id="prod_1")], [Filter(object="product", source_id="mug")]

GIVEN = [
    # rule, order, tier mapping, points, why
    (fixed(25), amount(0), None, 25, "fixed: whatever the order"),
    (fixed(0), amount(0), None, 0, "fixed: nothing"),
    (fixed(20), amount(0), custom(200), 200, "fixed, replaced by the tier"),
    (fixed(20), amount(0), custom(0), 0, "fixed, replaced by nothing"),
    (fixed(20), amount(0), times("2"), 40, "fixed, doubled"),
    (fixed(40), amount(0), times("4"), 160, "fixed, times four"),
    (fixed(5), amount(0), times("1.5"), 8, "7.5 is rounded half up"),
    (fixed(3), amount(0), times("1.5"), 5, "4.5 is rounded half up, not to even"),
    (fixed(5), amount(0), times("1.49"), 7, "7.45 is rounded down"),
    (fixed(10), amount(0), times("0.05"), 1, "0.5 is rounded half up"),
    (fixed(10), amount(0), times("0.0499999999999999999"), 0, "a hair less is not"),
    (fixed(20), amount(0), times("0"), 0, "times nothing"),
    (fixed(20), amount(0), TierMapping(type="NOT_AVAILABLE"), 20, "not a mapping of earning rules"),
    # proportional: whole parts only
    (per(100, 1), amount(1_000), None, 10, "seed 003"),
    (per(500, 10, "ORDER_TOTAL_AMOUNT"), SEED_002, None, 900, "seed 002: after discounts"),
    (per(500, 10), SEED_002, None, 1_000, "the same order before discounts"),
    (per(500, 10), amount(2_499), None, 40, "the rest of an amount gives nothing"),
    (per(500, 10), amount(499), None, 0, "less than one part"),
    (per(1, 1), amount(10**12), None, 10**12, "the largest order: the caller holds it against the bound"),
    (per(500, 10), amount(2_499), custom(7), 28, "the tier replaces the points of each part"),
    (per(500, 10), amount(2_499), times("1.3"), 52, "the tier multiplies the result"),
    (per(300, 1), amount(1_000), times("1.5"), 5, "the parts first (3), then the tier (4.5), then the rounding"),
    # metadata: exactly as written
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(3), None, 30, "a number of the order"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(2.999), None, 20, "its whole parts"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata("3"), None, 0, "text is no number"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(True), None, 0, "neither is true"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(None), None, 0, "nor null"),
    (per(1, 10, "ORDER_METADATA", property="n"), Facts(), None, 0, "nor what is not there"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(-3), None, 0, "less than nothing is nothing"),
    (per(1, 10, "ORDER_METADATA", property="n"), metadata(-3), times("2"), 0, "also doubled"),
    (per(2, 5, "CUSTOMER_METADATA", property="n"), Facts(customer_metadata={"n": 5}), None, 10, "a number of the customer"),
    (per(2, 5, "CUSTOM_EVENT_METADATA", property="n"), Facts(event_metadata={"n": 4}), None, 10, "a number of the event"),
    # lines
    (per(1, 1, "ORDER_ITEMS_QUANTITY"), BASKET, None, 21, "units that were paid for: 20 and 3 - 2"),
    (per(1, 1, "ORDER_ITEMS_QUANTITY", applicable_to=MUGS), BASKET, None, 1, "free units do not count"),
    (per(100, 1, "ORDER_ITEMS_AMOUNT"), BASKET, None, 509, "amounts before discounts: 50000 + 900"),
    (per(100, 1, "ORDER_ITEMS_AMOUNT", applicable_to=SHIRTS), BASKET, None, 500, "of the shirts"),
    (per(100, 1, "ORDER_ITEMS_SUBTOTAL_AMOUNT"), BASKET, None, 453, "amounts after discounts: 45000 + 300"),
    (per(100, 1, "ORDER_ITEMS_AMOUNT", applicable_to=[*SHIRTS, *SHIRTS]), BASKET, None, 500, "named twice, counted once"),
    (per(100, 1, "ORDER_ITEMS_AMOUNT", applicable_to=[Filter(object="sku", id="x")]), BASKET, None, 0, "none of the lines"),
    (per(1, 1, "ORDER_ITEMS_QUANTITY"), Facts(items=[OrderItem(quantity=1, discount_quantity=5)]), None, 0, "more free than all"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "facts", "mapping", "points"), [row[:4] for row in GIVEN], ids=[row[4] for row in GIVEN])
def test_what_a_rule_gives(rule: Formula, facts: Facts, mapping: TierMapping | None, points: int) -> None:
    """Decisions 1, 3, 5 and 37, row by row."""
    assert points_of(rule, facts, mapping) == points


LINE = OrderItem(product_id="prod_1", sku_id="sku_1", source_id="line-1", related_object="sku")
NAMED = [
    # line, filter, whether the rule speaks of the line
    (LINE, Filter(object="product", id="prod_1"), True),
    (LINE, Filter(object="sku", id="sku_1"), True),
    (LINE, Filter(object="sku", id="prod_1"), False),
    (LINE, Filter(object="product", id="sku_1"), False),
    (LINE, Filter(object="sku", source_id="line-1"), True),
    (LINE, Filter(object="product", source_id="line-1"), False),
    (LINE, Filter(object="product", id="prod_2", source_id="other"), False),
    (LINE, Filter(object="product"), False),
    (OrderItem(product={"id": "prod_1"}), Filter(object="product", id="prod_1"), True),
    (OrderItem(product={"source_id": "shirt"}), Filter(object="product", source_id="shirt"), True),
    (OrderItem(product={"source_id": "shirt"}), Filter(object="product", id="shirt"), True),
    (OrderItem(sku={"source_id": "shirt-m"}), Filter(object="sku", source_id="shirt-m"), True),
    (OrderItem(source_id="shirt", related_object="product"), Filter(object="product", source_id="shirt"), True),
    (OrderItem(source_id="shirt"), Filter(object="product", source_id="shirt"), False),
    (OrderItem(), Filter(object="product", id="prod_1"), False),
    (OrderItem(), Filter(object="product"), False),
]


@pytest.mark.parametrize(("line", "said", "named"), NAMED)
def test_which_lines_a_filter_names(line: OrderItem, said: Filter, named: bool) -> None:
    """A filter names lines of its product or SKU by id or source id; a product filter also those of the product's SKUs."""
    assert matches(line, [said]) is named


def test_no_filter_names_every_line() -> None:
    """A rule without filters speaks of all lines."""
    assert matches(OrderItem(), [])


NUMBERS = [
    (0.1, Fraction(1, 10)),
    (1.15, Fraction(115, 100)),
    (1e-7, Fraction(1, 10**7)),
    (1e21, Fraction(10**21)),
    (2**53 - 1, Fraction(2**53 - 1)),
    ("0.1", Fraction(0)),
    (False, Fraction(0)),
    (None, Fraction(0)),
    ([1], Fraction(0)),
]


@pytest.mark.parametrize(("value", "exact"), NUMBERS)
def test_a_number_of_metadata(value: Any, exact: Fraction) -> None:
    """A number counts exactly as it is written, a decimal one too; anything else counts as 0."""
    assert number(value) == exact


@given(value=st.floats(-1e15, 1e15, allow_nan=False))
def test_a_number_counts_as_it_is_written_in_json(value: float) -> None:
    """The number that a rule measures is the decimal number of the stored JSON, digit by digit."""
    text = canonical({"n": value})
    assert number(parse(text)["n"]) == Fraction(Decimal(text.removeprefix('{"n":').removesuffix("}")))


@given(value=st.fractions())
def test_half_up(value: Fraction) -> None:
    """The nearest whole number; of two that are as near, the higher one."""
    rounded = half_up(value)
    assert abs(rounded - value) <= Fraction(1, 2)
    assert rounded - value != Fraction(-1, 2)


# --- an independent model: decimal digits and long division, no Fraction, nothing of the domain ----------------------------

LINES = st.lists(
    st.builds(
        OrderItem,
        product_id=st.sampled_from(["prod_1", "prod_2"]),
        quantity=st.none() | st.integers(0, 50),
        discount_quantity=st.none() | st.integers(0, 60),
        amount=st.none() | st.integers(0, 10**9),
        subtotal_amount=st.none() | st.integers(-(10**6), 10**9),
    ),
    max_size=6,
)
METRICS = st.sampled_from(
    [
        "ORDER_AMOUNT",
        "ORDER_TOTAL_AMOUNT",
        "ORDER_METADATA",
        "CUSTOMER_METADATA",
        "ORDER_ITEMS_QUANTITY",
        "ORDER_ITEMS_AMOUNT",
        "ORDER_ITEMS_SUBTOTAL_AMOUNT",
    ]
)
CENTS = st.decimals(-1_000, 10**9, allow_nan=False, places=2)
MAPPINGS = st.none() | st.builds(custom, st.none() | st.integers(0, 10**6)) | st.decimals(0, 100, places=3).map(str).map(times)


def _measured(metric: str, filtered: bool, said: Said) -> Decimal:
    lines = [line for line in said["lines"] if not filtered or line.product_id == "prod_1"]
    paid_units = [max((line.quantity or 0) - (line.discount_quantity or 0), 0) for line in lines]
    whole = {
        "ORDER_AMOUNT": said["amount"],
        "ORDER_TOTAL_AMOUNT": said["total_amount"],
        "ORDER_ITEMS_QUANTITY": sum(paid_units),
        "ORDER_ITEMS_AMOUNT": sum(line.amount or 0 for line in lines),
        "ORDER_ITEMS_SUBTOTAL_AMOUNT": sum(line.subtotal_amount or 0 for line in lines),
    }
    written: Decimal = said["n"]
    return Decimal(whole[metric]) if metric in whole else written


def _expected(metric: Decimal, every: int, points: int, mapping: TierMapping | None) -> int:
    """The rule in words: whole parts times points, the tier, half up, never below zero."""
    parts = math.floor(metric / every) if abs(metric) < 10**20 else 0
    if mapping is not None and mapping.type == "CUSTOM":
        points = mapping.points or 0
    if mapping is None or mapping.type != "MULTIPLY":
        return max(parts * points, 0)
    thousandths = int(Decimal(mapping.multiplier or "1") * 1000) * parts * points
    return max(thousandths // 1000 + (thousandths % 1000 >= 500), 0)


@given(
    metric=METRICS, every=st.integers(1, 10**6), points=st.integers(0, 10**4), filtered=st.booleans(), mapping=MAPPINGS,
    said=st.fixed_dictionaries(
        {"amount": st.integers(0, 10**12), "total_amount": st.integers(0, 10**12), "lines": LINES, "n": CENTS}
    ),
)  # fmt: skip
def test_proportional_points_against_a_model(
    metric: str, every: int, points: int, filtered: bool, mapping: TierMapping | None, said: Said
) -> None:
    """Whatever is measured and whichever tier is held, the rule gives what long division gives."""
    rule = per(every, points, metric, property="n", applicable_to=SHIRTS if filtered else [])
    in_json = parse(canonical({"n": float(said["n"])}))
    facts = Facts(
        amount=said["amount"], total_amount=said["total_amount"], items=said["lines"],
        order_metadata=in_json, customer_metadata=in_json,
    )  # fmt: skip
    assert points_of(rule, facts, mapping) == _expected(_measured(metric, filtered, said), every, points, mapping)


@given(points=st.integers(0, 10**9), mapping=MAPPINGS)
def test_fixed_points_against_a_model(points: int, mapping: TierMapping | None) -> None:
    """A fixed rule is one whole part of whatever the order is."""
    assert points_of(fixed(points), amount(7), mapping) == _expected(Decimal(1), 1, points, mapping)
