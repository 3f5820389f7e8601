"""Reading the products and SKUs that a batch names: one statement for each kind, none when nobody names any."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, union_all
from sqlalchemy.sql import ColumnElement

from tallybook.domain.records import Product, Sku
from tallybook.store import tables
from tallybook.store.driver import all_rows
from tallybook.store.mapping import mapping
from tallybook.usecases.book import Book
from tallybook.usecases.command import Needs

Among = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Keys = Callable[[Iterable[str]], Any]


class ProductReader:
    """Puts into a book what its commands need of products. `among` and `keys` are those of the book's statements."""

    def __init__(self, among: Among, keys: Keys) -> None:
        self._keys = keys
        self.products = _named(Product, tables.products.c, among)
        self.skus = _named(Sku, tables.skus.c, among)
        self.skus_of = _there(Sku, tables.skus.c, among(tables.skus.c.product_id))

    def read(self, connection: Connection, book: Book, project_id: str, needs: list[Needs]) -> None:
        """Products by id or source id, SKUs likewise with their products, and all SKUs of the products asked for whole."""
        whole = {key for need in needs for key in need.skus_of}
        if skus := {key for need in needs for key in need.skus}:
            self._keep(connection, book, Sku, self.skus, skus, project_id)
        products = {key for need in needs for key in need.products} | whole
        products |= {sku.product_id for sku in book.skus.values()}
        if products:
            self._keep(connection, book, Product, self.products, products, project_id)
        if ids := {product.id for product in book.products.values() if whole & {product.id, product.source_id}}:
            self._keep(connection, book, Sku, self.skus_of, ids, project_id)

    def _keep(
        self, connection: Connection, book: Book, kind: type[Any], statement: Any, wanted: set[str], project_id: str
    ) -> None:
        rows = all_rows(connection, statement, {"keys": self._keys(wanted), "project_id": project_id})
        book.keep_all([mapping(kind).record(row) for row in rows])


def _there(kind: type[Any], c: Any, *where: ColumnElement[bool]) -> Select[Any]:
    return select(*mapping(kind).columns).where(*where, c.deleted_at.is_(None))


def _named(kind: type[Any], c: Any, among: Among) -> Any:
    """By id or by source id. Two halves, each with an index of its own, whatever the planner thinks of OR.

    Ids are not asked for by project too: SQLite would then walk through all products of it. The page tells whose they are.
    """
    own = c.project_id == bindparam("project_id")
    return union_all(_there(kind, c, among(c.id)), _there(kind, c, own, among(c.source_id)))
