"""The book: what was read for one batch of commands, found again by every unique key.

The store fills it, pages are laid over it, and what the accepted pages wrote goes back into it, so that the commands of
one batch see each other's customers, orders and codes.
"""

from collections.abc import Iterable

from tallybook.domain.config import ConfigChange
from tallybook.domain.configuration import Configuration
from tallybook.domain.records import (
    ApiKey,
    AsyncAction,
    Award,
    Card,
    Customer,
    Lot,
    Order,
    PendingEntry,
    Publication,
    Receipt,
    Record,
    TierMembership,
)


class Book:
    """Records by id and by their other unique keys. Records are immutable; `keep` replaces one by its newer self."""

    def __init__(self) -> None:
        self.configurations: dict[str, Configuration] = {}
        self.customers: dict[str, Customer] = {}
        self.customer_ids: dict[tuple[str, str], str] = {}
        self.orders: dict[str, Order] = {}
        self.order_ids: dict[tuple[str, str], str] = {}
        self.cards: dict[str, Card] = {}
        self.card_ids: dict[tuple[str, str], str] = {}
        self.cards_of: dict[str, dict[str, str]] = {}
        self.lots: dict[str, dict[str, Lot]] = {}
        self.entries: dict[str, PendingEntry] = {}
        self.memberships: dict[tuple[str, str], TierMembership] = {}
        self.publications: dict[tuple[str, str], Publication] = {}
        self.publication_of: dict[str, Publication] = {}
        self.awards: set[tuple[str, str]] = set()
        self.free_cards: dict[str, list[str]] = {}
        self.free_codes: dict[str, list[str]] = {}
        self.actions: dict[str, AsyncAction] = {}
        self.fences: dict[str, int] = {}
        self.receipts: dict[str, Receipt] = {}
        self.api_keys: dict[str, ApiKey] = {}
        self.earliest_expiry: dict[str, str] = {}
        self.counters: dict[str, int] = {}
        self.versions: dict[tuple[str, str], int] = {}
        """Version of each row that was read, by table name and id: checked when it is written."""
        self.writes: dict[tuple[str, str], Record] = {}
        self.facts: list[Record | ConfigChange] = []
        self.counts: dict[str, int] = {}
        self.config_changes: dict[str, int] = {}

    def keep_all(self, records: Iterable[Record]) -> None:
        """Puts records as read into the book."""
        for record in records:
            self.versions[type(record).__name__, record.id] = record.version  # type: ignore[attr-defined]
            self.keep(record)

    def keep(self, record: Record) -> None:
        """Makes a record findable by all of its keys."""
        if isinstance(record, Customer):
            self.customers[record.id] = record
            if record.source_id is not None:
                self.customer_ids[record.project_id, record.source_id] = record.id
        elif isinstance(record, Card):
            self.cards[record.id] = record
            self.card_ids[record.project_id, record.code] = record.id
            if record.customer_id is not None:
                self.cards_of.setdefault(record.customer_id, {})[record.campaign_id] = record.id
        elif isinstance(record, Order):
            self.orders[record.id] = record
            if record.source_id is not None:
                self.order_ids[record.project_id, record.source_id] = record.id
        elif isinstance(record, Lot):
            self.lots.setdefault(record.card_id, {})[record.id] = record
        elif isinstance(record, TierMembership):
            self.memberships[record.customer_id, record.campaign_id] = record
        elif isinstance(record, PendingEntry):
            self.entries[record.id] = record
        elif isinstance(record, Publication):
            self.publication_of[record.card_id] = record
            if record.source_id is not None:
                self.publications[record.project_id, record.source_id] = record
        elif isinstance(record, Award):
            self.awards.add((record.cause_id, record.rule_id))
        elif isinstance(record, AsyncAction):
            self.actions[record.id] = record
        elif isinstance(record, Receipt):
            self.receipts[record.id] = record
        elif isinstance(record, ApiKey):
            self.api_keys[record.id] = record
