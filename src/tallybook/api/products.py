"""/v1/products and /v1/skus"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.domain.records import Product
from tallybook.domain.refusals import NotFound
from tallybook.store import queries_products as queries
from tallybook.store.queries import Span
from tallybook.usecases.products import (
    DeleteProduct,
    DeleteSku,
    ProductFields,
    PutProduct,
    PutSku,
    SkuFields,
    UpdateProduct,
    UpdateSku,
)
from tallybook.wire import door, lists
from tallybook.wire.products import product_full, product_got, sku_full

ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at")
LIST_QUERY = ("limit", "page", "order", "start_date", "end_date")


def _created(query: Any) -> Span:
    return Span(after=door.instant_of(query, "start_date"), before=door.instant_of(query, "end_date"))


# --- products ---


def create_product(call: Call) -> Wish:
    """Create a product, or change the one with this id or source_id."""
    return Wish(PutProduct(**call.wish, fields=call.body(ProductFields)), product_full)


def update_product(call: Call) -> Wish:
    """Change what is sent; the rest stays."""
    command = UpdateProduct(**call.wish, key=call.path["productId"], fields=call.body(ProductFields))
    return Wish(command, product_full)


def delete_product(call: Call) -> Wish:
    """Delete a product with its SKUs, for good; its source_id may be used again."""
    door.flag_of(call.query, "force")
    return Wish(DeleteProduct(**call.wish, key=call.path["productId"]))


def _product(call: Call, look: Look) -> Product:
    key = call.path["productId"]
    found = queries.get_product(look.connection, call.project_id, key)
    if found is None:
        raise NotFound("product", key)
    return found


def get_product(call: Call, look: Look) -> Any:
    """A product by id or source_id, with its SKUs."""
    found = _product(call, look)
    return product_got(found, queries.skus_of(look.connection, call.project_id, [found.id])[found.id])


def list_products(call: Call, look: Look) -> Any:
    """Products with their SKUs, oldest first unless asked otherwise."""
    query = call.query
    wanted = part(query, ORDERS, "created_at")
    found, total = queries.list_products(look.connection, call.project_id, wanted, _created(query))
    skus = queries.skus_of(look.connection, call.project_id, [one.id for one in found])
    return lists.page([product_got(one, skus[one.id]) for one in found], total, "products")


# --- SKUs ---


def create_sku(call: Call) -> Wish:
    """Add a SKU to a product, or change the one with this id or source_id."""
    return Wish(PutSku(**call.wish, product=call.path["productId"], fields=call.body(SkuFields)), sku_full)


def update_sku(call: Call) -> Wish:
    """Change what is sent; the rest stays."""
    command = UpdateSku(**call.wish, product=call.path["productId"], key=call.path["skuId"], fields=call.body(SkuFields))
    return Wish(command, sku_full)


def delete_sku(call: Call) -> Wish:
    """Delete a SKU, for good; its source_id may be used again."""
    door.flag_of(call.query, "force")
    return Wish(DeleteSku(**call.wish, product=call.path["productId"], key=call.path["skuId"]))


def get_sku(call: Call, look: Look) -> Any:
    """A SKU by id or source_id."""
    found = queries.get_sku(look.connection, call.project_id, call.path["skuId"])
    if found is None:
        raise NotFound("sku", call.path["skuId"])
    return sku_full(found)


def list_skus(call: Call, look: Look) -> Any:
    """The SKUs of a product, oldest first unless asked otherwise."""
    product, query = _product(call, look), call.query
    wanted = part(query, ORDERS, "created_at")
    found, total = queries.list_skus(look.connection, call.project_id, product.id, wanted, _created(query))
    return lists.page([sku_full(one) for one in found], total, "skus")


_PRODUCT = "/v1/products/{productId}"
_SKU = _PRODUCT + "/skus/{skuId}"

ROUTES = [
    Route("POST", "/v1/products", "Create product", write=create_product, takes=ProductFields),
    Route("GET", "/v1/products", "List products", read=list_products, query=LIST_QUERY),
    Route("GET", _PRODUCT, "Get product", read=get_product),
    Route("PUT", _PRODUCT, "Update product", write=update_product, takes=ProductFields),
    Route("DELETE", _PRODUCT, "Delete product", write=delete_product, status=204, query=("force",)),
    Route("POST", _PRODUCT + "/skus", "Create SKU", write=create_sku, takes=SkuFields),
    Route("GET", _PRODUCT + "/skus", "List SKUs in product", read=list_skus, query=LIST_QUERY),
    Route("PUT", _SKU, "Update SKU", write=update_sku, takes=SkuFields),
    Route("DELETE", _SKU, "Delete SKU", write=delete_sku, status=204, query=("force",)),
    Route("GET", "/v1/skus/{skuId}", "Get SKU", read=get_sku),
]
