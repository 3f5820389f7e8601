"""Products and SKUs, as REST answers them. Prices are minor units."""

from collections.abc import Sequence

from tallybook.domain.records import Product, Sku
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced


def product_full(product: Product) -> Object:
    """The product without its SKUs: create and update answers, members of a collection."""
    return {
        "id": product.id,
        "source_id": product.source_id,
        "name": product.name,
        "price": product.price,
        "attributes": spliced(product.attributes),
        "metadata": spliced(product.metadata),
        "image_url": product.image_url,
        "created_at": instant_text(product.created_at),
        "updated_at": instant_text(product.updated_at),
        "object": "product",
    }


def product_got(product: Product, skus: Sequence[Sku]) -> Object:
    """The product with its SKUs: get and list answers."""
    rows = [sku_full(sku) for sku in skus]
    return product_full(product) | {"skus": {"object": "list", "data_ref": "data", "data": rows, "total": len(rows)}}


def sku_full(sku: Sku) -> Object:
    """The SKU: `sku` is its name."""
    return {
        "id": sku.id,
        "source_id": sku.source_id,
        "product_id": sku.product_id,
        "sku": sku.sku,
        "price": sku.price,
        "currency": sku.currency,
        "attributes": spliced(sku.attributes),
        "image_url": sku.image_url,
        "metadata": spliced(sku.metadata),
        "created_at": instant_text(sku.created_at),
        "updated_at": instant_text(sku.updated_at),
        "object": "sku",
    }


def sku_collected(sku: Sku, product: Product) -> Object:
    """The SKU as a member of a collection: without its currency, and with its product in short."""
    shown = sku_full(sku)
    del shown["currency"]
    short = product_full(product)
    keys = ("id", "source_id", "name", "price", "attributes", "metadata", "object")
    return shown | {"product": {key: short[key] for key in keys}}
