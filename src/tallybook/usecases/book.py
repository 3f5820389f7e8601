"""The book: what was read for one batch of commands, found again by every unique key.

The store fills it, pages are laid over it, and what the accepted pages wrote goes back into it, so that the commands of
one batch see each other's customers, orders and codes.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from tallybook.domain.config import ConfigChange
from tallybook.domain.configuration import Configuration
from tallybook.domain.records import (
    ApiKey,
    AsyncAction,
    Award,
    Card,
    Customer,
    Export,
    Lot,
    Order,
    PendingEntry,
    Product,
    Project,
    Publication,
    Receipt,
    Record,
    Sku,
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
        self.entries_of: dict[str, dict[str, PendingEntry]] = {}
        self.products: dict[str, Product] = {}
        self.product_ids: dict[tuple[str, str], str] = {}
        self.skus: dict[str, Sku] = {}
        self.sku_ids: dict[tuple[str, str], str] = {}
        self.memberships: dict[tuple[str, str], TierMembership] = {}
        self.publications: dict[tuple[str, str], Publication] = {}
        self.publication_of: dict[str, Publication] = {}
        self.awards: set[tuple[str, str]] = set()
        self.free_cards: dict[str, list[str]] = {}
        self.free_codes: dict[str, list[str]] = {}
        self.taken_codes: set[tuple[str, str]] = set()
        """Project and code, of the codes that were asked about."""
        self.whole_supplies: set[str] = set()
        """Campaigns that have no other card or code to give than those that were read."""
        self.actions: dict[str, AsyncAction] = {}
        self.exports: dict[str, Export] = {}
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
        self.settled_on: dict[str, date] = {}
        """The local day up to which the customers of a project were settled. What a batch adds is never due on its day."""

    def keep_all(self, records: Iterable[Record]) -> None:
        """Puts records as read into the book."""
        for record in records:
            self.versions[type(record).__name__, record.id] = record.version  # type: ignore[attr-defined]
            self.keep(record)

    def order_of(self, project_id: str, key: str) -> Order | None:
        """An order that was read, by id or source id."""
        found = self.orders.get(key)
        if found is None or found.project_id != project_id:
            found = self.orders.get(self.order_ids.get((project_id, key), ""))
        return found

    def keep(self, record: Record) -> None:
        """Makes a record findable by all of its keys."""
        KEEPERS[type(record)](self, record)


def _keep_customer(book: Book, record: Customer) -> None:
    book.customers[record.id] = record
    if record.source_id is not None:
        book.customer_ids[record.project_id, record.source_id] = record.id


def _keep_card(book: Book, record: Card) -> None:
    book.cards[record.id] = record
    book.card_ids[record.project_id, record.code] = record.id
    if record.customer_id is not None:
        book.cards_of.setdefault(record.customer_id, {})[record.campaign_id] = record.id


def _keep_order(book: Book, record: Order) -> None:
    book.orders[record.id] = record
    if record.source_id is not None:
        book.order_ids[record.project_id, record.source_id] = record.id


def _keep_lot(book: Book, record: Lot) -> None:
    book.lots.setdefault(record.card_id, {})[record.id] = record


def _keep_membership(book: Book, record: TierMembership) -> None:
    book.memberships[record.customer_id, record.campaign_id] = record


def _keep_entry(book: Book, record: PendingEntry) -> None:
    book.entries[record.id] = record
    book.entries_of.setdefault(record.customer_id, {})[record.id] = record


def _keep_publication(book: Book, record: Publication) -> None:
    book.publication_of[record.card_id] = record
    if record.source_id is not None:
        book.publications[record.project_id, record.source_id] = record


def _keep_product(book: Book, record: Product) -> None:
    book.products[record.id] = record
    if record.source_id is not None:
        book.product_ids[record.project_id, record.source_id] = record.id


def _keep_sku(book: Book, record: Sku) -> None:
    book.skus[record.id] = record
    if record.source_id is not None:
        book.sku_ids[record.project_id, record.source_id] = record.id


def _keep_award(book: Book, record: Award) -> None:
    book.awards.add((record.cause_id, record.rule_id))


def _keep_action(book: Book, record: AsyncAction) -> None:
    book.actions[record.id] = record


def _keep_export(book: Book, record: Export) -> None:
    book.exports[record.id] = record


def _keep_receipt(book: Book, record: Receipt) -> None:
    book.receipts[record.id] = record


def _keep_api_key(book: Book, record: ApiKey) -> None:
    book.api_keys[record.id] = record


def _keep_project(book: Book, record: Project) -> None:
    """A changed project comes with its configuration."""


KEEPERS: dict[type[Record], Callable[[Book, Any], None]] = {
    Project: _keep_project,
    Customer: _keep_customer,
    Card: _keep_card,
    Order: _keep_order,
    Lot: _keep_lot,
    TierMembership: _keep_membership,
    PendingEntry: _keep_entry,
    Publication: _keep_publication,
    Product: _keep_product,
    Sku: _keep_sku,
    Award: _keep_award,
    AsyncAction: _keep_action,
    Export: _keep_export,
    Receipt: _keep_receipt,
    ApiKey: _keep_api_key,
}
"""How each record is made findable."""
