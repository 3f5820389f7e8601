"""Product collections, and the rules that speak of them."""

from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Client
from tests.acceptance.shop import Shop
from tests.acceptance.test_products import product, sku
from tests.acceptance.test_refusals import refused


def collection(client: Client, name: str, *members: Any) -> Any:
    """Create a STATIC collection through the official client."""
    said = {"type": "STATIC", "name": name, "products": [{"id": one.id, "object": one.object} for one in members]}
    return client.product_collections.create_product_collection(
        voucherify.ProductCollectionsCreateRequestBody.model_validate(said)
    )


def per_item_amount(*collections: str) -> dict[str, Any]:
    """A formula: a point for each unit of the lines in these collections."""
    filters = [{"object": "products_collection", "id": one} for one in collections]
    measure = {"every": 1, "points": 1, "applicable_to": filters}
    return {"type": "PROPORTIONAL", "calculation_type": "ORDER_ITEMS_AMOUNT", "order_items": {"amount": measure}}


def test_a_collection_is_kept_as_it_is_said(client: Client, shop: Shop) -> None:
    """In the documented form; a SKU names its product; renamed it shows when; deleted it is gone."""
    shirt = product(client, source_id=shop.name("shirt"))
    small = sku(client, shirt.id, sku="S")
    made = collection(client, "Shirts", shirt, small)
    shown = client.get(f"/v1/product-collections/{made.id}")
    assert shown == {
        "id": made.id,
        "name": "Shirts",
        "type": "STATIC",
        "products": [{"id": shirt.id, "object": "product"}, {"id": small.id, "product_id": shirt.id, "object": "sku"}],
        "created_at": shown["created_at"],
        "object": "products_collection",
    }
    assert made.id.startswith("pc_")
    assert len(made.id) == len("pc_") + 24
    renamed = client.ask("PUT", f"/v1/product-collections/{made.id}", {"name": "New name"}).json
    assert list(renamed) == ["id", "name", "type", "products", "created_at", "updated_at", "object"]
    assert renamed["name"] == "New name"
    listed = client.product_collections.list_product_collections(limit=1)
    assert ([one.id for one in listed.data], listed.data_ref) == ([made.id], "data")
    assert client.product_collections.delete_product_collection(made.id) is None
    answer = refused(client.ask("GET", f"/v1/product-collections/{made.id}"), 404, "not_found")
    assert answer["details"] == f"Cannot find products_collection with id {made.id}"
    assert answer["resource_type"] == "products_collection"


def test_the_products_of_a_collection_are_listed(client: Client, shop: Shop) -> None:
    """As products and as SKUs with their product, newest first; those that were deleted are not there any more.

    The official client cannot read a SKU there, not even the documented one: it takes every member for a product.
    """
    shirt = product(client, source_id=shop.name("shirt"), name="Shirt", price=5)
    small, gone = sku(client, shirt.id, sku="S"), product(client, name="Gone")
    made = collection(client, "Shirts", shirt, small, gone)
    client.products.delete_product(gone.id)
    listed = client.get(f"/v1/product-collections/{made.id}/products")
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", 2)
    whole = client.get(f"/v1/products/{shirt.id}")
    del whole["skus"]
    keys = ("id", "source_id", "name", "price", "attributes", "metadata", "object")
    shown = client.get(f"/v1/skus/{small.id}") | {"product": {key: whole[key] for key in keys}}
    del shown["currency"]
    assert listed["data"] == [shown, whole]
    assert client.get(f"/v1/product-collections/{made.id}/products?order=created_at&limit=1")["data"] == [whole]
    typed = client.product_collections.list_products_in_collection(collection(client, "Shirts", shirt).id)
    assert [(one.id, one.name) for one in typed.data] == [(shirt.id, "Shirt")]


def test_a_rule_counts_the_lines_of_its_collections_once(client: Client, shop: Shop) -> None:
    """A line in two selected collections counts once; lines of other products do not (semantics 4.2)."""
    campaign = shop.programme()
    card = shop.join(campaign.id)
    shirt, bottle = product(client, name="Shirt", price=300), product(client, name="Bottle", price=5)
    small = sku(client, shirt.id, source_id=shop.name("small"), sku="S", price=70)
    shirts, smalls = collection(client, "Shirts", shirt), collection(client, "Small", small)
    rule = shop.rule(campaign.id, per_item_amount(shirts.id, smalls.id))
    shown = client.get(f"/v1/loyalties/{campaign.id}/earning-rules/{rule.id}")["loyalty"]["order_items"]["amount"]
    assert (shown["object"], shown["id"], len(shown["applicable_to"])) == ("products_collection", shirts.id, 2)
    items = [
        {"product_id": shirt.id, "quantity": 1},
        {"source_id": small.source_id, "related_object": "sku", "quantity": 1},
        {"product_id": bottle.id, "quantity": 1},
    ]
    shop.order(status="PAID", customer={"id": card.holder_id}, items=items)
    assert shop.points(card.code) == 370


def test_a_collection_in_use_stays(client: Client, shop: Shop) -> None:
    """The rules that speak of it are named; once they are gone it can be deleted."""
    campaign = shop.programme()
    made = collection(client, "Shirts", product(client, name="Shirt"))
    rule = shop.rule(campaign.id, per_item_amount(made.id))
    path = f"/v1/product-collections/{made.id}"
    answer = refused(client.ask("DELETE", path), 400, "resource_in_use")
    assert answer["details"] == f"Resource products_collection with id {made.id} is in use by earning_rules with ids [{rule.id}]"
    assert (answer["related_object_ids"], answer["related_object_type"]) == ([rule.id], "earning_rules")
    client.loyalties.delete_earning_rule(campaign.id, rule.id)
    assert client.ask("DELETE", path).status == 204


def test_a_rule_cannot_speak_of_an_unknown_collection(client: Client, shop: Shop) -> None:
    """404 that names the collection, for a new rule and for a changed one."""
    campaign = shop.programme()
    rule = shop.rule(campaign.id, {"type": "FIXED", "points": 1})
    path = f"/v1/loyalties/{campaign.id}/earning-rules"
    formula = per_item_amount("pc_unknown")
    for method, where, body in (
        ("POST", path, [{"event": "order.paid", "loyalty": formula}]),
        ("PUT", f"{path}/{rule.id}", {"loyalty": formula}),
    ):
        answer = refused(client.ask(method, where, body), 404, "not_found")
        assert answer["details"] == "Cannot find products_collection with id pc_unknown"


@pytest.mark.parametrize(
    ("body", "status", "details"),
    [
        ({"type": "STATIC", "products": []}, 400, "Property .name is required"),
        ({"name": "x", "products": []}, 400, "Property .type is required"),
        ({"name": "x", "type": "STATIC"}, 400, "Property .products is required"),
        (
            {"name": "x", "type": "STATIC", "products": [{"id": "prod_x", "object": "product"}]},
            404,
            "Cannot find product with id prod_x",
        ),
        ({"name": "x", "type": "STATIC", "products": [{"id": "sku_x", "object": "sku"}]}, 404, "Cannot find sku with id sku_x"),
        (
            {"name": "x", "type": "AUTO_UPDATE", "filter": {"junction": "and"}},
            501,
            "AUTO_UPDATE product collections are not built yet",
        ),
    ],
)
def test_a_collection_that_cannot_be_made(client: Client, body: dict[str, Any], status: int, details: str) -> None:
    """What is missing, unknown or not built is said."""
    answer = client.ask("POST", "/v1/product-collections", body)
    assert (answer.status, answer.json["details"]) == (status, details)
