"""Reads for answers: lists and gets, on the reading connections. They do not pass the engine."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Select, Table, Text, func, literal, select

from tallybook.domain.cards import numbers_of, summary_of
from tallybook.domain.config import KINDS, Campaign, Document
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import CardNumbers, CustomerSummary
from tallybook.domain.records import Card, Customer, Lot, Order, Record, TierMembership, Transaction
from tallybook.store import tables
from tallybook.store.filters import Clause, Narrowing
from tallybook.store.mapping import mapping, to_ms
from tallybook.store.sql_functions import property_text

R = TypeVar("R", bound=Record)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A range of instants, both ends excluded."""

    after: datetime | None = None
    before: datetime | None = None


ALWAYS = Span()


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list: `order` is a field name, with `-` for newest or largest first."""

    limit: int = 10
    page: int = 1
    order: str = "-created_at"


def _rows(connection: Connection, kind: type[R], statement: Select[Any]) -> list[R]:
    make = mapping(kind).record
    return [make(row) for row in connection.execute(statement)]


def _select(kind: type[Record]) -> Select[Any]:
    return select(*mapping(kind).columns)


def _sliced(statement: Select[Any], table: Table, part: Slice) -> Select[Any]:
    """One page, in a stable order: the id decides between equals."""
    return one_page(statement, table.c[part.order.lstrip("-")], table.c.id, part)


def one_page(statement: Select[Any], column: Column[Any], id: Column[Any], part: Slice) -> Select[Any]:
    """One page in the order of a column, what has no value counting as smallest; the id decides between equals.

    PostgreSQL could not use an index on a column that always has a value if it were told where the others go.
    """
    if part.order.startswith("-"):
        statement = statement.order_by(column.desc().nulls_last() if column.nullable else column.desc(), id.desc())
    else:
        statement = statement.order_by(column.asc().nulls_first() if column.nullable else column.asc(), id.asc())
    return statement.limit(part.limit).offset((part.page - 1) * part.limit)


def _within(statement: Select[Any], table: Table, **spans: Span) -> Select[Any]:
    for name, span in spans.items():
        if span.after is not None:
            statement = statement.where(table.c[name] > to_ms(span.after))
        if span.before is not None:
            statement = statement.where(table.c[name] < to_ms(span.before))
    return statement


def _clauses(narrowing: Narrowing | None) -> list[Clause]:
    return [] if narrowing is None else [narrowing.clause()]


def _named(connection: Connection, kind: type[R], there: Select[Any], columns: Sequence[Any], key: str) -> R | None:
    """What has this key in the first of the columns where anything has it. Each look is one of a unique index."""
    for column in columns:
        if found := _rows(connection, kind, there.where(column == key)):
            return found[0]
    return None


def _count(connection: Connection, statement: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0


# --- customers -----------------------------------------------------------------------------------------------------------


def get_customer(connection: Connection, project_id: str, key: str) -> Customer | None:
    """By id, else by source id; a deleted customer is not there."""
    c = tables.customers.c
    there = _select(Customer).where(c.project_id == project_id, c.deleted_at.is_(None))
    return _named(connection, Customer, there, (c.id, c.source_id), key)


def list_customers(  # noqa: PLR0913  # the documented filters
    connection: Connection,
    project_id: str,
    part: Slice,
    *,
    name: str | None = None,
    email: str | None = None,
    city: str | None = None,
    created: Span = ALWAYS,
    updated: Span = ALWAYS,
    starting_after: datetime | None = None,
) -> tuple[list[Customer], int]:
    """A page of the customers, and how many match. `starting_after` is where the page before ended: later in a list that
    rises by an instant, else earlier (openapi: list-customers).
    """
    t = tables.customers
    statement = _select(Customer).where(t.c.project_id == project_id, t.c.deleted_at.is_(None))
    if name is not None:
        statement = statement.where(t.c.name == name)
    if email is not None:
        statement = statement.where(t.c.email == email)
    if city is not None:
        statement = statement.where(property_text(t.c.address, literal("city", Text)) == city)
    if starting_after is not None:
        column = t.c.updated_at if part.order.endswith("updated_at") else t.c.created_at
        rising = part.order in ("created_at", "updated_at")
        statement = statement.where(column > to_ms(starting_after) if rising else column < to_ms(starting_after))
    statement = _within(statement, t, created_at=created, updated_at=updated)
    return _rows(connection, Customer, _sliced(statement, t, part)), _count(connection, statement)


def summaries(connection: Connection, configuration: Configuration, customer_ids: Sequence[str]) -> dict[str, CustomerSummary]:
    """The points of each of these customers, in total and per campaign."""
    theirs = tables.cards.c.customer_id.in_(customer_ids) & tables.cards.c.deleted_at.is_(None)
    cards = _rows(connection, Card, _select(Card).where(theirs))
    memberships = _select(TierMembership).where(tables.tier_memberships.c.customer_id.in_(customer_ids))
    tiers: dict[str, dict[str, str | None]] = {customer_id: {} for customer_id in customer_ids}
    for one in _rows(connection, TierMembership, memberships):
        tiers[one.customer_id][one.campaign_id] = one.tier_id
    held: dict[str, list[Card]] = {customer_id: [] for customer_id in customer_ids}
    for card in cards:
        held[str(card.customer_id)].append(card)
    return {key: summary_of(key, held[key], configuration.campaigns, tiers[key]) for key in customer_ids}


# --- orders --------------------------------------------------------------------------------------------------------------


def get_order(connection: Connection, project_id: str, key: str) -> Order | None:
    """By id, else by source id."""
    c = tables.orders.c
    return _named(connection, Order, _select(Order).where(c.project_id == project_id), (c.id, c.source_id), key)


def list_orders(connection: Connection, project_id: str, part: Slice) -> tuple[list[Order], int]:
    """A page of the orders, and how many there are."""
    statement = _select(Order).where(tables.orders.c.project_id == project_id)
    return _rows(connection, Order, _sliced(statement, tables.orders, part)), _count(connection, statement)


# --- cards ---------------------------------------------------------------------------------------------------------------


def get_card(connection: Connection, project_id: str, key: str) -> Card | None:
    """By id, else by code; a deleted card is not there."""
    c = tables.cards.c
    return _named(connection, Card, _select(Card).where(c.project_id == project_id, c.deleted_at.is_(None)), (c.id, c.code), key)


def find_card(connection: Connection, card_id: str) -> Card | None:
    """By id, whatever the project; what is deleted, card or project, is not there."""
    c, p = tables.cards.c, tables.projects.c
    there = c.deleted_at.is_(None) & select(p.id).where(p.id == c.project_id, p.deleted_at.is_(None)).exists()
    found = _rows(connection, Card, _select(Card).where(c.id == card_id, there))
    return found[0] if found else None


def list_cards(  # noqa: PLR0913  # the documented filters
    connection: Connection,
    project_id: str,
    part: Slice,
    *,
    campaign_id: str | None = None,
    category_id: str | None = None,
    campaigns_of_category: Sequence[str] = (),
    customer_id: str | None = None,
    code: str | None = None,
    ids: Sequence[str] = (),
    created: Span = ALWAYS,
    updated: Span = ALWAYS,
    narrowing: Narrowing | None = None,
) -> tuple[list[Card], int]:
    """A page of the cards of a project or campaign, and how many match. A card without a category has its campaign's:
    `campaigns_of_category` are those of `category_id`.
    """
    t = tables.cards
    statement = _select(Card).where(t.c.project_id == project_id, t.c.deleted_at.is_(None), *_clauses(narrowing))
    if campaign_id is not None:
        statement = statement.where(t.c.campaign_id == campaign_id)
    if category_id is not None:
        inherited = t.c.category_id.is_(None) & t.c.campaign_id.in_(campaigns_of_category)
        statement = statement.where((t.c.category_id == category_id) | inherited)
    if customer_id is not None:
        statement = statement.where(t.c.customer_id == customer_id)
    if code is not None:
        statement = statement.where(t.c.code == code)
    if ids:
        statement = statement.where(t.c.id.in_(ids))
    statement = _within(statement, t, created_at=created, updated_at=updated)
    return _rows(connection, Card, _sliced(statement, t, part)), _count(connection, statement)


def numbers_of_cards(connection: Connection, cards: Sequence[Card]) -> dict[str, CardNumbers]:
    """The numbers of these cards, by id, with what expires next."""
    c = tables.lots.c
    lots = _rows(connection, Lot, _select(Lot).where(c.card_id.in_([card.id for card in cards]), c.status == "ACTIVE"))
    own: dict[str, list[Lot]] = {card.id: [] for card in cards}
    for lot in lots:
        own[lot.card_id].append(lot)
    return {card.id: numbers_of(card, own[card.id]) for card in cards}


def get_membership(connection: Connection, customer_id: str, campaign_id: str) -> TierMembership | None:
    """The customer's place in the tiers of a campaign."""
    c = tables.tier_memberships.c
    found = _rows(
        connection, TierMembership, _select(TierMembership).where(c.customer_id == customer_id, c.campaign_id == campaign_id)
    )
    return found[0] if found else None


def vouchers_counts(connection: Connection, campaign_ids: Sequence[str]) -> dict[str, int]:
    """How many cards each of these campaigns has."""
    c = tables.counters.c
    names = {f"vouchers:{campaign_id}": campaign_id for campaign_id in campaign_ids}
    rows = connection.execute(select(c.name, c.n).where(c.name.in_(list(names))))
    counted = {names[name]: n for name, n in rows}
    return {campaign_id: counted.get(campaign_id, 0) for campaign_id in campaign_ids}


# --- the ledger ----------------------------------------------------------------------------------------------------------


def list_transactions(
    connection: Connection,
    project_id: str,
    *,
    card_id: str | None = None,
    campaign_id: str | None = None,
    narrowing: Narrowing | None = None,
    newest_first: bool = True,
    starting_after_id: str | None = None,
    limit: int = 10,
) -> tuple[list[Transaction], bool]:
    """A stretch of the ledger in the order of its ids, and whether there is more."""
    c = tables.transactions.c
    statement = _select(Transaction).where(c.project_id == project_id, *_clauses(narrowing))
    if card_id is not None:
        statement = statement.where(c.card_id == card_id)
    if campaign_id is not None:
        statement = statement.where(c.campaign_id == campaign_id)
    if starting_after_id is not None:
        statement = statement.where(c.id < starting_after_id if newest_first else c.id > starting_after_id)
    found = _rows(connection, Transaction, statement.order_by(c.id.desc() if newest_first else c.id.asc()).limit(limit + 1))
    return found[:limit], len(found) > limit


# --- configuration -------------------------------------------------------------------------------------------------------


def get_document(connection: Connection, document_id: str, version: int) -> Document:
    """A configuration document as it was in that version. A version that deleted it shows it as it was before."""
    c = tables.config_history.c
    row = connection.execute(
        select(c.kind, c.doc)
        .where(c.id.in_([f"{document_id}:{v}" for v in (version, version - 1)]), c.doc.is_not(None))
        .order_by(c.version.desc())
    ).first()
    if row is None:
        raise LookupError(f"{document_id} has no version {version}")
    return msgspec.json.decode(row.doc, type=KINDS[row.kind])


def get_campaign_ever(connection: Connection, configuration: Configuration, campaign_id: str) -> Campaign:
    """A campaign as it is or, when it was deleted, as it was last."""
    campaign = configuration.campaign(campaign_id)
    if campaign is not None:
        return campaign
    c = tables.config_history.c
    newest = connection.scalar(select(func.max(c.version)).where(c.entity_id == campaign_id))
    found = get_document(connection, campaign_id, newest or 1)
    assert isinstance(found, Campaign)
    return found
