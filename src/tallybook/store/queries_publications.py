"""Publications for answers: a page of them, each with its customer and card, deleted ones too."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, false, func, select
from sqlalchemy.sql import ColumnElement

from tallybook.domain.records import Card, Customer, Publication
from tallybook.store import tables
from tallybook.store.filters import Narrowing
from tallybook.store.mapping import mapping
from tallybook.store.queries import Slice, one_page


class WantedPublications(msgspec.Struct, frozen=True, kw_only=True):
    """Which publications; null is any. `campaign_ids`: of one of these."""

    customer_id: str | None = None
    campaign_ids: Sequence[str] | None = None
    voucher: str | None = None
    source_id: str | None = None
    channel: str | None = None
    narrowing: Narrowing | None = None
    nothing: bool = False
    """A filter that no publication of ours passes."""


class Listed(msgspec.Struct, frozen=True):
    """A publication with those it speaks of, as they are now."""

    publication: Publication
    customer: Customer
    card: Card


def list_publications(
    connection: Connection, project_id: str, part: Slice, wanted: WantedPublications
) -> tuple[list[Listed], int]:
    """A page of the publications, and how many match. `part.order` may also be by `voucher_code`."""
    p, c = tables.publications.c, tables.cards.c
    statement = select(*mapping(Publication).columns).join(tables.cards, c.id == p.card_id).where(*_where(project_id, wanted))
    total = connection.scalar(select(func.count()).select_from(statement.subquery())) or 0
    name = part.order.lstrip("-")
    column = c.code if name == "voucher_code" else p[name]
    rows = connection.execute(one_page(statement, column, p.id, part))
    found: list[Publication] = [mapping(Publication).record(row) for row in rows]
    customers = _by_id(connection, Customer, [one.customer_id for one in found])
    cards = _by_id(connection, Card, [one.card_id for one in found])
    return [Listed(one, customers[one.customer_id], cards[one.card_id]) for one in found], total


def _where(project_id: str, wanted: WantedPublications) -> list[ColumnElement[bool]]:
    p, c = tables.publications.c, tables.cards.c
    where: list[ColumnElement[bool]] = [p.project_id == project_id]
    if wanted.nothing:
        where.append(false())
    if wanted.narrowing is not None:
        where.append(wanted.narrowing.clause())
    if wanted.campaign_ids is not None:
        where.append(p.campaign_id.in_(wanted.campaign_ids))
    for column, value in (
        (p.customer_id, wanted.customer_id),
        (c.code, wanted.voucher),
        (p.source_id, wanted.source_id),
        (p.channel, wanted.channel),
    ):
        if value is not None:
            where.append(column == value)
    return where


def _by_id(connection: Connection, kind: type[Any], ids: Sequence[str]) -> dict[str, Any]:
    one = mapping(kind)
    rows = connection.execute(select(*one.columns).where(one.table.c.id.in_(set(ids))))
    return {record.id: record for record in map(one.record, rows)}
