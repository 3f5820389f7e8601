"""What an event speaks of: subjects as they were, the card's numbers before and after, versions of configuration.

A command makes one occurrence. Its subjects are records, each written once; its events are thin and point at them by
position. Configuration is named by (id, version) and looked up in the config history, where nothing ever changes. So a
payload rendered today and one rendered in a year have the same bytes (DESIGN 5).
"""

from datetime import date
from typing import Any

import msgspec

from tallybook.domain.records import (
    Card,
    Customer,
    Instant,
    Order,
    PendingEntry,
    Publication,
    Record,
    TierMembership,
    Transaction,
)


class CardNumbers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of a card at one moment. `next_expiration_*` speak of its earliest dated lot that holds points."""

    points: int = 0
    redeemed_points: int = 0
    redeemed_quantity: int = 0
    subtracted_points: int = 0
    expired_points: int = 0
    balance: int = 0
    pending_points: int = 0
    next_expiration_on: date | None = None
    next_expiration_points: int = 0
    active: bool = True
    updated_at: Instant | None = None


class CustomerSummary(Record, frozen=True, kw_only=True):
    """The `loyalty` and `summary` blocks of a customer: points of all cards, and per campaign (in the order of joining)."""

    customer_id: str
    points: int = 0
    redeemed_points: int = 0
    redemptions: int = 0
    campaigns: tuple["CampaignPoints", ...] = ()


class CampaignPoints(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer has in one campaign: the balance of the card, and the tier held."""

    campaign_name: str
    points: int
    tier_id: str | None = None


class CausingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event that made a rule fire, as payloads quote it. Its group and source are those of the occurrence."""

    id: str
    type: str
    entity_id: str
    created_at: Instant
    group_id: str | None = None
    """Of an earlier occurrence; null when it is this one."""


Version = tuple[str, int]
"""A configuration document as it was: its id and its version."""


class Refs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one event points at. Numbers are positions among the occurrence's subjects."""

    customer: int | None = None
    summary: int | None = None
    order: int | None = None
    card: int | None = None
    publication: int | None = None
    transaction: int | None = None
    entry: int | None = None
    """A pending entry; `points` is by how much it changed what waits on the card."""
    points: int = 0
    operation_type: str | None = None
    membership: int | None = None
    before: CardNumbers | None = None
    after: CardNumbers | None = None
    campaign: Version | None = None
    category: Version | None = None
    """Of the card, or else of the campaign."""
    earning_rule: Version | None = None
    tier: Version | None = None
    """The event's own tier: joined, left, the one upgraded to, the one created."""
    tier_from: Version | None = None
    holder_tier: Version | None = None
    """The tier held before a transaction; `membership` is its membership."""
    mapping_tier: Version | None = None
    """The tier whose mapping changed the points; null when no mapping applied."""
    cause: CausingEvent | None = None
    reason: str | None = None
    """Why a rule was passed over, or something failed."""
    vouchers_count: int = 0
    count: int = 0


Subject = Customer | CustomerSummary | Order | Card | Publication | Transaction | TierMembership | PendingEntry

SUBJECT_TYPES: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (Customer, CustomerSummary, Order, Card, Publication, Transaction, TierMembership, PendingEntry)
}


def encode_subjects(subjects: list[Any]) -> str:
    """The subjects as JSON text: an array of [kind, record]."""
    return msgspec.json.encode([(type(s).__name__, s) for s in subjects]).decode()


def decode_subjects(text: str) -> list[Any]:
    """The reverse of `encode_subjects`."""
    pairs = msgspec.json.decode(text, type=list[tuple[str, msgspec.Raw]])
    return [msgspec.json.decode(raw, type=SUBJECT_TYPES[kind]) for kind, raw in pairs]
