"""What a rule gives for an order: each way to calculate, rounding, tiers, dates (decisions 1, 3 and 4; semantics §4 and §5)."""

from typing import Any, NamedTuple

import pytest

from tests.acceptance.official import Client, Management
from tests.acceptance.shop import FIXED_TEN, Shop, per_amount

NOW = "2025-03-12T12:00:00.000Z"  # a Wednesday

LINES = [
    {"product_id": "prod_a", "quantity": 3, "price": 250},
    {"product_id": "prod_b", "quantity": 2, "price": 1000, "discount_amount": 300},
    {"product_id": "prod_a", "sku_id": "sku_a1", "quantity": 1, "price": 400},
]
ORDER = {"items": LINES, "discount_amount": 150, "metadata": {"visits": 7, "share": 2.5, "text": "7"}}
# amount 750 + 2000 + 400 = 3150; discounts 300 + 150; total 2700


def _of(kind: str, **config: Any) -> dict[str, Any]:
    """A proportional formula, by the last words of its calculation type."""
    group, field = {
        "ORDER_METADATA": ("order", "metadata"),
        "ORDER_ITEMS_QUANTITY": ("order_items", "quantity"),
        "ORDER_ITEMS_AMOUNT": ("order_items", "amount"),
        "ORDER_ITEMS_SUBTOTAL_AMOUNT": ("order_items", "subtotal_amount"),
        "CUSTOMER_METADATA": ("customer", "metadata"),
    }[kind]
    return {"type": "PROPORTIONAL", "calculation_type": kind, group: {field: config}}


class Formula(NamedTuple):
    """A row: a formula, and what it gives for ORDER."""

    name: str
    loyalty: dict[str, Any]
    points: int


FORMULAS = [
    Formula("fixed", FIXED_TEN, 10),
    Formula("per amount, before discounts", per_amount(1000, 2, of="amount"), 6),
    Formula("per total amount, after discounts", per_amount(900, 5), 15),
    Formula("a remainder counts for nothing", per_amount(1000, 10), 20),
    Formula("more than the order", per_amount(2701, 10), 0),
    Formula("metadata of the order", _of("ORDER_METADATA", every=2, points=10, property="visits"), 30),
    Formula("a fraction in metadata", _of("ORDER_METADATA", every=1, points=1, property="share"), 2),
    Formula("metadata that is no number", _of("ORDER_METADATA", every=1, points=1, property="text"), 0),
    Formula("metadata that is not there", _of("ORDER_METADATA", every=1, points=1, property="other"), 0),
    Formula("metadata of the customer", _of("CUSTOMER_METADATA", every=10, points=1, property="age"), 4),
    Formula("pieces of all lines", _of("ORDER_ITEMS_QUANTITY", every=1, points=1), 6),
    Formula("pieces of a product", _of("ORDER_ITEMS_QUANTITY", every=1, points=1, object="product", id="prod_b"), 2),
    Formula("a product has its SKUs' lines", _of("ORDER_ITEMS_QUANTITY", every=1, points=1, object="product", id="prod_a"), 4),
    Formula("pieces of a SKU", _of("ORDER_ITEMS_QUANTITY", every=1, points=1, object="sku", id="sku_a1"), 1),
    Formula("amount of a product's lines", _of("ORDER_ITEMS_AMOUNT", every=100, points=1, object="product", id="prod_b"), 20),
    Formula(
        "amount after the lines' discounts",
        _of("ORDER_ITEMS_SUBTOTAL_AMOUNT", every=100, points=1, object="product", id="prod_b"),
        17,
    ),
    Formula(
        "lines of several products, each once",
        _of(
            "ORDER_ITEMS_AMOUNT",
            every=50,
            points=1,
            applicable_to=[{"object": "product", "id": "prod_a"}, {"object": "sku", "id": "sku_a1"}],
        ),
        23,
    ),
    Formula("nothing that matches", _of("ORDER_ITEMS_AMOUNT", every=1, points=1, object="product", id="prod_z"), 0),
]


@pytest.fixture(scope="module", autouse=True)
def _clock(management: Management) -> None:
    management.set_clock(NOW)


@pytest.fixture(autouse=True)
def _few_rules(client: Client) -> Any:
    """Delete the rules of each test: a project has 100 at most."""
    yield
    for campaign in client.get("/v1/loyalties?limit=100")["campaigns"]:
        for rule in client.get(f"/v1/loyalties/{campaign['id']}/earning-rules?limit=100")["data"]:
            client.loyalties.delete_earning_rule(campaign["id"], rule["id"])


@pytest.mark.parametrize("row", FORMULAS, ids=[row.name for row in FORMULAS])
def test_what_a_formula_gives(shop: Shop, row: Formula) -> None:
    """points × floor(metric ÷ every), in whole numbers; zero is no transaction at all (decisions 1 and 37)."""
    campaign = shop.programme()
    shop.rule(campaign.id, row.loyalty)
    customer = shop.customer(metadata={"age": 42})
    card = shop.join(campaign.id, customer.source_id)
    shop.order(status="PAID", customer={"id": customer.id}, **ORDER)
    given = [transaction["details"]["balance"]["points"] for transaction in shop.transactions(card.code)]
    assert given == ([row.points] if row.points else [])


class Mapping(NamedTuple):
    """A row: a formula, what the tier makes of it, and what an order of 10.50 gives."""

    name: str
    loyalty: dict[str, Any]
    mapping: dict[str, Any]
    points: int


def _fixed(points: int) -> dict[str, Any]:
    return {"type": "FIXED", "points": points}


MAPPINGS = [
    Mapping("custom replaces fixed points", _fixed(20), {"type": "CUSTOM", "points": 200}, 200),
    Mapping("custom replaces the points per each", per_amount(100, 1), {"type": "CUSTOM", "points": 3}, 30),
    Mapping("custom gives nothing", _fixed(20), {"type": "CUSTOM", "points": 0}, 0),
    Mapping("multiply by a whole number", per_amount(100, 1), {"type": "MULTIPLY", "multiplier": 3}, 30),
    Mapping("a half goes up", _fixed(5), {"type": "MULTIPLY", "multiplier": 1.5}, 8),
    Mapping("the next half goes up too", _fixed(1), {"type": "MULTIPLY", "multiplier": 2.5}, 3),
    Mapping("under a half goes down", _fixed(1), {"type": "MULTIPLY", "multiplier": 1.49}, 1),
    Mapping("rounded once, at the end", per_amount(100, 1), {"type": "MULTIPLY", "multiplier": 1.25}, 13),
    Mapping("exact where binary fractions are not", _fixed(100), {"type": "MULTIPLY", "multiplier": 2.675}, 268),
    Mapping("a half of one is one", _fixed(1), {"type": "MULTIPLY", "multiplier": 0.5}, 1),
    Mapping("less than a half is nothing", _fixed(4), {"type": "MULTIPLY", "multiplier": 0.1}, 0),
]


@pytest.mark.parametrize("row", MAPPINGS, ids=[row.name for row in MAPPINGS])
def test_what_a_tier_makes_of_a_rule(shop: Shop, row: Mapping) -> None:
    """CUSTOM replaces the rule's points, MULTIPLY scales the result; one rounding, half up (decision 1)."""
    campaign = shop.programme()
    rule = shop.rule(campaign.id, row.loyalty)
    shop.tiers(campaign.id, {"name": "All", "points": {"from": 0}, "earning_rules": {rule.id: row.mapping}})
    card = shop.join(campaign.id)
    shop.pay(card.holder_id, 1050)
    assert shop.points(card.code) == row.points


def test_the_tier_is_the_one_held_before_the_order(management: Management, shop: Shop) -> None:
    """What one rule of an order gives does not lift the tier for the next rule, but for the next order (decision 3)."""
    campaign = shop.programme()
    first = shop.rule(campaign.id, _fixed(100))
    management.set_clock("2025-03-12T12:00:00.500Z")
    second = shop.rule(campaign.id, _fixed(7))
    double = {"type": "MULTIPLY", "multiplier": 2}
    shop.tiers(
        campaign.id,
        {"name": "Basic", "points": {"from": 0, "to": 99}},
        {"name": "Top", "points": {"from": 100}, "earning_rules": {first.id: double, second.id: double}},
    )
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    shop.pay(card.holder_id)
    assert [row["details"]["balance"]["points"] for row in shop.transactions(card.code)] == [100, 7, 200, 14]


def test_rules_run_in_the_order_they_were_made(management: Management, shop: Shop) -> None:
    """Several rules give one transaction each, by `created_at`, with running totals (decision 3)."""
    campaign = shop.programme()
    given = [3, 1, 2]
    for second, points in enumerate(given):
        management.set_clock(f"2025-03-12T12:00:0{second + 1}.000Z")
        shop.rule(campaign.id, _fixed(points))
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    balances = [row["details"]["balance"] for row in shop.transactions(card.code)]
    assert [(balance["points"], balance["balance"], balance["total"]) for balance in balances] == [
        (3, 3, 3),
        (1, 4, 4),
        (2, 6, 6),
    ]
    instants = [row["created_at"] for row in shop.transactions(card.code)]
    assert instants == sorted(instants)


def test_every_programme_of_a_customer_gives(shop: Shop) -> None:
    """One order earns on each card the customer has (decision 41)."""
    campaigns = [shop.programme() for _ in range(2)]
    for number, campaign in enumerate(campaigns):
        shop.rule(campaign.id, _fixed(number + 1))
    customer = shop.customer()
    cards = [shop.join(campaign.id, customer.source_id) for campaign in campaigns]
    shop.pay(customer.id)
    assert [shop.points(card.code) for card in cards] == [1, 2]


DATES = [
    ("no dates", {}, True),
    ("begun", {"start_date": "2025-03-01T00:00:00Z"}, True),
    ("not begun", {"start_date": "2025-03-12T13:00:00Z"}, False),
    ("not over", {"expiration_date": "2025-03-12T13:00:00Z"}, True),
    ("over", {"expiration_date": "2025-03-12T11:00:00Z"}, False),
    ("between", {"start_date": "2025-03-12T11:00:00Z", "expiration_date": "2025-03-12T13:00:00Z"}, True),
    ("its day of the week", {"validity_day_of_week": [3]}, True),
    ("another day of the week", {"validity_day_of_week": [0, 1, 2, 4, 5, 6]}, False),
    ("off", {"active": False}, False),
]


@pytest.mark.parametrize(("fields", "gives"), [row[1:] for row in DATES], ids=[row[0] for row in DATES])
def test_when_a_rule_gives(shop: Shop, fields: dict[str, Any], gives: bool) -> None:
    """A rule gives while it is active and within its dates, by the project's clock (semantics §4.5); NOW is a Wednesday noon."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, **fields)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    assert shop.points(card.code) == (10 if gives else 0)


@pytest.mark.parametrize(
    ("fields", "gives"),
    [
        ({"expiration_date": "2025-03-12T11:00:00Z"}, False),
        ({"start_date": "2025-03-12T13:00:00Z"}, False),
        ({"start_date": "2025-03-12T11:00:00Z", "expiration_date": "2025-03-12T13:00:00Z"}, True),
    ],
)
def test_when_a_programme_gives(shop: Shop, fields: dict[str, Any], gives: bool) -> None:
    """A programme out of its dates is skipped; the order is stored all the same (decision 23)."""
    campaign = shop.programme(auto_join=True, **fields)
    shop.rule(campaign.id, FIXED_TEN)
    customer = shop.customer()
    assert shop.pay(customer.id).status == "PAID"
    assert len(shop.client.get(f"/v1/loyalties/{campaign.id}/members")["vouchers"]) == (1 if gives else 0)
