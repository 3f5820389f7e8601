"""What lists and exports can be filtered by: for each of them its fields, by the names that clients use.

The names are those of the documented filters (openapi: `Filters` of each list and export), and a few columns more.
"""

from typing import Any

from sqlalchemy import Boolean, Text, cast, false, func, literal, null, select
from sqlalchemy.sql import ColumnElement

from tallybook.domain.filters import Kind
from tallybook.store.filters import Field, Fields
from tallybook.store.sql_functions import property_text
from tallybook.store.tables import NEVER_TEXT, cards, customers, documents, lots, orders, publications, transactions


def _text(column: ColumnElement[Any]) -> Field:
    return Field(column, Kind.TEXT)


def _number(column: ColumnElement[Any]) -> Field:
    return Field(column, Kind.NUMBER)


def _instant(column: ColumnElement[Any]) -> Field:
    return Field(column, Kind.INSTANT)


def _same(word: str) -> Field:
    """A field that says the same of every row."""
    return _text(literal(word, Text))


def _of_campaign(campaign_id: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A property of the campaign that a row belongs to; null when it is deleted."""
    found = select(property_text(documents.c.doc, literal(name, Text))).where(documents.c.id == campaign_id)
    return found.correlate_except(documents).scalar_subquery()


TRANSACTIONS: Fields = {
    "id": _text(transactions.c.id),
    "voucher_id": _text(transactions.c.card_id),
    "campaign_id": _text(transactions.c.campaign_id),
    "created_at": _instant(transactions.c.created_at),
    "type": _text(transactions.c.type),
    "source": _text(transactions.c.source),
    "source_id": _text(transactions.c.source_id),
    "reason": _text(transactions.c.reason),
    "related_transaction_id": _text(transactions.c.related_transaction_id),
    "amount": _number(transactions.c.points),
    "balance": _number(transactions.c.balance),
}

LOTS: Fields = {
    "id": _text(lots.c.id),
    "voucher_id": _text(lots.c.card_id),
    "campaign_id": _text(lots.c.campaign_id),
    "status": _text(lots.c.status),
    "expires_at": Field(func.nullif(lots.c.expires_on, NEVER_TEXT), Kind.DATE),
    "points": _number(lots.c.points),
}

CARDS: Fields = {
    "id": _text(cards.c.id),
    "vouchers": _text(cards.c.id),
    "code": _text(cards.c.code),
    "type": _same("LOYALTY_CARD"),
    "campaign": _text(_of_campaign(cards.c.campaign_id, "name")),
    "campaign_id": _text(cards.c.campaign_id),
    "category_ids": _text(func.coalesce(cards.c.category_id, _of_campaign(cards.c.campaign_id, "category_id"))),
    "holder_id": _text(cards.c.customer_id),
    "published_for_customer_id": _text(cards.c.customer_id),
    "active": Field(cards.c.active, Kind.FLAG),
    "is_referral_code": Field(cast(false(), Boolean), Kind.FLAG),
    "created_at": _instant(cards.c.created_at),
    "created_date": _instant(cards.c.created_at),
    "updated_at": _instant(cards.c.updated_at),
    "start_date": _instant(cards.c.start_date),
    "expiration_date": _instant(cards.c.expiration_date),
    "redemption.quantity": _number(cards.c.redemption_limit),
    "redemption.redeemed_quantity": _number(cards.c.redeemed_quantity),
    "redemption.redeemed_points": _number(cards.c.redeemed_points),
    "metadata.": Field(cards.c.metadata, Kind.PROPERTY),
}

PUBLICATIONS: Fields = {
    "id": _text(publications.c.id),
    "source_id": _text(publications.c.source_id),
    "customer_id": _text(publications.c.customer_id),
    "customer": _text(publications.c.customer_id),
    "campaign": _text(_of_campaign(publications.c.campaign_id, "name")),
    "campaign_name": _text(_of_campaign(publications.c.campaign_id, "name")),
    "parent_object_id": _text(publications.c.campaign_id),
    "related_object_id": _text(publications.c.card_id),
    "voucher": _text(select(cards.c.code).where(cards.c.id == publications.c.card_id).correlate(publications).scalar_subquery()),
    "voucher_type": _same("LOYALTY_CARD"),
    "is_referral_code": _same("false"),
    "result": _same("SUCCESS"),
    "failure_code": _text(cast(null(), Text)),
    "channel": _text(publications.c.channel),
    "created_at": _instant(publications.c.created_at),
    "metadata.": Field(publications.c.metadata, Kind.PROPERTY),
}

CUSTOMERS: Fields = {
    "id": _text(customers.c.id),
    "source_id": _text(customers.c.source_id),
    "name": _text(customers.c.name),
    "email": _text(customers.c.email),
    "phone": _text(customers.c.phone),
    "city": _text(property_text(customers.c.address, literal("city", Text))),
    "birthday": Field(customers.c.birthdate, Kind.DATE),
    "birthdate": Field(customers.c.birthdate, Kind.DATE),
    "created_at": _instant(customers.c.created_at),
    "updated_at": _instant(customers.c.updated_at),
    "summary.orders.total_amount": _number(customers.c.orders_amount),
    "summary.orders.total_count": _number(customers.c.orders_count),
    "summary.orders.last_order_amount": _number(customers.c.last_order_amount),
    "summary.orders.last_order_date": _instant(customers.c.last_order_at),
    "loyalty.points": _number(
        select(func.coalesce(func.sum(cards.c.balance), 0))
        .where(cards.c.customer_id == customers.c.id, cards.c.deleted_at.is_(None))
        .correlate(customers)
        .scalar_subquery()
    ),
    "address.": Field(customers.c.address, Kind.PROPERTY),
    "metadata.": Field(customers.c.metadata, Kind.PROPERTY),
}

ORDERS: Fields = {
    "id": _text(orders.c.id),
    "source_id": _text(orders.c.source_id),
    "status": _text(orders.c.status),
    "customer_id": _text(orders.c.customer_id),
    "referrer_id": _text(orders.c.referrer_id),
    "created_at": _instant(orders.c.created_at),
    "updated_at": _instant(orders.c.updated_at),
    "amount": _number(orders.c.amount),
    "initial_amount": _number(orders.c.initial_amount),
    "discount_amount": _number(orders.c.discount_amount),
    "items_discount_amount": _number(orders.c.items_discount_amount),
    "total_discount_amount": _number(orders.c.total_discount_amount),
    "total_amount": _number(orders.c.total_amount),
    "metadata.": Field(orders.c.metadata, Kind.PROPERTY),
}
