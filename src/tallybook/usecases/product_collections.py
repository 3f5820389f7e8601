"""Product collections: lists of products and SKUs that earning rules speak of."""

from typing import Any, Literal

import msgspec

from tallybook.domain.config import CollectedItem, EarningRule, ProductCollection
from tallybook.domain.configuration import Configuration
from tallybook.domain.refusals import InvalidPayload, NotFound, NotImplementedYet, ResourceInUse
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page

MAX_ITEMS = 10_000
"""Products and SKUs of one collection. Ours: it is kept in memory."""


class CollectedFields(msgspec.Struct, frozen=True, kw_only=True):
    """A member as a request names it: by id."""

    id: str
    product_id: str | None = None
    object: Literal["product", "sku"]


class ProductCollectionFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a collection. The members of a STATIC one are given once and for all."""

    name: str | None = None
    type: Literal["STATIC", "AUTO_UPDATE"] | None = None
    products: list[CollectedFields] | None = None
    filter: dict[str, Any] | None = None


def collection_of(configuration: Configuration, collection_id: str) -> ProductCollection:
    """A collection by id. Refuses: NotFound."""
    collection = configuration.product_collection(collection_id)
    if collection is None:
        raise NotFound("products_collection", collection_id)
    return collection


def check_collections(configuration: Configuration, rule: EarningRule) -> None:
    """Refuses: NotFound when a rule speaks of a product collection that is not there."""
    for one in rule.loyalty.applicable_to:
        if one.object == "products_collection":
            collection_of(configuration, one.id or "")


class CreateProductCollection(Command, frozen=True, kw_only=True):
    """Create a STATIC collection of known products and SKUs."""

    fields: ProductCollectionFields

    def needs(self, configuration: Configuration) -> Needs:
        """Everything it names."""
        named = self.fields.products or []
        return Needs(
            products=tuple(one.id for one in named if one.object == "product"),
            skus=tuple(one.id for one in named if one.object == "sku"),
        )

    def decide(self, page: Page) -> ProductCollection:
        """Refuses: InvalidPayload; NotFound for a product or SKU; NotImplementedYet for AUTO_UPDATE collections."""
        fields = self.fields
        if not fields.name:
            raise InvalidPayload("Property .name is required")
        if fields.type is None:
            raise InvalidPayload("Property .type is required")
        if fields.type == "AUTO_UPDATE":
            raise NotImplementedYet("AUTO_UPDATE product collections are not built yet")
        if fields.products is None:
            raise InvalidPayload("Property .products is required")
        if len(fields.products) > MAX_ITEMS:
            raise InvalidPayload(f"Property .products must NOT have more than {MAX_ITEMS} items")
        items = {one.id: one for one in (_collected(page, said) for said in fields.products)}
        return page.configure(
            ProductCollection(id=page.random_id("pc_"), name=fields.name, products=list(items.values()), created_at=page.now)
        )


def _collected(page: Page, said: CollectedFields) -> CollectedItem:
    if said.object == "product":
        product = page.product(said.id)
        if product is None:
            raise NotFound("product", said.id)
        return CollectedItem(id=product.id, object="product")
    sku = page.sku(said.id)
    if sku is None:
        raise NotFound("sku", said.id)
    return CollectedItem(id=sku.id, product_id=sku.product_id, object="sku")


class UpdateProductCollection(Command, frozen=True, kw_only=True):
    """Rename a collection: nothing else of a STATIC one can be changed."""

    collection_id: str
    fields: ProductCollectionFields

    def decide(self, page: Page) -> ProductCollection:
        """Refuses: NotFound. A change of nothing writes nothing (decision 43)."""
        known = collection_of(page.configuration, self.collection_id)
        name = self.fields.name or known.name
        if name == known.name:
            return known
        return page.configure(msgspec.structs.replace(known, name=name, updated_at=page.tick(), version=known.version + 1))


class DeleteProductCollection(Command, frozen=True, kw_only=True):
    """Delete a collection that no earning rule speaks of."""

    collection_id: str

    def decide(self, page: Page) -> None:
        """Refuses: NotFound; ResourceInUse, naming the rules."""
        known = collection_of(page.configuration, self.collection_id)
        rules = [rule for rules in page.configuration.earning_rules.values() for rule in rules]
        users = [rule.id for rule in rules if any(one.id == known.id for one in rule.loyalty.applicable_to)]
        if users:
            raise ResourceInUse("products_collection", known.id, "earning_rules", users)
        page.tick()
        page.discard(known)
