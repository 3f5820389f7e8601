"""Customers: created or changed wherever a request names one, updated, deleted."""

from datetime import date
from typing import Annotated, Any

import msgspec

from tallybook.domain.canonical import merge
from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import utc_text
from tallybook.domain.occurrence import CustomerSummary, Refs
from tallybook.domain.records import Customer
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotFound
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.pending_points import cancel_entry

LONGEST_KEY = 255
SourceId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_KEY)]
"""The caller's own name for a thing."""


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a customer lives, as far as the request says."""

    city: str | None = None
    state: str | None = None
    line_1: str | None = None
    line_2: str | None = None
    country: str | None = None
    postal_code: str | None = None


class CustomerFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a customer. What it does not say stays as it is, and null says nothing: the official
    clients send null for every field they were not given. An empty text empties a field.
    """

    id: str | None = None
    source_id: SourceId | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    birthdate: date | None = None
    birthday: date | None = None
    address: Address | None = None
    metadata: dict[str, Any] | None = None

    def key(self) -> str | None:
        """The id, which wins, or the source id."""
        return self.id or self.source_id


CustomerRef = str | CustomerFields
"""How a request names a customer: an id or source id, or an object with either of them and more."""


class CustomerView(msgspec.Struct, frozen=True):
    """A customer with the points of all cards: the answer of the customer commands."""

    customer: Customer
    summary: CustomerSummary


def key_of(ref: CustomerRef | None) -> tuple[str, ...]:
    """The keys to read for a customer that a request names."""
    keys = (ref.id, ref.source_id) if isinstance(ref, CustomerFields) else (ref,)
    return tuple(key for key in keys if key)


def changed(customer: Customer, fields: CustomerFields) -> Customer:
    """The customer with what the fields say; the same object when they say nothing new (decision 43)."""
    simple = ("source_id", "name", "email", "phone", "description")
    said: dict[str, Any] = {name: value for name in simple if (value := getattr(fields, name)) is not None}
    if born := fields.birthdate or fields.birthday:
        said["birthdate"] = born
    if fields.address is not None:
        said["address"] = merge(customer.address or "{}", msgspec.to_builtins(fields.address))
    if fields.metadata is not None:
        said["metadata"] = merge(customer.metadata, fields.metadata)
    if all(getattr(customer, name) == value for name, value in said.items()):
        return customer
    return msgspec.structs.replace(customer, **said)


def ensure_customer(page: Page, ref: CustomerRef) -> Customer:
    """The customer a request names: found and changed as it says, or created when only a source id is known.

    Refuses: NotFound for an unknown id (`cust_…`); InvalidPayload for a key that is empty or too long.
    """
    fields = ref if isinstance(ref, CustomerFields) else None
    key = fields.key() if fields else str(ref)
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise InvalidPayload(f"Property .customer must be a key of 1 to {LONGEST_KEY} characters")
    known = page.customer(key)
    if known is not None:
        return update_customer(page, known, fields) if fields else known
    if key is not None and (key.startswith("cust_") or (fields is not None and fields.id is not None)):
        raise NotFound("customer", key)
    return create_customer(page, fields or CustomerFields(source_id=key))


def _checked(page: Page, customer: Customer, fields: CustomerFields) -> Customer:
    if fields.metadata is not None:
        check_metadata(page.configuration, "customer", customer.metadata)
    return customer


def create_customer(page: Page, fields: CustomerFields) -> Customer:
    """A new customer; says customer.created."""
    blank = Customer(id=page.random_id("cust_"), project_id=page.project_id, created_at=page.now)
    customer = page.put(_checked(page, changed(blank, fields), fields))
    _tell(page, "customer.created", customer)
    return customer


def update_customer(page: Page, known: Customer, fields: CustomerFields) -> Customer:
    """A changed customer; says customer.updated, or nothing at all when nothing changed (decision 43).

    Refuses: DuplicateFound when the new source id is another customer's.
    """
    if fields.id is None and known.id == fields.source_id:
        fields = msgspec.structs.replace(fields, source_id=None)
    customer = changed(known, fields)
    if customer is known:
        return known
    if customer.source_id != known.source_id and page.customer(customer.source_id) is not None:
        raise DuplicateFound("customer", str(customer.source_id), "source_id")
    _checked(page, customer, fields)
    customer = page.put(msgspec.structs.replace(customer, updated_at=page.tick()))
    _tell(page, "customer.updated", customer)
    return customer


def _tell(page: Page, name: str, customer: Customer) -> None:
    refs = Refs(customer=page.subject(customer), summary=page.subject(page.summary(customer)))
    page.emit(name, customer.id, refs, customer.id)


class CreateCustomer(Command, frozen=True, kw_only=True):
    """Create a customer, or update the one with this source id."""

    fields: CustomerFields

    def needs(self, configuration: Configuration) -> Needs:
        """The customer with this source id."""
        return Needs(customers=key_of(self.fields))

    def decide(self, page: Page) -> CustomerView:
        """Refuses: NotFound for an unknown id."""
        customer = ensure_customer(page, self.fields)
        return CustomerView(customer, page.summary(customer))


class UpdateCustomer(Command, frozen=True, kw_only=True):
    """Change a customer."""

    key: str
    fields: CustomerFields

    def needs(self, configuration: Configuration) -> Needs:
        """The customer, and whoever has the source id that is asked for."""
        return Needs(customers=(self.key, *key_of(self.fields)))

    def decide(self, page: Page) -> CustomerView:
        """Refuses: NotFound; DuplicateFound for a source id that is taken; InvalidPayload for a body with another id."""
        known = page.customer(self.key)
        if known is None:
            raise NotFound("customer", self.key)
        if self.fields.id not in (None, known.id):
            raise InvalidPayload("Property .id cannot be changed")
        customer = update_customer(page, known, self.fields)
        return CustomerView(customer, page.summary(customer))


class DeleteCustomer(Command, frozen=True, kw_only=True):
    """Delete a customer (decision 45): unknown from then on; the cards are disabled and keep balance and ledger."""

    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """The customer with all cards."""
        return Needs(customers=(self.key,))

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        known = page.customer(self.key)
        if known is None:
            raise NotFound("customer", self.key)
        at = page.tick()
        for entry in page.waiting_entries(known.id):
            cancel_entry(page, entry, at)
        for card in page.cards_of(known.id):
            page.put(msgspec.structs.replace(card, active=False, updated_at=at))
        stamp = utc_text(at)
        source_id = f"{known.source_id}_deleted{stamp}" if known.source_id is not None else None
        customer = page.put(msgspec.structs.replace(known, source_id=source_id, updated_at=at, deleted_at=at))
        _tell(page, "customer.deleted", customer)
