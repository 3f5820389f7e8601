"""Products and their SKUs: created or changed by id or source id, updated, deleted."""

from typing import Any, TypeVar

import msgspec

from tallybook.domain.canonical import canonical, merge
from tallybook.domain.configuration import Configuration
from tallybook.domain.orders import MAX_AMOUNT
from tallybook.domain.records import Product, Sku
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotFound
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.customers import SourceId
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page

G = TypeVar("G", Product, Sku)


class _Goods(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    source_id: SourceId | None = None
    price: int | None = None
    image_url: str | None = None
    metadata: dict[str, Any] | None = None

    def keys(self) -> tuple[str, ...]:
        """The id and the source id, where they are said."""
        return tuple(key for key in (self.id, self.source_id) if key)


class ProductFields(_Goods, frozen=True, kw_only=True):
    """What a request says about a product. What it does not say stays as it is, and null says nothing. Minor units."""

    name: str | None = None
    attributes: list[str] | None = None


class SkuFields(_Goods, frozen=True, kw_only=True):
    """What a request says about a SKU. What it does not say stays as it is, and null says nothing. Minor units."""

    sku: str | None = None
    currency: str | None = None
    attributes: dict[str, Any] | None = None


def _changed(page: Page, known: G, fields: ProductFields | SkuFields, *, new: bool = False) -> G:
    """The product or SKU with what the fields say; the same object when that is nothing new (decision 43)."""
    if fields.price is not None and not 0 <= fields.price <= MAX_AMOUNT:
        raise InvalidPayload(f"Property .price must be >= 0 and <= {MAX_AMOUNT}")
    simple = ("source_id", "name", "sku", "price", "currency", "image_url")
    said: dict[str, Any] = {name: value for name in simple if (value := getattr(fields, name, None)) is not None}
    if fields.attributes is not None:
        said["attributes"] = canonical(fields.attributes)
    if fields.metadata is not None:
        said["metadata"] = merge(known.metadata, fields.metadata)
    if new or fields.metadata is not None:
        check_metadata(page.configuration, "product", said.get("metadata", known.metadata))
    if all(getattr(known, name) == value for name, value in said.items()):
        return known
    return msgspec.structs.replace(known, **said)


def create_product(page: Page, fields: ProductFields) -> Product:
    """A new product. Refuses: InvalidPayload, MetadataValidationFailed."""
    blank = Product(id=page.ordered_id("prod_"), project_id=page.project_id, created_at=page.now)
    return page.put(_changed(page, blank, fields, new=True))


def update_product(page: Page, known: Product, fields: ProductFields) -> Product:
    """A changed product; nothing is written when nothing changed (decision 43).

    Refuses: DuplicateFound for another's source id; InvalidPayload; MetadataValidationFailed.
    """
    other = page.product(fields.source_id)
    if other is not None and other.id != known.id:
        raise DuplicateFound("product", str(fields.source_id), "source_id")
    changed = _changed(page, known, fields)
    return known if changed is known else page.put(msgspec.structs.replace(changed, updated_at=page.tick()))


def create_sku(page: Page, product: Product, fields: SkuFields) -> Sku:
    """A new SKU of a product. Refuses: InvalidPayload, MetadataValidationFailed (by the schema of products).

    The product is written too, unchanged: whoever deletes it at the same moment loses to this, or this to them.
    """
    page.put(product)
    blank = Sku(id=page.ordered_id("sku_"), project_id=page.project_id, product_id=product.id, created_at=page.now)
    return page.put(_changed(page, blank, fields, new=True))


def update_sku(page: Page, known: Sku, fields: SkuFields) -> Sku:
    """A changed SKU; nothing is written when nothing changed (decision 43). Refuses as `update_product` does."""
    other = page.sku(fields.source_id)
    if other is not None and other.id != known.id:
        raise DuplicateFound("sku", str(fields.source_id), "source_id")
    changed = _changed(page, known, fields)
    return known if changed is known else page.put(msgspec.structs.replace(changed, updated_at=page.tick()))


def product_of(page: Page, key: str) -> Product:
    """A product by id or source id. Refuses: NotFound."""
    product = page.product(key)
    if product is None:
        raise NotFound("product", key)
    return product


def sku_of(page: Page, product: Product, key: str) -> Sku:
    """A SKU of this product by id or source id. Refuses: NotFound."""
    sku = page.sku(key)
    if sku is None or sku.product_id != product.id:
        raise NotFound("sku", key)
    return sku


class PutProduct(Command, frozen=True, kw_only=True):
    """Create a product, or change the one with this id or source id."""

    fields: ProductFields

    def needs(self, configuration: Configuration) -> Needs:
        """The product."""
        return Needs(products=self.fields.keys())

    def decide(self, page: Page) -> Product:
        """Refuses: NotFound for an unknown id; DuplicateFound; InvalidPayload; MetadataValidationFailed."""
        key = self.fields.id or self.fields.source_id
        known = product_of(page, self.fields.id) if self.fields.id else page.product(key)
        return create_product(page, self.fields) if known is None else update_product(page, known, self.fields)


class UpdateProduct(Command, frozen=True, kw_only=True):
    """Change a product. Its source id stays."""

    key: str
    fields: ProductFields

    def needs(self, configuration: Configuration) -> Needs:
        """The product."""
        return Needs(products=(self.key,))

    def decide(self, page: Page) -> Product:
        """Refuses: NotFound; InvalidPayload; MetadataValidationFailed."""
        fields = msgspec.structs.replace(self.fields, id=None, source_id=None)
        return update_product(page, product_of(page, self.key), fields)


class DeleteProduct(Command, frozen=True, kw_only=True):
    """Delete a product with all of its SKUs. Orders keep what they took from it; its source id is free again."""

    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """The product, whole."""
        return Needs(skus_of=(self.key,))

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        product, at = product_of(page, self.key), page.tick()
        for sku in page.skus_of(product):
            page.put(msgspec.structs.replace(sku, deleted_at=at))
        page.put(msgspec.structs.replace(product, deleted_at=at))


class PutSku(Command, frozen=True, kw_only=True):
    """Add a SKU to a product, or change the one with this id or source id."""

    product: str
    fields: SkuFields

    def needs(self, configuration: Configuration) -> Needs:
        """The product and the SKU."""
        return Needs(products=(self.product,), skus=self.fields.keys())

    def decide(self, page: Page) -> Sku:
        """Refuses: NotFound for the product or an unknown id; DuplicateFound for the source id of another product's SKU;
        InvalidPayload; MetadataValidationFailed.
        """
        product = product_of(page, self.product)
        known = sku_of(page, product, self.fields.id) if self.fields.id else page.sku(self.fields.source_id)
        if known is None:
            return create_sku(page, product, self.fields)
        if known.product_id != product.id:
            raise DuplicateFound("sku", str(self.fields.source_id), "source_id")
        return update_sku(page, known, self.fields)


class UpdateSku(Command, frozen=True, kw_only=True):
    """Change a SKU. Its source id stays."""

    product: str
    key: str
    fields: SkuFields

    def needs(self, configuration: Configuration) -> Needs:
        """The product and the SKU."""
        return Needs(products=(self.product,), skus=(self.key,))

    def decide(self, page: Page) -> Sku:
        """Refuses: NotFound for either; InvalidPayload; MetadataValidationFailed."""
        fields = msgspec.structs.replace(self.fields, id=None, source_id=None)
        return update_sku(page, sku_of(page, product_of(page, self.product), self.key), fields)


class DeleteSku(Command, frozen=True, kw_only=True):
    """Delete a SKU. Orders keep what they took from it; its source id is free again."""

    product: str
    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """The product and the SKU."""
        return Needs(products=(self.product,), skus=(self.key,))

    def decide(self, page: Page) -> None:
        """Refuses: NotFound for either."""
        sku = sku_of(page, product_of(page, self.product), self.key)
        page.put(msgspec.structs.replace(sku, deleted_at=page.tick()))
