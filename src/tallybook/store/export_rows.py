"""The rows of an export, a slice at a time: each slice goes on behind the last row of the one before.

No transaction stays open between slices. So a row that is changed meanwhile, in the very column by which the export is ordered,
may be met again or be missed; ordered by the instant of creation, or by id, none is. Transactions by `created_at` come in the
order of their ids, which is that of the ledger.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Text, func, literal, select, true, tuple_
from sqlalchemy.sql import ColumnElement

from tallybook.domain.configuration import Configuration
from tallybook.domain.exports import Beside, ExportTask
from tallybook.domain.records import Card, Customer, Lot, Order, Publication, Record, Transaction
from tallybook.store import filter_fields, queries
from tallybook.store.filters import Clause, Fields, Narrowing
from tallybook.store.mapping import mapping
from tallybook.store.sql_functions import by_code_points, property_names
from tallybook.store.tables import cards, customers, lots, orders, publications, transactions

SMALLEST = -(2**62)
"""Stands for null among instants: what has none is the smallest, as in every list."""
MOST_PROPERTIES = 500
"""Columns that `metadata` may become."""


class Source(NamedTuple):
    """Where the rows of a kind of object are: what they can be filtered and ordered by, and which of them are there."""

    kind: type[Record]
    filters: Fields
    orders: Mapping[str, ColumnElement[Any]]
    there: Clause | None = None
    card_id: ColumnElement[str] | None = None
    campaign_id: ColumnElement[str] | None = None


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return by_code_points(func.coalesce(column, literal("", Text)))


def _instant(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, SMALLEST)


_CODE = select(cards.c.code).where(cards.c.id == publications.c.card_id).correlate(publications).scalar_subquery()

SOURCES: dict[str, Source] = {
    "voucher": Source(
        Card,
        filter_fields.CARDS,
        {"created_at": cards.c.created_at, "updated_at": _instant(cards.c.updated_at), "code": _text(cards.c.code)},
        cards.c.deleted_at.is_(None),
        cards.c.id,
        cards.c.campaign_id,
    ),
    "customer": Source(
        Customer,
        filter_fields.CUSTOMERS,
        {
            "created_at": customers.c.created_at,
            "updated_at": _instant(customers.c.updated_at),
            "id": customers.c.id,
            **{name: _text(customers.c[name]) for name in ("name", "email", "source_id")},
        },
        customers.c.deleted_at.is_(None),
    ),
    "publication": Source(
        Publication,
        filter_fields.PUBLICATIONS,
        {
            "created_at": publications.c.created_at,
            "id": publications.c.id,
            "voucher_code": _text(_CODE),
            **{name: _text(publications.c[name]) for name in ("tracking_id", "customer_id", "channel")},
        },
        None,
        publications.c.card_id,
        publications.c.campaign_id,
    ),
    "order": Source(
        Order,
        filter_fields.ORDERS,
        {"created_at": orders.c.created_at, "updated_at": _instant(orders.c.updated_at), "status": _text(orders.c.status)},
    ),
    "points_expiration": Source(
        Lot,
        filter_fields.LOTS,
        {"expires_at": _text(lots.c.expires_on)},
        lots.c.status.in_(("ACTIVE", "EXPIRED")),
        lots.c.card_id,
        lots.c.campaign_id,
    ),
    "voucher_transactions": Source(
        Transaction,
        filter_fields.TRANSACTIONS,
        {"created_at": transactions.c.id},
        None,
        transactions.c.card_id,
        transactions.c.campaign_id,
    ),
}


class WantedRows(NamedTuple):
    """Which rows: of a project, of a source, within the bounds of the task, let through by its filters."""

    project_id: str
    source: Source
    task: ExportTask
    narrowing: Narrowing

    def _where(self) -> list[Clause]:
        source, task = self.source, self.task
        where = [mapping(source.kind).table.c.project_id == self.project_id, self.narrowing.clause()]
        if source.there is not None:
            where.append(source.there)
        if task.card_id is not None and source.card_id is not None:
            where.append(source.card_id == task.card_id)
        if task.campaign_id is not None and source.campaign_id is not None:
            where.append(source.campaign_id == task.campaign_id)
        return where

    def select(self, *columns: Any) -> Select[Any]:
        """These columns of the rows."""
        return select(*columns).where(*self._where())


def metadata_names(connection: Connection, wanted: WantedRows) -> list[str]:
    """The names of all properties in the metadata of the rows, in the alphabet's order."""
    kept = mapping(wanted.source.kind).table.c.metadata
    with_any = wanted.select(kept).where(kept != literal("{}", Text)).distinct().subquery()
    names = property_names(with_any.c.metadata, sqlite=connection.dialect.name == "sqlite")
    found = select(names.c.key).select_from(with_any).join(names, true()).distinct().limit(MOST_PROPERTIES)
    return sorted(connection.scalars(found))


Cursor = Sequence[Any]
"""Where a row stands in the order: the value it is ordered by, and its id."""


def read_rows(connection: Connection, wanted: WantedRows, after: Cursor | None, limit: int) -> tuple[list[Any], Cursor | None]:
    """So many rows behind a place in the order, and the place of the last of them."""
    one = mapping(wanted.source.kind)
    key, id = wanted.source.orders[wanted.task.order.lstrip("-")], one.table.c.id
    falling = wanted.task.order.startswith("-")
    statement = wanted.select(*one.columns, key.label("place"))
    if after is not None:
        here, there = tuple_(key, id), tuple_(*(literal(value) for value in after))
        statement = statement.where(here < there if falling else here > there)
    places = (key.desc(), id.desc()) if falling else (key.asc(), id.asc())
    rows = connection.execute(statement.order_by(*places).limit(limit)).all()
    if not rows:
        return [], after
    return [one.record(row[:-1]) for row in rows], (rows[-1][-1], rows[-1].id)


def beside(connection: Connection, configuration: Configuration, rows: Sequence[Any], public_url: str) -> Beside:
    """What these rows say of others than themselves."""
    if not rows or isinstance(rows[0], Order | Lot | Transaction):
        return Beside()
    if isinstance(rows[0], Customer):
        return Beside(summaries=queries.summaries(connection, configuration, [one.id for one in rows]))
    known = {one.id: one for one in rows} if isinstance(rows[0], Card) else _by_id(connection, Card, [r.card_id for r in rows])
    holders = _by_id(connection, Customer, [one.customer_id for one in rows if one.customer_id])
    keys = {one.campaign_id for one in rows}
    return Beside(
        source_ids={key: one.source_id for key, one in holders.items()},
        cards=known,
        campaigns={key: queries.get_campaign_ever(connection, configuration, key) for key in keys},
        categories={one.id: one for one in configuration.categories},
        public_url=public_url,
    )


def _by_id(connection: Connection, kind: type[Record], ids: Sequence[str]) -> dict[str, Any]:
    one = mapping(kind)
    rows = connection.execute(select(*one.columns).where(one.table.c.id.in_(set(ids))))
    return {record.id: record for record in map(one.record, rows)}
