"""Products, their SKUs, and the orders that name them."""

from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Client
from tests.acceptance.shop import Shop
from tests.acceptance.test_refusals import refused

PRODUCT_KEYS = ["id", "source_id", "name", "price", "attributes", "metadata", "image_url", "created_at", "updated_at", "object"]
SKU_KEYS = [
    *["id", "source_id", "product_id", "sku", "price", "currency", "attributes", "image_url", "metadata"],
    *["created_at", "updated_at", "object"],
]


def product(client: Client, **said: Any) -> Any:
    """Create a product through the official client, or change it."""
    return client.products.create_product(voucherify.ProductsCreateRequestBody.model_validate(said))


def sku(client: Client, product_id: str, **said: Any) -> Any:
    """Create a SKU through the official client, or change it."""
    return client.products.create_sku(product_id, voucherify.ProductsSkusCreateRequestBody.model_validate(said))


def test_a_product_is_kept_as_it_is_said(client: Client, shop: Shop) -> None:
    """The documented keys in the documented order; `updated_at` is null until something changes."""
    source_id = shop.name("first_product")
    said = {
        "source_id": source_id,
        "name": "Samsung Phone",
        "price": 200000,
        "attributes": ["color", "memory", "processor"],
        "metadata": {"test": True, "vendor": "Online Store"},
        "image_url": "https://www.website.com/image.png",
    }
    made = client.ask("POST", "/v1/products", said).json
    assert list(made) == PRODUCT_KEYS
    times = {"created_at": made["created_at"], "updated_at": None}
    assert made == said | times | {"id": made["id"], "object": "product"}
    assert made["id"].startswith("prod_")
    assert len(made["id"]) == len("prod_") + 18
    got = client.products.get_product(source_id)
    assert (got.id, got.name, got.price, got.skus.data, got.skus.total) == (made["id"], "Samsung Phone", 200000, [], 0)


def test_a_product_is_changed_by_what_is_sent(client: Client, shop: Shop) -> None:
    """By POST with its source id or id, or by PUT; metadata keys add up, and the source id stays in a PUT."""
    source_id = shop.name("product")
    made = product(client, source_id=source_id, name="Phone", price=200000, metadata={"a": 1})
    assert product(client, source_id=source_id, price=210000).id == made.id
    update = voucherify.ProductsUpdateRequestBody(metadata={"b": [2]}, attributes=["color"])
    changed = client.products.update_product(made.id, update)
    assert (changed.name, changed.price, changed.metadata) == ("Phone", 210000, {"a": 1, "b": [2]})
    assert changed.updated_at > made.created_at
    client.ask("PUT", f"/v1/products/{made.id}", {"source_id": "another"})
    assert client.get(f"/v1/products/{made.id}")["source_id"] == source_id


def test_skus_belong_to_their_product(client: Client, shop: Shop) -> None:
    """Shown in the documented form, alone, in the list of the product, and within it, newest first."""
    source_id = shop.name("first_product_sku")
    made = product(client, source_id=shop.name("product"), name="Phone")
    said = {
        "source_id": source_id,
        "sku": "Samsung phone 256GB",
        "price": 1300,
        "currency": "USD",
        "attributes": {"color": "vintage-black", "memory": "256", "ranking": 1},
        "image_url": "https://images.example/p.png",
        "metadata": {"imported": True},
    }
    first = client.ask("POST", f"/v1/products/{made.id}/skus", said).json
    assert list(first) == SKU_KEYS
    known = {"id": first["id"], "product_id": made.id, "created_at": first["created_at"], "updated_at": None, "object": "sku"}
    assert first == said | known
    second = sku(client, made.source_id, source_id=shop.name("sku"), sku="128GB")
    assert client.get(f"/v1/skus/{source_id}") == first
    assert client.products.get_sku(second.id).sku == "128GB"
    listed = client.products.list_skus_in_product(made.id)
    assert ([one.id for one in listed.skus], listed.data_ref, listed.total) == ([first["id"], second.id], "skus", 2)
    within = client.get(f"/v1/products/{made.id}")["skus"]
    assert (within["object"], within["data_ref"], within["total"]) == ("list", "data", 2)
    assert [one["id"] for one in within["data"]] == [second.id, first["id"]]
    assert within["data"][1] == first
    update = voucherify.ProductsSkusUpdateRequestBody(price=210000, currency="PLN")
    changed = client.products.update_sku(made.id, first["id"], update)
    assert (changed.price, changed.currency, changed.sku) == (210000, "PLN", "Samsung phone 256GB")


def test_products_are_listed_oldest_first(client: Client, shop: Shop) -> None:
    """With their SKUs, in pages, within dates, in the order asked for."""
    made = [product(client, source_id=shop.name("product")) for _ in range(3)]
    inner = sku(client, made[2].id, sku="x")
    everything = client.get("/v1/products?limit=100")
    assert (everything["object"], everything["data_ref"]) == ("list", "products")
    assert [one["id"] for one in everything["products"]][-3:] == [one.id for one in made]
    assert everything["products"][-1]["skus"]["data"][0]["id"] == inner.id
    newest = client.products.list_products(limit=1, page=2, order="-created_at")
    assert ([one.id for one in newest.products], newest.total) == ([made[1].id], everything["total"])
    instant = everything["products"][-1]["created_at"]
    assert [one["id"] for one in client.get(f"/v1/products?start_date={instant}")["products"]] == [made[2].id]
    assert client.get("/v1/products?end_date=2016-05-04")["total"] == 0


def test_a_deleted_product_takes_its_skus_along(client: Client, shop: Shop) -> None:
    """Unknown from then on, with `force` or without; its source id may be used again."""
    source_id = shop.name("product")
    for force in (None, True):
        made = product(client, source_id=source_id)
        inner = sku(client, made.id, source_id=shop.name("sku"))
        assert client.products.delete_product(made.id, force=force) is None
        assert client.ask("GET", f"/v1/products/{made.id}").status == 404
        assert client.ask("GET", f"/v1/skus/{inner.id}").status == 404


def test_a_deleted_sku_leaves_its_product(client: Client, shop: Shop) -> None:
    """Only the variant is gone."""
    made = product(client, source_id=shop.name("product"))
    inner, other = sku(client, made.id, sku="a"), sku(client, made.id, sku="b")
    assert client.products.delete_sku(made.id, inner.id, force=True) is None
    assert [one.id for one in client.products.list_skus_in_product(made.id).skus] == [other.id]


@pytest.mark.parametrize(
    ("method", "path", "what", "name"),
    [
        ("GET", "/v1/products/nobody", "product", "nobody"),
        ("PUT", "/v1/products/nobody", "product", "nobody"),
        ("DELETE", "/v1/products/nobody", "product", "nobody"),
        ("GET", "/v1/products/nobody/skus", "product", "nobody"),
        ("POST", "/v1/products/nobody/skus", "product", "nobody"),
        ("PUT", "/v1/products/nobody/skus/sku_x", "product", "nobody"),
        ("DELETE", "/v1/products/nobody/skus/sku_x", "product", "nobody"),
        ("GET", "/v1/skus/sku_x", "sku", "sku_x"),
        ("PUT", "/v1/products/{known}/skus/sku_x", "sku", "sku_x"),
        ("DELETE", "/v1/products/{known}/skus/sku_x", "sku", "sku_x"),
    ],
)
def test_what_is_not_there_is_named(client: Client, shop: Shop, method: str, path: str, what: str, name: str) -> None:
    """The documented 404 of products and SKUs."""
    known = product(client, source_id=shop.name("product")).id
    body = {"price": 1} if method in ("POST", "PUT") else None
    answer = refused(client.ask(method, path.format(known=known), body), 404, "not_found")
    assert answer["details"] == f"Cannot find {what} with id {name}"
    assert (answer["resource_id"], answer["resource_type"]) == (name, what)


@pytest.mark.parametrize("price", [-1, 10**12 + 1, 1.5, "5"])
def test_a_price_is_whole_minor_units(client: Client, price: Any) -> None:
    """From nothing to the bound of all amounts (decision 48)."""
    answer = refused(client.ask("POST", "/v1/products", {"name": "x", "price": price}), 400, "invalid_payload")
    assert answer["details"].startswith("Property .price must be")


def test_an_order_takes_names_and_prices_of_what_it_names(client: Client, shop: Shop) -> None:
    """Its amount comes from the stored prices, and so do the points; it shows what was stored at that moment."""
    campaign = shop.programme()
    card = shop.join(campaign.id)
    made = product(client, source_id=shop.name("bottle"), name="Star Thermal Bottle", price=2500, metadata={"color": "blue"})
    inner = sku(client, made.id, source_id=shop.name("bottle-xl"), sku="XL", price=3000)
    shop.rule(
        campaign.id,
        {
            "type": "PROPORTIONAL",
            "calculation_type": "ORDER_ITEMS_AMOUNT",
            "order_items": {"amount": {"every": 100, "points": 1, "object": "product", "id": made.id}},
        },
    )
    items = [
        {"product_id": made.id, "quantity": 2},
        {"source_id": inner.source_id, "related_object": "sku", "quantity": 1},
        {"source_id": "unknown", "related_object": "product", "quantity": 1, "price": 77},
    ]
    paid = shop.order(status="PAID", customer={"id": card.holder_id}, items=items)
    assert (paid.amount, paid.total_amount) == (8077, 8077)
    shown = client.get(f"/v1/orders/{paid.id}")["items"]
    whole = {
        "id": made.id,
        "source_id": made.source_id,
        "name": "Star Thermal Bottle",
        "metadata": {"color": "blue"},
        "price": 2500,
    }
    assert shown[0] == {
        "object": "order_item",
        "product_id": made.id,
        "quantity": 2,
        "amount": 5000,
        "price": 2500,
        "subtotal_amount": 5000,
        "product": whole,
    }
    assert shown[1]["product"] == whole
    assert shown[1]["product_id"] == made.id
    assert shown[1]["sku"] == {"id": inner.id, "source_id": inner.source_id, "sku": "XL", "price": 3000}
    assert "product" not in shown[2]
    assert shop.points(card.code) == 80
    product(client, id=made.id, price=1)
    assert client.get(f"/v1/orders/{paid.id}")["items"] == shown


def test_an_order_may_store_products(client: Client, shop: Shop) -> None:
    """With `override`: the order of the documents, with its product and its SKU."""
    first, books, comics = shop.name("prod"), shop.name("Books"), shop.name("ComicBook")
    items: list[dict[str, Any]] = [
        {
            "source_id": first,
            "related_object": "product",
            "quantity": 2,
            "product": {
                "name": "Apple iPhone 12",
                "price": 60000,
                "metadata": {"color": ["purple"], "vendor": "mall"},
                "override": True,
            },
        },
        {
            "source_id": comics,
            "related_object": "sku",
            "quantity": 1,
            "product": {"source_id": books, "name": "Comic Books1", "price": 2100, "override": True},
            "sku": {"sku": "Comics1", "source_id": comics, "price": 1700, "override": True},
        },
    ]
    made = shop.order(source_id=shop.name("order"), status="FULFILLED", items=items)
    assert made.amount == 121700
    shown = client.get(f"/v1/orders/{made.id}")["items"]
    phone, book, comic = (client.get(f"/v1/{path}") for path in (f"products/{first}", f"products/{books}", f"skus/{comics}"))
    assert (phone["name"], phone["price"], phone["metadata"]) == (
        "Apple iPhone 12",
        60000,
        {"color": ["purple"], "vendor": "mall"},
    )
    assert shown == [
        {
            "object": "order_item",
            "source_id": first,
            "related_object": "product",
            "quantity": 2,
            "amount": 120000,
            "price": 60000,
            "subtotal_amount": 120000,
            "product": {key: phone[key] for key in ("id", "source_id", "name", "metadata", "price")},
        },
        {
            "object": "order_item",
            "source_id": comics,
            "related_object": "sku",
            "product_id": book["id"],
            "quantity": 1,
            "amount": 1700,
            "price": 1700,
            "subtotal_amount": 1700,
            "product": {key: book[key] for key in ("id", "source_id", "name", "price")},
            "sku": {key: comic[key] for key in ("id", "source_id", "sku", "price")},
        },
    ]


def test_what_an_order_stores_must_be_a_product(client: Client) -> None:
    """The path of the line is named; nothing is stored."""
    line = {"source_id": "x", "related_object": "product", "product": {"price": "5", "override": True}}
    answer = refused(client.ask("POST", "/v1/orders", {"items": [line]}), 400, "invalid_payload")
    assert answer["details"].startswith("Property .items[0].product must have")
