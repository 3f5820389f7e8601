"""Product collections, as REST answers them."""

from tallybook.domain.config import CollectedItem, ProductCollection
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def collection_full(collection: ProductCollection) -> Object:
    """The collection with its members by id; `updated_at` once it was changed."""
    shown: Object = {
        "id": collection.id,
        "name": collection.name,
        "type": collection.type,
        "products": [_member(item) for item in collection.products],
        "created_at": instant_text(collection.created_at),
    }
    if collection.updated_at is not None:
        shown["updated_at"] = instant_text(collection.updated_at)
    shown["object"] = "products_collection"
    return shown


def _member(item: CollectedItem) -> Object:
    product = {} if item.product_id is None else {"product_id": item.product_id}
    return {"id": item.id, **product, "object": item.object}
