"""/v1/product-collections"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.api.loyalties import BY_AGE, PAGED, sliced
from tallybook.domain.records import Product, Sku
from tallybook.store.queries_products import goods
from tallybook.usecases.product_collections import (
    CreateProductCollection,
    DeleteProductCollection,
    ProductCollectionFields,
    UpdateProductCollection,
    collection_of,
)
from tallybook.wire import door, lists
from tallybook.wire.json import Object
from tallybook.wire.product_collections import collection_full
from tallybook.wire.products import product_full, sku_collected


def create_product_collection(call: Call) -> Wish:
    """Create a STATIC collection of known products and SKUs."""
    return Wish(CreateProductCollection(**call.wish, fields=call.body(ProductCollectionFields)), collection_full)


def update_product_collection(call: Call) -> Wish:
    """Rename a collection."""
    fields = call.body(ProductCollectionFields)
    command = UpdateProductCollection(**call.wish, collection_id=call.path["productCollectionId"], fields=fields)
    return Wish(command, collection_full)


def delete_product_collection(call: Call) -> Wish:
    """Delete a collection that no earning rule speaks of."""
    return Wish(DeleteProductCollection(**call.wish, collection_id=call.path["productCollectionId"]))


def get_product_collection(call: Call, look: Look) -> Any:
    """A collection, with its members by id."""
    return collection_full(collection_of(look.configuration, call.path["productCollectionId"]))


def list_product_collections(call: Call, look: Look) -> Any:
    """Collections, newest first unless asked otherwise."""
    found, total = sliced(look.configuration.product_collections, call.query, "-created_at")
    return lists.page([collection_full(one) for one in found], total)


def list_collected_products(call: Call, look: Look) -> Any:
    """The products and SKUs of a collection that are still there, newest first unless asked otherwise."""
    query = call.query
    wanted = part(query, BY_AGE, "-created_at")
    collection = collection_of(look.configuration, call.path["productCollectionId"])
    held = goods(look.connection, call.project_id, [item.id for item in collection.products])
    found = [held[item.id] for item in collection.products if item.id in held]
    if before := door.instant_of(query, "starting_after"):
        found = [one for one in found if one.created_at < before]
    found.sort(key=lambda one: _age(one, wanted.order), reverse=wanted.order.startswith("-"))
    start = (wanted.page - 1) * wanted.limit
    return lists.page([_shown(one, held) for one in found[start : start + wanted.limit]], len(found))


def _age(one: Product | Sku, order: str) -> tuple[Any, str]:
    return (one.updated_at or one.created_at if "updated" in order else one.created_at, one.id)


def _shown(one: Product | Sku, held: dict[str, Product | Sku]) -> Object:
    if isinstance(one, Product):
        return product_full(one)
    product = held[one.product_id]
    assert isinstance(product, Product), "a SKU belongs to a product"
    return sku_collected(one, product)


_ALL = "/v1/product-collections"
_ONE = _ALL + "/{productCollectionId}"

ROUTES = [
    Route("POST", _ALL, "Create product collection", write=create_product_collection, takes=ProductCollectionFields),
    Route("GET", _ALL, "List product collections", read=list_product_collections, query=PAGED),
    Route("GET", _ONE, "Get product collection", read=get_product_collection),
    Route("PUT", _ONE, "Update product collection", write=update_product_collection, takes=ProductCollectionFields),
    Route("DELETE", _ONE, "Delete product collection", write=delete_product_collection, status=204),
    Route(
        "GET", _ONE + "/products", "List products in collection", read=list_collected_products, query=(*PAGED, "starting_after")
    ),
]
