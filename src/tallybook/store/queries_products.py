"""Reads about products and SKUs. What was deleted is not there."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, func, select

from tallybook.domain.records import Product, Sku
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.queries import ALWAYS, Slice, Span
from tallybook.store.tables import products, skus

G = TypeVar("G", Product, Sku)


def _there(kind: type[G], table: Table, project_id: str) -> Select[Any]:
    return select(*mapping(kind).columns).where(table.c.project_id == project_id, table.c.deleted_at.is_(None))


def _read(connection: Connection, kind: type[G], statement: Select[Any]) -> list[G]:
    return [mapping(kind).record(row) for row in connection.execute(statement)]


def _named(connection: Connection, kind: type[G], table: Table, project_id: str, key: str) -> G | None:
    there = _there(kind, table, project_id)
    for column in (table.c.id, table.c.source_id):
        if found := _read(connection, kind, there.where(column == key)):
            return found[0]
    return None


def _page(
    connection: Connection, kind: type[G], table: Table, statement: Select[Any], part: Slice, created: Span
) -> tuple[list[G], int]:
    if created.after is not None:
        statement = statement.where(table.c.created_at >= to_ms(created.after))
    if created.before is not None:
        statement = statement.where(table.c.created_at <= to_ms(created.before))
    total = connection.scalar(select(func.count()).select_from(statement.subquery())) or 0
    column: Any = table.c[part.order.lstrip("-")]
    if part.order.startswith("-"):
        ordered = statement.order_by(column.desc().nulls_last(), table.c.id.desc())
    else:
        ordered = statement.order_by(column.asc().nulls_first(), table.c.id.asc())
    return _read(connection, kind, ordered.limit(part.limit).offset((part.page - 1) * part.limit)), total


def get_product(connection: Connection, project_id: str, key: str) -> Product | None:
    """By id, else by source id."""
    return _named(connection, Product, products, project_id, key)


def get_sku(connection: Connection, project_id: str, key: str) -> Sku | None:
    """By id, else by source id."""
    return _named(connection, Sku, skus, project_id, key)


def list_products(connection: Connection, project_id: str, part: Slice, created: Span = ALWAYS) -> tuple[list[Product], int]:
    """A page of the products, and how many match. `created` includes both of its ends."""
    return _page(connection, Product, products, _there(Product, products, project_id), part, created)


def list_skus(
    connection: Connection, project_id: str, product_id: str, part: Slice, created: Span = ALWAYS
) -> tuple[list[Sku], int]:
    """A page of the SKUs of a product, and how many match. `created` includes both of its ends."""
    statement = _there(Sku, skus, project_id).where(skus.c.product_id == product_id)
    return _page(connection, Sku, skus, statement, part, created)


def skus_of(connection: Connection, project_id: str, product_ids: Sequence[str]) -> dict[str, list[Sku]]:
    """All SKUs of each of these products, newest first."""
    statement = _there(Sku, skus, project_id).where(skus.c.product_id.in_(product_ids))
    found: dict[str, list[Sku]] = {product_id: [] for product_id in product_ids}
    for sku in _read(connection, Sku, statement.order_by(skus.c.created_at.desc(), skus.c.id.desc())):
        found[sku.product_id].append(sku)
    return found


def goods(connection: Connection, project_id: str, ids: Sequence[str]) -> dict[str, Product | Sku]:
    """These products and SKUs, by id, with the products of the SKUs."""
    found_skus = _read(connection, Sku, _there(Sku, skus, project_id).where(skus.c.id.in_(ids)))
    product_ids = [*ids, *(sku.product_id for sku in found_skus)]
    found_products = _read(connection, Product, _there(Product, products, project_id).where(products.c.id.in_(product_ids)))
    found: dict[str, Product | Sku] = {one.id: one for one in found_products}
    return found | {one.id: one for one in found_skus}
