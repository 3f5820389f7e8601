"""The page: what one command writes, laid over the book. A refusal throws it away, and nobody else's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from tallybook.domain.cards import numbers_of, summary_of
from tallybook.domain.config import Campaign, ConfigChange, Document
from tallybook.domain.configuration import KIND_OF, Configuration
from tallybook.domain.event_names import event_id_prefix
from tallybook.domain.occurrence import CardNumbers, CustomerSummary, Refs, encode_subjects
from tallybook.domain.records import (
    ApiKey,
    AsyncAction,
    Award,
    Card,
    Customer,
    Event,
    Export,
    Lot,
    Occurrence,
    Order,
    PendingEntry,
    Product,
    Project,
    Publication,
    Record,
    SendOut,
    Sku,
    TierMembership,
)
from tallybook.ids import Ids
from tallybook.usecases.book import Book
from tallybook.usecases.command import Actor

R = TypeVar("R", bound=Record)
D = TypeVar("D", bound=Document)
Own = TypeVar("Own", Customer, Order, Card, PendingEntry, Product, Sku)
Named = TypeVar("Named", Customer, Order, Card, Product, Sku)
_MS = timedelta(milliseconds=1)
_LOOKED_UP = (Award, Publication)
"""Facts that a later command of the batch looks for."""


class Shelf(msgspec.Struct, Generic[Named], frozen=True):
    """Where a book keeps the records of a kind: by id, and the ids by project and name."""

    records: Callable[[Book], dict[str, Named]]
    names: Callable[[Book], dict[tuple[str, str], str]]
    name: Callable[[Named], str | None]


_source_id = attrgetter("source_id")
_customers = Shelf[Customer](attrgetter("customers"), attrgetter("customer_ids"), _source_id)
_orders = Shelf[Order](attrgetter("orders"), attrgetter("order_ids"), _source_id)
_cards = Shelf[Card](attrgetter("cards"), attrgetter("card_ids"), attrgetter("code"))
_products = Shelf[Product](attrgetter("products"), attrgetter("product_ids"), _source_id)
_skus = Shelf[Sku](attrgetter("skus"), attrgetter("sku_ids"), _source_id)


class NotRead(Exception):
    """A command needs what its batch did not read, since another one changed what it is about: it has to be done alone."""


class Page:
    """Answers what a command asks, from its own writes first and then from the book; collects its facts."""

    def __init__(
        self, book: Book, configuration: Configuration, ids: Ids, now: datetime, real_now: datetime, actor: Actor
    ) -> None:
        self.book = book
        self.ids = ids
        self.now = now
        self.configuration = configuration
        self.project_id = configuration.project.id
        self.written = Book()
        self._real_now = real_now
        self.actor = actor
        self._latest = now
        self._subjects: list[Record] = []
        self._positions: dict[Any, int] = {}
        self._sequences: dict[str, int] = {}
        self._event_keys: dict[str, str] = {}
        self._refs, self._refs_text = Refs(), "{}"
        self.occurrence_id = "v-" + ids.hex18(now, line=self.project_id)

    # --- time and ids ---

    @property
    def real_now(self) -> datetime:
        """The real instant, for what does not live by the project's clock: keys."""
        return self._real_now

    def tick(self) -> datetime:
        """The next instant of this command: what follows from it happens a millisecond later, so that order can be seen."""
        self._latest += _MS
        return self._latest

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return self.configuration.zone

    def random_id(self, prefix: str, length: int = 24) -> str:
        """A random id such as `cust_` + 24 characters (decision 35)."""
        return prefix + self.ids.random(length)

    def ordered_id(self, prefix: str, at: datetime | None = None, after: str | None = None) -> str:
        """A time-ordered id such as `ord_` + 18 hex digits, greater than `after` (an id of the same kind)."""
        return prefix + self.ids.hex18(at or self._latest, after[len(prefix) :] if after else "", self.project_id)

    # --- what is true ---

    def _own(self, found: Own | None) -> Own | None:
        """What was found by an id, if it is of this project: a batch reads for several, and ids are no secrets."""
        return found if found is not None and found.project_id == self.project_id else None

    def _found(self, key: str | None, shelf: "Shelf[Named]") -> Named | None:
        """What has this id, else what has this name; nothing that was deleted, nor what has another name now."""
        if key is None:
            return None
        for layer in (self.written, self.book):
            found = self._own(shelf.records(layer).get(key))
            if found is None and (known := shelf.names(layer).get((self.project_id, key))):
                found = shelf.records(self.written).get(known) or shelf.records(self.book).get(known)
                found = found if found is not None and shelf.name(found) == key else None
            if found is not None:
                return found if getattr(found, "deleted_at", None) is None else None
        return None

    def customer(self, key: str | None) -> Customer | None:
        """By id, else by source id. A deleted customer is not there."""
        return self._found(key, _customers)

    def anybody(self, customer_id: str) -> Customer:
        """A customer who was read, deleted ones too."""
        return self.written.customers.get(customer_id) or self.book.customers[customer_id]

    def order(self, key: str | None) -> Order | None:
        """By id, else by source id."""
        return self._found(key, _orders)

    def card(self, key: str | None) -> Card | None:
        """By id, else by code. A deleted card is not there."""
        return self._found(key, _cards)

    def cards_of(self, customer_id: str) -> list[Card]:
        """The customer's cards, in the order of their campaigns; behind them those of deleted campaigns."""
        held = {**self.book.cards_of.get(customer_id, {}), **self.written.cards_of.get(customer_id, {})}
        living = [campaign.id for campaign in self.configuration.campaigns if campaign.id in held]
        gone = sorted(held.keys() - set(living))
        return [card for campaign_id in (*living, *gone) if (card := self.card(held[campaign_id]))]

    def card_in(self, customer_id: str, campaign: Campaign) -> Card | None:
        """The customer's card of this campaign."""
        for layer in (self.written, self.book):
            if card_id := layer.cards_of.get(customer_id, {}).get(campaign.id):
                return self.card(card_id)
        return None

    def lots(self, card: Card) -> list[Lot]:
        """The ACTIVE lots of a card."""
        read, written = self.book.lots.get(card.id), self.written.lots.get(card.id)
        merged = {**read, **written} if read and written else read or written or {}
        return [lot for lot in merged.values() if lot.status == "ACTIVE"]

    @property
    def has_goods(self) -> bool:
        """Whether any product is known here; a SKU is never known without its product."""
        return bool(self.book.products or self.written.products)

    def product(self, key: str | None) -> Product | None:
        """By id, else by source id. A deleted product is not there."""
        return self._found(key, _products)

    def sku(self, key: str | None) -> Sku | None:
        """By id, else by source id. A deleted SKU is not there."""
        return self._found(key, _skus)

    def skus_of(self, product: Product) -> list[Sku]:
        """The SKUs of a product that was read with all of them."""
        merged = {**self.book.skus, **self.written.skus}
        return [sku for sku in merged.values() if sku.product_id == product.id and sku.deleted_at is None]

    def entry(self, key: str) -> PendingEntry | None:
        """A pending entry by id, whatever its state."""
        return self._own(self.written.entries.get(key) or self.book.entries.get(key))

    def waiting_entries(self, customer_id: str) -> list[PendingEntry]:
        """The customer's entries that are PENDING, in the order of their activation."""
        merged = {**self.book.entries_of.get(customer_id, {}), **self.written.entries_of.get(customer_id, {})}
        own = [one for one in merged.values() if one.status == "PENDING"]
        return sorted(own, key=lambda one: (one.activates_on, one.id))

    def membership(self, customer_id: str, campaign_id: str) -> TierMembership | None:
        """The customer's place in the campaign's tiers, if there ever was one."""
        key = (customer_id, campaign_id)
        return self.written.memberships.get(key) or self.book.memberships.get(key)

    def publication(self, source_id: str) -> Publication | None:
        """The publication with this source id."""
        key = (self.project_id, source_id)
        return self.written.publications.get(key) or self.book.publications.get(key)

    def publication_of(self, card: Card) -> Publication | None:
        """The publication that gave this card to its holder."""
        return self.written.publication_of.get(card.id) or self.book.publication_of.get(card.id)

    def action(self, key: str) -> AsyncAction | None:
        """An async action by id."""
        found = self.written.actions.get(key) or self.book.actions.get(key)
        return found if found is not None and found.project_id == self.project_id else None

    def export(self, key: str) -> Export | None:
        """An export by id. A deleted one is not there."""
        found = self.written.exports.get(key) or self.book.exports.get(key)
        return found if found is not None and found.project_id == self.project_id and found.deleted_at is None else None

    def awarded(self, cause_id: str, rule_id: str) -> bool:
        """Whether this rule has ever given anything for this cause (decision 6)."""
        key = (cause_id, rule_id)
        return key in self.written.awards or key in self.book.awards

    def api_keys(self) -> list[ApiKey]:
        """All keys of the project, revoked ones too, oldest first."""
        merged = {**self.book.api_keys, **self.written.api_keys}
        own = [one for one in merged.values() if one.project_id == self.project_id]
        return sorted(own, key=lambda one: (one.created_at, one.id))

    def take_free_card(self, campaign: Campaign) -> Card | None:
        """An unpublished active card of the campaign that nobody else in this batch was given."""
        while waiting := self.book.free_cards.get(campaign.id):
            card = self.card(waiting[-1])
            if card is not None and card.customer_id is None and card.active:
                return card
            waiting.pop()
        return None

    def take_new_code(self, campaign: Campaign) -> str | None:
        """A code of the campaign's pattern that no card of the project has; None when the pattern is exhausted."""
        return self.take_code(campaign.id)

    def take_code(self, key: str) -> str | None:
        """One of the codes that were wanted under this key and that no card of the project has; None when there is none."""
        waiting = self.book.free_codes.get(key, [])
        while waiting:
            if self.card(waiting[-1]) is None:
                return waiting[-1]
            waiting.pop()
        return None

    def is_taken(self, code: str) -> bool:
        """Whether a card of the project has this code, which is one that was asked about."""
        return (self.project_id, code) in self.book.taken_codes or self.card(code) is not None

    def check_supply(self, campaign: Campaign) -> None:
        """Raises NotRead unless every card and code that the campaign could still give was read."""
        if campaign.id not in self.book.whole_supplies:
            raise NotRead(campaign.id)

    # --- what becomes true ---

    def put(self, record: R) -> R:
        """A new or changed record of the current state."""
        self.written.keep(record)
        self.written.writes[type(record).__name__, record.id] = record  # type: ignore[attr-defined]
        return record

    def add(self, fact: Record | ConfigChange) -> None:
        """An append-only fact."""
        if isinstance(fact, _LOOKED_UP):
            self.written.keep(fact)
        self.written.facts.append(fact)

    def count(self, name: str, by: int) -> None:
        """Changes a counter that many customers share; the store applies it last, as a sum."""
        self.written.counts[name] = self.written.counts.get(name, 0) + by

    def counted(self, name: str) -> int:
        """A counter as it stands with the changes of this batch."""
        return sum(counts.get(name, 0) for counts in (self.book.counters, self.book.counts, self.written.counts))

    def configure(self, document: D) -> D:
        """Makes a configuration document true, and writes its version into the history for ever."""
        self.configuration = self.configuration.with_document(document)
        self._remember(document, msgspec.json.encode(document).decode())
        return document

    def discard(self, document: Document) -> None:
        """Removes a configuration document; its versions stay in the history."""
        self.configuration = self.configuration.without(document)
        self._remember(msgspec.structs.replace(document, version=document.version + 1), None)

    def change_project(self, project: Project) -> Project:
        """Makes a changed row of the project true. The store writes it as a new version of the configuration."""
        self.configuration = self.configuration.for_project(project)
        self.written.writes["Project", project.id] = project
        return project

    def _remember(self, document: Document, doc: str | None) -> None:
        self.written.config_changes[self.project_id] = self.written.config_changes.get(self.project_id, 0) + 1
        self.add(
            ConfigChange(
                id=f"{document.id}:{document.version}",
                project_id=self.project_id,
                kind=KIND_OF[type(document)],
                entity_id=document.id,
                version=document.version,
                doc=doc,
                created_at=self._latest,
            )
        )

    # --- what is told ---

    def subject(self, record: Record) -> int:
        """The position of a record among what this occurrence speaks of; each is written once, as it is now."""
        if isinstance(record, Card):
            key: Any = (record.id, record.customer_id, record.active, record.metadata, record.published_count)
        else:
            key = id(record)
        found = self._positions.get(key)
        if found is None:
            found = self._positions[key] = len(self._subjects)
            self._subjects.append(record)
        return found

    def numbers(self, card: Card) -> CardNumbers:
        """The numbers of a card as they are on this page now."""
        return numbers_of(card, self.lots(card))

    def summary(self, customer: Customer) -> CustomerSummary:
        """The customer's points, in total and per campaign."""
        cards = self.cards_of(customer.id)
        held = {card.campaign_id: self.membership(customer.id, card.campaign_id) for card in cards}
        tiers = {campaign_id: one.tier_id for campaign_id, one in held.items() if one is not None}
        return summary_of(customer.id, cards, self.configuration.campaigns, tiers)

    def emit(self, name: str, entity_id: str, refs: Refs, customer_id: str | None = None, at: datetime | None = None) -> Event:
        """Records an event, and a send-out of it to each webhook that asked for its name."""
        at = at or self._latest
        if self.configuration.categories:
            refs = self._with_category(refs)
        event = Event(
            id=self._event_id(event_id_prefix(name), at, customer_id),
            project_id=self.project_id,
            customer_id=customer_id,
            card_id=self._card_of(refs, customer_id),
            occurrence_id=self.occurrence_id,
            sequence=self._next_sequence(customer_id),
            name=name,
            entity_id=entity_id,
            refs=self._text_of(refs),
            created_at=at,
        )
        self.add(event)
        for webhook in self.configuration.subscribers.get(name, ()):
            self.add(
                SendOut(
                    id=self._event_id("whs_", at, customer_id),
                    project_id=self.project_id,
                    webhook_id=webhook.id,
                    event_id=event.id,
                    stream=customer_id or entity_id,
                    next_attempt_at=self._real_now,
                    created_at=at,
                )
            )
        return event

    def _text_of(self, refs: Refs) -> str:
        """The refs as they are stored; several events often have the same."""
        if refs is not self._refs:
            self._refs, self._refs_text = refs, msgspec.json.encode(refs).decode()
        return self._refs_text

    def _event_id(self, prefix: str, at: datetime, customer_id: str | None) -> str:
        """A time-ordered id, greater than those that the customer's events and send-outs have had."""
        if customer_id is None:
            return self.ordered_id(prefix, at)
        last = self._event_keys.get(customer_id)
        if last is None:
            known = self._holder(customer_id)
            last = known.last_event_key if known else None
        key = self._event_keys[customer_id] = self.ids.hex18(at, last or "", self.project_id)
        return prefix + key

    def _holder(self, customer_id: str) -> Customer | None:
        return self.written.customers.get(customer_id) or self.book.customers.get(customer_id)

    def _card_of(self, refs: Refs, customer_id: str | None) -> str | None:
        """The card that an event speaks of, or else the one that its customer has in its campaign."""
        if refs.card is not None:
            card = self._subjects[refs.card]
            return card.id if isinstance(card, Card) else None
        if refs.campaign is None or customer_id is None:
            return None
        layers = (layer.cards_of.get(customer_id, {}) for layer in (self.written, self.book))
        return next((cards[refs.campaign[0]] for cards in layers if refs.campaign[0] in cards), None)

    def _with_category(self, refs: Refs) -> Refs:
        """The same, with the category of the card it speaks of, or else of the campaign, as it is now."""
        card = self._subjects[refs.card] if refs.card is not None else None
        campaign = self.configuration.campaign(refs.campaign[0]) if refs.campaign else None
        key = (card.category_id if isinstance(card, Card) else None) or (campaign.category_id if campaign else None)
        category = self.configuration.category(key)
        return msgspec.structs.replace(refs, category=(category.id, category.version)) if category else refs

    def _next_sequence(self, customer_id: str | None) -> int:
        if customer_id is None:
            return 0
        if customer_id not in self._sequences:
            known = self._holder(customer_id)
            self._sequences[customer_id] = known.last_sequence if known else 0
        self._sequences[customer_id] += 1
        return self._sequences[customer_id]

    def close(self) -> None:
        """Finishes the page: the occurrence gets its subjects, and customers the number of their last event."""
        for customer_id, sequence in self._sequences.items():
            known = self._holder(customer_id)
            if known is not None:
                key = self._event_keys[customer_id]
                self.put(msgspec.structs.replace(known, last_sequence=sequence, last_event_key=key))
        if self._subjects or any(isinstance(fact, Event) for fact in self.written.facts):
            self.add(
                Occurrence(
                    id=self.occurrence_id,
                    project_id=self.project_id,
                    channel=self.actor.channel,
                    key_name=self.actor.key_name,
                    app_id=self.actor.app_id,
                    subjects=encode_subjects(self._subjects),
                    created_at=self.now,
                )
            )

    def merge(self) -> None:
        """Takes an accepted page into the book."""
        book, written = self.book, self.written
        for key, record in written.writes.items():
            book.writes[key] = record
            book.keep(record)
        for fact in written.facts:
            if isinstance(fact, _LOOKED_UP):
                book.keep(fact)
        book.facts += written.facts
        for name, by in written.counts.items():
            book.counts[name] = book.counts.get(name, 0) + by
        for project_id, changes in written.config_changes.items():
            book.config_changes[project_id] = book.config_changes.get(project_id, 0) + changes
        book.configurations[self.project_id] = self.configuration
