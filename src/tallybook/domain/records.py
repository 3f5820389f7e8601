"""The records of the book: what is true of customers, cards, orders and points. Immutable; a change is a new record.

Units: points are whole numbers, money is minor units (cents). `_at` is an aware UTC instant of whole milliseconds, `_on` a
local date in the project's time zone. A field of type `Json` is canonical JSON text (`domain/canonical.py`).
`version` belongs to the store: it counts the writes of a row and is checked when the row is changed.
"""

from datetime import date, datetime
from typing import Any

import msgspec

Json = str
Instant = datetime
NEVER = date.max
"""The `expires_on` of a lot that does not expire; such a lot is consumed last."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the book, or a fact about it.

    As JSON it says nothing of fields that have their default, so the default of a field never changes: it was stored.
    """


class Project(Record, frozen=True, kw_only=True):
    """One tenant. `test_now` is the test clock of a sandbox, null while it runs on real time.

    `owner_id` is the project whose management key made this one, null for the first of all: the keys of the owner, and of the
    owner's owner, manage it too. `deleted_at` hides it with all that is in it.
    """

    id: str
    owner_id: str | None = None
    name: str
    description: str | None = None
    time_zone: str
    currency: str | None = None
    sandbox: bool = False
    test_now: Instant | None = None
    webhook_secret: str
    config_version: int = 0
    created_at: Instant
    deleted_at: Instant | None = None


class ApiKey(Record, frozen=True, kw_only=True):
    """A key of a project: `id` is sent beside the token, of which only the hash is kept. `kind` is app or management.

    It opens until it is revoked, or until `expires_at`; both are real time, whatever the project's clock says.
    """

    id: str
    project_id: str
    kind: str
    name: str
    token_hash: str
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    version: int = 0

    def opens(self, now: Instant) -> bool:
        """Whether it is good at this (real) instant."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


# --- people, cards, orders ----------------------------------------------------------------------------------------------


class Customer(Record, frozen=True, kw_only=True):
    """A person known to the shop. `orders_*` sums orders that were ever PAID; `deleted_at` hides the customer.

    `last_sequence` counts the events of the customer: each carries its number. `last_event_key` is the last time-ordered body
    that an id of its events or their send-outs was given: later ones are greater, whichever worker makes them.
    """

    id: str
    project_id: str
    source_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    birthdate: date | None = None
    address: Json | None = None
    metadata: Json = "{}"
    orders_count: int = 0
    orders_amount: int = 0
    last_order_amount: int = 0
    last_order_at: Instant | None = None
    last_sequence: int = 0
    last_event_key: str | None = None
    created_at: Instant
    updated_at: Instant | None = None
    deleted_at: Instant | None = None
    version: int = 0


class Card(Record, frozen=True, kw_only=True):
    """A voucher of type LOYALTY_CARD. `customer_id` is null until it is published.

    `balance = points - redeemed_points - subtracted_points - expired_points`, never negative (decision 2). `category_id` is
    null for the campaign's. `asset_key` is drawn for the card and never shown: who does not know it cannot make the addresses
    of the card's images. `deleted_at` hides the card; what it did stays in the ledger, and its code may be used again.
    """

    id: str
    project_id: str
    campaign_id: str
    customer_id: str | None = None
    code: str
    active: bool = True
    points: int = 0
    redeemed_points: int = 0
    redeemed_quantity: int = 0
    subtracted_points: int = 0
    expired_points: int = 0
    balance: int = 0
    pending_points: int = 0
    initial_points: int = 0
    redemption_limit: int | None = None
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    category_id: str | None = None
    additional_info: str | None = None
    metadata: Json = "{}"
    asset_key: str = ""
    published_count: int = 0
    last_transaction_id: str | None = None
    created_at: Instant
    updated_at: Instant | None = None
    deleted_at: Instant | None = None
    version: int = 0


class Lot(Record, frozen=True, kw_only=True):
    """Points of one card that expire together at the end of `expires_on` (NEVER: they do not). One per card and date."""

    id: str
    project_id: str
    customer_id: str
    card_id: str
    campaign_id: str
    expires_on: date
    points: int
    status: str = "ACTIVE"
    created_at: Instant
    updated_at: Instant | None = None
    version: int = 0


class TierMembership(Record, frozen=True, kw_only=True):
    """The tier a customer holds in a campaign. Leaving the structure keeps the row, with `tier_id` null."""

    id: str
    project_id: str
    customer_id: str
    campaign_id: str
    tier_id: str | None
    start_on: date
    expiration_on: date | None = None
    created_at: Instant
    updated_at: Instant | None = None
    version: int = 0


class PendingEntry(Record, frozen=True, kw_only=True):
    """Points that a rule gave and that wait until `activates_on` (`lopp_`). `status` is PENDING, ACTIVATED or CANCELED.

    `details` is what payloads quote, as it was when the entry was made: the causing event, rule, order, tier (seed 001).
    `mapping_tier_*` is the tier whose mapping changed the points, as it was; null when none did.
    """

    id: str
    project_id: str
    customer_id: str
    card_id: str
    campaign_id: str
    order_id: str
    rule_id: str
    rule_version: int
    campaign_version: int
    points: int
    activates_on: date
    status: str = "PENDING"
    details: Json
    mapping_tier_id: str | None = None
    mapping_tier_version: int | None = None
    created_at: Instant
    updated_at: Instant | None = None
    version: int = 0


class Order(Record, frozen=True, kw_only=True):
    """An order. `items` and `metadata` are as stored; amounts are minor units, computed when the request did not give them."""

    id: str
    project_id: str
    customer_id: str | None = None
    referrer_id: str | None = None
    source_id: str | None = None
    status: str = "CREATED"
    amount: int | None = None
    initial_amount: int | None = None
    discount_amount: int | None = None
    items_discount_amount: int | None = None
    total_discount_amount: int | None = None
    total_amount: int | None = None
    items: Json = "[]"
    metadata: Json = "{}"
    redemptions: Json | None = None
    paid_at: Instant | None = None
    created_at: Instant
    updated_at: Instant | None = None
    version: int = 0


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of an order. `amount = price x quantity`, `subtotal_amount = amount - applied discounts`. Minor units."""

    id: str | None = None
    source_id: str | None = None
    related_object: str | None = None
    product_id: str | None = None
    sku_id: str | None = None
    quantity: int | None = None
    discount_quantity: int | None = None
    initial_quantity: int | None = None
    amount: int | None = None
    discount_amount: int | None = None
    initial_amount: int | None = None
    price: int | None = None
    subtotal_amount: int | None = None
    product: dict[str, Any] | None = None
    sku: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class Product(Record, frozen=True, kw_only=True):
    """A thing the shop sells. `price` is minor units. `deleted_at` hides it, and frees its source id."""

    id: str
    project_id: str
    source_id: str | None = None
    name: str | None = None
    price: int | None = None
    attributes: Json = "[]"
    image_url: str | None = None
    metadata: Json = "{}"
    created_at: Instant
    updated_at: Instant | None = None
    deleted_at: Instant | None = None
    version: int = 0


class Sku(Record, frozen=True, kw_only=True):
    """A variant of a product: `sku` is its name, `attributes` its values of the product's attributes."""

    id: str
    project_id: str
    product_id: str
    source_id: str | None = None
    sku: str | None = None
    price: int | None = None
    currency: str | None = None
    attributes: Json = "{}"
    image_url: str | None = None
    metadata: Json = "{}"
    created_at: Instant
    updated_at: Instant | None = None
    deleted_at: Instant | None = None
    version: int = 0


class Publication(Record, frozen=True, kw_only=True):
    """The act that gave a card to a customer."""

    id: str
    project_id: str
    customer_id: str
    campaign_id: str
    card_id: str
    channel: str = "API"
    source_id: str | None = None
    tracking_id: str | None = None
    metadata: Json = "{}"
    created_at: Instant


# --- append-only facts --------------------------------------------------------------------------------------------------


class Transaction(Record, frozen=True, kw_only=True):
    """A row of the ledger. `points` is signed; `balance` and `total` are those of the card after it.

    `cause` holds what `details` says beside the balance: order, event, earning_rule, and the like, as canonical JSON.
    """

    id: str
    project_id: str
    customer_id: str
    card_id: str
    campaign_id: str
    type: str
    points: int
    balance: int
    total: int
    operation_type: str | None = None
    source: str | None = None
    reason: str | None = None
    source_id: str | None = None
    related_transaction_id: str | None = None
    cause: Json = "{}"
    created_at: Instant


class LotMovement(Record, frozen=True, kw_only=True):
    """How many points (signed) a transaction, or the publication that brought initial points, moved in one lot."""

    project_id: str
    customer_id: str
    card_id: str
    cause_id: str
    lot_id: str
    points: int


class EntryChange(Record, frozen=True, kw_only=True):
    """A change of a pending entry, kept for ever: ADDED, ADJUSTED, ACTIVATED or CANCELED, and by how many points (signed)."""

    id: str
    project_id: str
    customer_id: str
    card_id: str
    entry_id: str
    change: str
    points: int
    created_at: Instant


class Award(Record, frozen=True, kw_only=True):
    """What one rule gave for one cause: an order, else the causing event. Unique for ever (decision 6)."""

    cause_id: str
    rule_id: str
    project_id: str
    customer_id: str
    card_id: str
    points: int
    given_id: str
    rule_version: int


class Occurrence(Record, frozen=True, kw_only=True):
    """All that one command made happen. `subjects` is a JSON array: what its events speak of, each once, as it was."""

    id: str
    project_id: str
    channel: str
    key_name: str | None = None
    app_id: str | None = None
    subjects: Json = "[]"
    created_at: Instant


class Event(Record, frozen=True, kw_only=True):
    """A fact with a name. Thin: `refs` (JSON) points at subjects of the occurrence and at versions in the config history.

    `sequence` counts the events of its customer, from 1; 0 where there is none. `card_id` is the card it speaks of, or the one
    that its customer has in the campaign it speaks of.
    """

    id: str
    project_id: str
    customer_id: str | None
    card_id: str | None = None
    occurrence_id: str
    sequence: int
    name: str
    entity_id: str
    refs: Json
    created_at: Instant


class SendOut(Record, frozen=True, kw_only=True):
    """One event on its way to one webhook. Those of one `stream` (a customer) start in the order of their ids."""

    id: str
    project_id: str
    webhook_id: str
    event_id: str
    stream: str
    state: str = "WAITING"
    attempts: int = 0
    first_attempt_at: Instant | None = None
    next_attempt_at: Instant
    last_status: int | None = None
    last_error: str | None = None
    created_at: Instant


class AsyncAction(Record, frozen=True, kw_only=True):
    """Work that goes on after its request was answered (`aa_`). `done_count` of `total` things are done.

    `status` is ENQUEUED, IN_PROGRESS, DONE or FAILED (then `reason` says why); `entity_id` is what it works on, and
    `parameters` is what the work needs to know of the request.
    """

    id: str
    project_id: str
    type: str
    status: str = "ENQUEUED"
    entity_id: str
    request_id: str
    total: int
    done_count: int = 0
    reason: str | None = None
    parameters: Json = "{}"
    created_at: Instant
    updated_at: Instant | None = None
    version: int = 0


class Export(Record, frozen=True, kw_only=True):
    """A CSV file that was asked for (`exp_`). `status` is SCHEDULED, IN_PROGRESS, DONE or ERROR.

    `parameters` is how it was asked for, `task` what has to be written (domain/exports.py). `columns`, fixed by the first
    slice, `row_count`, `size` (bytes) and `cursor` (the place of the last row written) say how far the file is. `token` opens
    it: a bearer secret. `deleted_at` hides the export until its file is gone, and the row goes with it.
    """

    id: str
    project_id: str
    exported_object: str
    parameters: Json
    task: Json
    status: str
    channel: str = "API"
    token: str
    columns: Json | None = None
    row_count: int = 0
    size: int = 0
    cursor: Json | None = None
    created_at: Instant
    updated_at: Instant | None = None
    deleted_at: Instant | None = None
    version: int = 0


class Receipt(Record, frozen=True, kw_only=True):
    """The kept answer to a request that carried an Idempotency-Key (decision 32)."""

    id: str
    project_id: str
    body_hash: str
    status: int
    body: bytes
    created_at: Instant
