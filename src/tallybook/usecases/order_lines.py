"""Lines of an order: which stored product or SKU a line names, and what the line takes from it."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from tallybook.domain.canonical import parse
from tallybook.domain.records import OrderItem, Product, Sku
from tallybook.domain.refusals import InvalidPayload
from tallybook.usecases.page import Page
from tallybook.usecases.products import (
    ProductFields,
    SkuFields,
    create_product,
    create_sku,
    update_product,
    update_sku,
)

F = TypeVar("F", ProductFields, SkuFields)


def product_keys(items: Iterable[OrderItem]) -> tuple[str, ...]:
    """The products that lines name: by id, by source id, or as something to be stored."""
    keys = []
    for item in items:
        if item.product_id:
            keys.append(item.product_id)
        if item.related_object == "product" or item.product:
            keys += _source_ids(item, item.product, "product")
    return tuple(keys)


def sku_keys(items: Iterable[OrderItem]) -> tuple[str, ...]:
    """The SKUs that lines name: by id, by source id, or as something to be stored."""
    keys = []
    for item in items:
        if item.sku_id:
            keys.append(item.sku_id)
        if item.related_object == "sku" or item.sku:
            keys += _source_ids(item, item.sku, "sku")
    return tuple(keys)


def _source_ids(item: OrderItem, inner: dict[str, Any] | None, kind: str) -> list[str]:
    said = item.source_id if item.related_object == kind else None
    stored_as = _text(inner, "source_id") if _is_override(inner) else None
    return [one for one in (said, stored_as) if one]


def _is_override(inner: dict[str, Any] | None) -> bool:
    return inner is not None and inner.get("override") is True


def _text(inner: dict[str, Any] | None, name: str) -> str | None:
    value = (inner or {}).get(name)
    return value if isinstance(value, str) else None


def with_goods(page: Page, item: OrderItem, path: str) -> OrderItem:
    """The line with the stored product and SKU it names: `id`, `source_id`, name, metadata, price.

    What the line itself says of them counts for this order; with `override` it is stored, and an unknown one is created
    (semantics 9). A line that names nothing known stays as it is. Refuses: InvalidPayload, MetadataValidationFailed.
    """
    if not page.has_goods and not _is_override(item.product):
        return item
    sku = _first(page.sku(key) for key in sku_keys([item]))
    product = page.product(sku.product_id) if sku else _first(page.product(key) for key in product_keys([item]))
    if _is_override(item.product):
        product = _stored_product(page, item, product, f"{path}.product")
    if _is_override(item.sku) and product is not None:
        sku = _stored_sku(page, item, product, sku, f"{path}.sku")
    said: dict[str, Any] = {}
    if product is not None:
        said["product"] = _shown(product, "name", product.name, item.product)
    if sku is not None:
        said |= {"product_id": sku.product_id, "sku": _shown(sku, "sku", sku.sku, item.sku)}
    return msgspec.structs.replace(item, **said) if said else item


G = TypeVar("G")


def _first(found: Iterable[G | None]) -> G | None:
    return next((one for one in found if one is not None), None)


def _stored_product(page: Page, item: OrderItem, known: Product | None, path: str) -> Product | None:
    fields = _fields(item.product, ProductFields, path)
    if known is not None:
        return update_product(page, known, msgspec.structs.replace(fields, source_id=None))
    source_id = _first(_source_ids(item, item.product, "product"))
    return create_product(page, msgspec.structs.replace(fields, source_id=source_id)) if source_id else None


def _stored_sku(page: Page, item: OrderItem, product: Product, known: Sku | None, path: str) -> Sku | None:
    fields = _fields(item.sku, SkuFields, path)
    if known is not None:
        return update_sku(page, known, msgspec.structs.replace(fields, source_id=None))
    source_id = _first(_source_ids(item, item.sku, "sku"))
    return create_sku(page, product, msgspec.structs.replace(fields, source_id=source_id)) if source_id else None


def _fields(inner: dict[str, Any] | None, kind: type[F], path: str) -> F:
    """What a line says of a product or SKU that is to be stored: name, price, metadata."""
    said = {name: value for name, value in (inner or {}).items() if name in ("name", "sku", "price", "metadata")}
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as wrong:
        raise InvalidPayload(f"Property {path} must have a name, a whole price and an object as metadata") from wrong


def _shown(stored: Product | Sku, name_key: str, name: str | None, said: dict[str, Any] | None) -> dict[str, Any]:
    """The product or SKU as the line keeps it: five keys at most, in the documented order."""
    said = said or {}
    price = said.get("price")
    inline = said.get("metadata")
    metadata = {**parse(stored.metadata), **(inline if isinstance(inline, dict) else {})}
    shown = {
        "id": stored.id,
        "source_id": stored.source_id,
        name_key: _text(said, name_key) or name,
        "metadata": metadata or None,
        "price": price if isinstance(price, int) and not isinstance(price, bool) else stored.price,
    }
    return {key: value for key, value in shown.items() if value is not None}
