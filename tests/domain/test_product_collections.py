"""Rules that speak of product collections: which lines count, and each once."""

from datetime import UTC, datetime

import pytest

from tallybook.domain.config import CollectedItem, Filter, Formula, ProductCollection
from tallybook.domain.configuration import Configuration
from tallybook.domain.earning import Facts, matches, points_of
from tallybook.domain.records import OrderItem, Project

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SHIRTS = Filter(object="products_collection", id="pc_shirts")
BLUE = Filter(object="products_collection", id="pc_blue")
HELD = {
    "pc_shirts": [Filter(object="product", id="prod_shirt"), Filter(object="product", id="prod_polo")],
    "pc_blue": [Filter(object="sku", id="sku_blue_shirt"), Filter(object="product", id="prod_polo")],
}
SHIRT = OrderItem(product_id="prod_shirt", quantity=2, amount=500)
BLUE_SHIRT = OrderItem(product_id="prod_shirt", sku_id="sku_blue_shirt", quantity=1, amount=300)
POLO = OrderItem(source_id="polo", related_object="product", product={"id": "prod_polo"}, quantity=1, amount=70)
BOTTLE = OrderItem(product_id="prod_bottle", quantity=1, amount=9)


@pytest.mark.parametrize(
    ("filters", "counted"),
    [
        ([SHIRTS], [SHIRT, BLUE_SHIRT, POLO]),
        ([BLUE], [BLUE_SHIRT, POLO]),
        ([SHIRTS, BLUE], [SHIRT, BLUE_SHIRT, POLO]),
        ([BLUE, Filter(object="product", id="prod_bottle")], [BLUE_SHIRT, POLO, BOTTLE]),
        ([Filter(object="products_collection", id="pc_gone")], []),
        ([], [SHIRT, BLUE_SHIRT, POLO, BOTTLE]),
    ],
)
def test_a_collection_stands_for_what_it_holds(filters: list[Filter], counted: list[OrderItem]) -> None:
    """A line is spoken of when its product or SKU is in one of the collections; one that is gone holds nothing."""
    assert [item for item in (SHIRT, BLUE_SHIRT, POLO, BOTTLE) if matches(item, filters, HELD)] == counted


def test_a_line_in_several_collections_counts_once() -> None:
    """The polo and the blue shirt are in both (semantics 4.2)."""
    formula = Formula(
        type="PROPORTIONAL", calculation_type="ORDER_ITEMS_AMOUNT", points=1, every=10, applicable_to=[SHIRTS, BLUE]
    )
    assert points_of(formula, Facts(items=[SHIRT, BLUE_SHIRT, POLO, BOTTLE], collections=HELD)) == 87


def test_the_configuration_says_what_collections_hold() -> None:
    """Each collection by its id, as filters for its products and SKUs."""
    project = Project(id="proj_1", name="Test", time_zone="UTC", webhook_secret="s", created_at=NOW)
    items = [CollectedItem(id="prod_polo", object="product"), CollectedItem(id="sku_1", product_id="prod_1", object="sku")]
    collection = ProductCollection(id="pc_1", name="One", products=items, created_at=NOW)
    assert Configuration(project, {"pc_1": collection}).collected == {
        "pc_1": [Filter(object="product", id="prod_polo"), Filter(object="sku", id="sku_1")]
    }
