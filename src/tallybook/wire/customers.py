"""Customers: the whole object that REST and customer.* events show, and the short forms inside other objects."""

from tallybook.domain.canonical import canonical
from tallybook.domain.occurrence import CustomerSummary
from tallybook.domain.records import Customer
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object, spliced


def customer_simple(customer: Customer) -> Object:
    """The six keys by which an event names a customer (CUST6, all seeds)."""
    return {
        "id": customer.id,
        "name": customer.name,
        "email": customer.email,
        "source_id": customer.source_id,
        "metadata": spliced(customer.metadata),
        "object": "customer",
    }


def customer_stub(customer_id: str) -> Object:
    """The customer inside a calculated order of an event: an id, four nulls and a tag (seed 002)."""
    return {"id": customer_id, "address": None, "summary": None, "loyalty": None, "referrals": None, "object": "customer"}


def customer_reference(customer_id: str) -> Object:
    """The customer inside an order as REST answers it."""
    return {"id": customer_id, "object": "customer"}


def customer_of_publication(customer: Customer) -> Object:
    """The customer inside the publication of an event."""
    return {
        "id": customer.id,
        "source_id": customer.source_id,
        "name": customer.name,
        "address": None,
        "summary": None,
        "loyalty": None,
        "referrals": None,
        "metadata": spliced(customer.metadata),
        "object": "customer",
    }


def customer_full(customer: Customer, summary: CustomerSummary) -> Object:
    """The whole customer: create, get, list and update answers, and customer.created, updated and deleted.

    Points are whole, amounts minor units. What a person never told is left out; `address` is null then, metadata `{}`
    (decision 46).
    """
    shown: Object = {"id": customer.id, "source_id": customer.source_id, "name": customer.name}
    personal = {
        "description": customer.description,
        "email": customer.email,
        "phone": customer.phone,
        "birthdate": date_text(customer.birthdate),
    }
    shown |= {key: value for key, value in personal.items() if value is not None}
    shown["address"] = None if customer.address is None else spliced(customer.address)
    shown["summary"] = {"redemptions": _redemptions(summary), "orders": _orders(customer)}
    shown["loyalty"] = _loyalty(summary)
    shown["referrals"] = {"total": 0, "campaigns": []}
    shown["metadata"] = spliced(customer.metadata)
    shown["system_metadata"] = {}
    shown["created_at"] = instant_text(customer.created_at)
    if customer.updated_at is not None:
        shown["updated_at"] = instant_text(customer.updated_at)
    shown["object"] = "customer"
    return shown


def _redemptions(summary: CustomerSummary) -> Object:
    return {
        "total_redeemed": summary.redemptions,
        "total_failed": 0,
        "total_succeeded": summary.redemptions,
        "total_rolled_back": 0,
        "total_rollback_failed": 0,
        "total_rollback_succeeded": 0,
        "gift": {"redeemed_amount": 0, "amount_to_go": 0},
        "loyalty_card": {"redeemed_points": summary.redeemed_points, "points_to_go": summary.points},
    }


def _orders(customer: Customer) -> Object:
    count = customer.orders_count
    shown: Object = {
        "total_amount": customer.orders_amount,
        "total_count": count,
        # Half up, in whole minor units: the official client takes integers only.
        "average_amount": (2 * customer.orders_amount + count) // (2 * count) if count else 0,
        "last_order_amount": customer.last_order_amount,
    }
    if customer.last_order_at is not None:
        shown["last_order_date"] = instant_text(customer.last_order_at)
    return shown


def _loyalty(summary: CustomerSummary) -> Object:
    campaigns: Object = {}
    for one in summary.campaigns:
        tier = {} if one.tier_id is None else {"loyalty_tier": one.tier_id}
        campaigns[one.campaign_name] = {"points": one.points, **tier, "referred_customers": 0}
    # A campaign may be called 2024, and JavaScript moves such a key to the front (decision 31).
    return {"points": summary.points, "referred_customers": 0, "campaigns": spliced(canonical(campaigns))}
