"""Products, SKUs, collections and metadata schemas have the keys of the documented examples."""

import json
from pathlib import Path
from typing import Any

import pytest

from tallybook.domain.config import CollectedItem, Definition, MetadataSchema, ProductCollection
from tallybook.domain.records import Product, Sku
from tallybook.wire.json import Object, encode
from tallybook.wire.metadata_schemas import schema_deprecated, schema_full
from tallybook.wire.product_collections import collection_full
from tallybook.wire.products import product_full, product_got, sku_collected, sku_full
from tests.wire.scenes import PROJECT, at

DOCUMENTS = Path(__file__).parents[3] / "shared" / "contract" / "openapi"
NOW = at("2022-09-12T12:58:22.232")
PHONE = Product(id="prod_1", project_id=PROJECT, source_id="first", name="Phone", price=5, created_at=NOW)
LARGE = Sku(id="sku_1", project_id=PROJECT, product_id="prod_1", sku="256GB", currency="USD", created_at=NOW)
SHIRTS = ProductCollection(id="pc_1", name="Shirts", products=[CollectedItem(id="prod_1", object="product")], created_at=NOW)
REGION = MetadataSchema(
    id="ms_1",
    related_object="reward",
    properties={"region": Definition(type="string", array=True, optional=False, eq=["EMEA"])},
    created_at=NOW,
)


def example(tag: str, path: str, method: str, name: str = "Example") -> Any:
    """What the documents show; skipped where they are not at hand."""
    if not DOCUMENTS.is_dir():
        pytest.skip("the documents are not here")
    document = json.loads((DOCUMENTS / f"{tag}.json").read_text())
    answer = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    return answer["examples"][name]["value"]


def shown(value: Object) -> Any:
    """The object as a client reads it."""
    return json.loads(encode(value))


def test_products_and_skus() -> None:
    """As created, and as read with their SKUs."""
    product = example("products", "/v1/products", "post")
    assert list(shown(product_full(PHONE))) == list(product)
    read = example("products", "/v1/products/{productId}", "get")
    assert shown(product_got(PHONE, [LARGE])).keys() == read.keys()
    assert shown(product_got(PHONE, [LARGE]))["skus"].keys() == read["skus"].keys()
    assert list(shown(sku_full(LARGE))) == list(example("products", "/v1/skus/{skuId}", "get"))


def test_members_of_a_collection() -> None:
    """A product as created, a SKU with its product in short."""
    members = example("product-collections", "/v1/product-collections/{productCollectionId}/products", "get")["data"]
    assert shown(product_full(PHONE)).keys() == members[0].keys()
    sku = shown(sku_collected(LARGE, PHONE))
    assert (sku.keys(), sku["product"].keys()) == (members[1].keys(), members[1]["product"].keys())


def test_collections() -> None:
    """A STATIC one."""
    static = example("product-collections", "/v1/product-collections/{productCollectionId}", "get", "Static")
    assert list(shown(collection_full(SHIRTS))) == list(static)


def test_metadata_schemas() -> None:
    """In both spellings."""
    newer = example("management", "/management/v1/projects/{projectId}/metadata-schemas", "post")
    assert list(shown(schema_full(REGION))) == list(newer)
    assert shown(schema_full(REGION))["properties"] == {
        "region": newer["properties"]["region"] | {"eq": ["EMEA"]},
    }
    older = example("metadata-schemas", "/v1/metadata-schemas/{resource}", "get", "campaign")
    read = shown(schema_deprecated(REGION))
    assert read.keys() == older.keys()
    assert read["properties"]["region"].keys() == older["properties"]["region"].keys()
