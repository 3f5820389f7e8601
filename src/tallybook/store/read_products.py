"""Reading the products and SKUs that a batch names: one statement for each kind, none when nobody names any."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, union_all
from sqlalchemy.sql import ColumnElement

from tallybook.domain.records import Product, Sku
from tallybook.store import tables
from tallybook.store.driver import rows_later
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

    def later(self, connection: Connection, project_id: str, needs: list[Needs]) -> Callable[[Book], None]:
        """Products by id or source id, SKUs likewise with their products, and all SKUs of the products asked for whole.

        To be put into a book when all that is done `together` was sent.
        """
        whole = {key for need in needs for key in need.skus_of}
        skus = self._later(connection, Sku, self.skus, {key for need in needs for key in need.skus}, project_id)
        named = {key for need in needs for key in need.products} | whole
        products = self._later(connection, Product, self.products, named, project_id)

        def keep(book: Book) -> None:
            book.keep_all([*skus(), *products()])
            unnamed = {sku.product_id for sku in book.skus.values()} - book.products.keys()
            book.keep_all(self._later(connection, Product, self.products, unnamed, project_id)())
            ids = {product.id for product in book.products.values() if whole & {product.id, product.source_id}}
            book.keep_all(self._later(connection, Sku, self.skus_of, ids, project_id)())

        return keep

    def _later(
        self, connection: Connection, kind: type[Any], statement: Any, wanted: set[str], project_id: str
    ) -> Callable[[], list[Any]]:
        if not wanted:
            return list
        rows = rows_later(connection, statement, {"keys": self._keys(wanted), "project_id": project_id})
        return lambda: [mapping(kind).record(row) for row in rows()]


def _there(kind: type[Any], c: Any, *where: ColumnElement[bool]) -> Select[Any]:
    return select(*mapping(kind).columns).where(*where, c.deleted_at.is_(None))


def _named(kind: type[Any], c: Any, among: Among) -> Any:
    """By id or by source id. Two halves, each with an index of its own, whatever the planner thinks of OR.

    Ids are not asked for by project too: SQLite would then walk through all products of it. The page tells whose they are.
    """
    own = c.project_id == bindparam("project_id")
    return union_all(_there(kind, c, among(c.id)), _there(kind, c, own, among(c.source_id)))
