"""The tables: one per record type, columns named as its fields. Portable between SQLite and PostgreSQL.

Instants are whole milliseconds since 1970 UTC, local dates are ISO text, JSON is text. No triggers, no cascades, no
sequences; every hot table carries `project_id` and `customer_id` (DESIGN 4).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

NEVER_TEXT = "9999-12-31"


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null)


def _int(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _owner() -> tuple[Column[str], Column[str]]:
    return _text("project_id"), _text("customer_id")


def _partial(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition))


projects = Table(
    "projects",
    metadata,
    _text("id", key=True),
    _text("owner_id", null=True),
    _text("name"),
    _text("description", null=True),
    _text("time_zone"),
    _text("currency", null=True),
    _flag("sandbox"),
    _int("test_now", null=True),
    _text("webhook_secret"),
    Column("config_version", Integer, nullable=False),
    _int("created_at"),
    _int("deleted_at", null=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("kind"),
    _text("name"),
    _text("token_hash"),
    _int("created_at"),
    _int("expires_at", null=True),
    _int("revoked_at", null=True),
    _int("version"),
    Index("keys_of_project", "project_id"),
)

processes = Table("processes", metadata, Column("node", Integer, primary_key=True), _int("started_at"))

leases = Table("leases", metadata, _text("name", key=True), _text("owner"), _int("until"), _int("fence"))

documents = Table(
    "documents",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("kind"),
    _text("unique_name", null=True),
    _int("version"),
    _text("doc"),
    UniqueConstraint("project_id", "kind", "unique_name", name="one_campaign_of_a_name"),
)

config_history = Table(
    "config_history",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("kind"),
    _text("entity_id"),
    _int("version"),
    _text("doc", null=True),
    _int("created_at"),
)

counters = Table("counters", metadata, _text("name", key=True), _int("n"))

batches = Table("batches", metadata, _text("id", key=True), _int("created_at"))

customers = Table(
    "customers",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("source_id", null=True),
    _text("name", null=True),
    _text("email", null=True),
    _text("phone", null=True),
    _text("description", null=True),
    _text("birthdate", null=True),
    _text("address", null=True),
    _text("metadata"),
    _int("orders_count"),
    _int("orders_amount"),
    _int("last_order_amount"),
    _int("last_order_at", null=True),
    _int("last_sequence"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("deleted_at", null=True),
    _int("version"),
    _text("last_event_key", null=True),
    _partial("one_customer_of_a_source_id", "deleted_at IS NULL", "project_id", "source_id", unique=True),
    Index("customers_by_age", "project_id", "created_at", "id"),
)

cards = Table(
    "cards",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("campaign_id"),
    _text("customer_id", null=True),
    _text("code"),
    _flag("active"),
    _int("points"),
    _int("redeemed_points"),
    _int("redeemed_quantity"),
    _int("subtracted_points"),
    _int("expired_points"),
    _int("balance"),
    _int("pending_points"),
    _int("initial_points"),
    _int("redemption_limit", null=True),
    _int("start_date", null=True),
    _int("expiration_date", null=True),
    _text("category_id", null=True),
    _text("additional_info", null=True),
    _text("metadata"),
    _text("asset_key"),
    _int("published_count"),
    _text("last_transaction_id", null=True),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("deleted_at", null=True),
    _int("version"),
    CheckConstraint("balance = points - redeemed_points - subtracted_points - expired_points", name="balance_adds_up"),
    CheckConstraint("balance >= 0 AND pending_points >= 0", name="balance_is_not_negative"),
    _partial("one_card_of_a_code", "deleted_at IS NULL", "project_id", "code", unique=True),
    _partial("one_card_per_customer_and_campaign", "deleted_at IS NULL", "customer_id", "campaign_id", unique=True),
    Index("cards_by_age", "campaign_id", "created_at", "id"),
    Index("cards_of_project", "project_id", "created_at", "id"),
    _partial("cards_free", "customer_id IS NULL AND deleted_at IS NULL", "campaign_id"),
)

lots = Table(
    "lots",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("card_id"),
    _text("campaign_id"),
    _text("expires_on"),
    _int("points"),
    _text("status"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("version"),
    UniqueConstraint("card_id", "expires_on", name="one_lot_per_card_and_date"),
    CheckConstraint("points >= 0", name="lot_is_not_negative"),
    _partial("lots_due", f"status = 'ACTIVE' AND expires_on < '{NEVER_TEXT}'", "project_id", "expires_on"),
)

lot_movements = Table(
    "lot_movements",
    metadata,
    *_owner(),
    _text("card_id"),
    _text("cause_id"),
    _text("lot_id"),
    _int("points"),
    PrimaryKeyConstraint("cause_id", "lot_id"),
)

tier_memberships = Table(
    "tier_memberships",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("campaign_id"),
    _text("tier_id", null=True),
    _text("start_on"),
    _text("expiration_on", null=True),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("version"),
    Index("memberships_of_customer", "customer_id"),
)

orders = Table(
    "orders",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("customer_id", null=True),
    _text("referrer_id", null=True),
    _text("source_id", null=True),
    _text("status"),
    _int("amount", null=True),
    _int("initial_amount", null=True),
    _int("discount_amount", null=True),
    _int("items_discount_amount", null=True),
    _int("total_discount_amount", null=True),
    _int("total_amount", null=True),
    _text("items"),
    _text("metadata"),
    _text("redemptions", null=True),
    _int("paid_at", null=True),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("version"),
    UniqueConstraint("project_id", "source_id", name="one_order_of_a_source_id"),
    Index("orders_by_age", "project_id", "created_at", "id"),
)

pending_entries = Table(
    "pending_entries",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("card_id"),
    _text("campaign_id"),
    _text("order_id"),
    _text("rule_id"),
    _int("rule_version"),
    _int("campaign_version"),
    _int("points"),
    _text("activates_on"),
    _text("status"),
    _text("details"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("version"),
    _text("mapping_tier_id", null=True),
    _int("mapping_tier_version", null=True),
    CheckConstraint("points > 0", name="entry_is_positive"),
    _partial("entries_of_customer", "status = 'PENDING'", "customer_id"),
    _partial("entries_due", "status = 'PENDING'", "project_id", "activates_on"),
    Index("entries_of_card", "card_id", "id"),
    Index("entries_of_campaign", "campaign_id", "id"),
)

entry_changes = Table(
    "entry_changes",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("card_id"),
    _text("entry_id"),
    _text("change"),
    _int("points"),
    _int("created_at"),
    Index("changes_of_entry", "entry_id"),
)

products = Table(
    "products",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("source_id", null=True),
    _text("name", null=True),
    _int("price", null=True),
    _text("attributes"),
    _text("image_url", null=True),
    _text("metadata"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("deleted_at", null=True),
    _int("version"),
    _partial("one_product_of_a_source_id", "deleted_at IS NULL", "project_id", "source_id", unique=True),
    Index("products_by_age", "project_id", "created_at", "id"),
)

skus = Table(
    "skus",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("product_id"),
    _text("source_id", null=True),
    _text("sku", null=True),
    _int("price", null=True),
    _text("currency", null=True),
    _text("attributes"),
    _text("image_url", null=True),
    _text("metadata"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("deleted_at", null=True),
    _int("version"),
    _partial("one_sku_of_a_source_id", "deleted_at IS NULL", "project_id", "source_id", unique=True),
    Index("skus_of_product", "product_id", "created_at", "id"),
)

publications = Table(
    "publications",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("campaign_id"),
    _text("card_id"),
    _text("channel"),
    _text("source_id", null=True),
    _text("tracking_id", null=True),
    _text("metadata"),
    _int("created_at"),
    UniqueConstraint("project_id", "source_id", name="one_publication_of_a_source_id"),
    Index("publications_of_card", "card_id"),
    Index("publications_of_customer", "customer_id"),
    Index("publications_by_age", "project_id", "created_at", "id"),
)

transactions = Table(
    "transactions",
    metadata,
    _text("id", key=True),
    *_owner(),
    _text("card_id"),
    _text("campaign_id"),
    _text("type"),
    _int("points"),
    _int("balance"),
    _int("total"),
    _text("operation_type", null=True),
    _text("source", null=True),
    _text("reason", null=True),
    _text("source_id", null=True),
    _text("related_transaction_id", null=True),
    _text("cause"),
    _int("created_at"),
    Index("transactions_of_card", "card_id", "id"),
    Index("transactions_of_campaign", "campaign_id", "id"),
)

awards = Table(
    "awards",
    metadata,
    _text("cause_id"),
    _text("rule_id"),
    *_owner(),
    _text("card_id"),
    _int("points"),
    _text("given_id"),
    _int("rule_version"),
    PrimaryKeyConstraint("project_id", "cause_id", "rule_id"),
)

occurrences = Table(
    "occurrences",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("channel"),
    _text("key_name", null=True),
    _text("app_id", null=True),
    _text("subjects"),
    _int("created_at"),
)

events = Table(
    "events",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("customer_id", null=True),
    _text("card_id", null=True),
    _text("occurrence_id"),
    _int("sequence"),
    _text("name"),
    _text("entity_id"),
    _text("refs"),
    _int("created_at"),
    Index("events_of_customer", "customer_id", "id"),
)

send_outs = Table(
    "send_outs",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("webhook_id"),
    _text("event_id"),
    _text("stream"),
    _text("state"),
    _int("attempts"),
    _int("first_attempt_at", null=True),
    _int("next_attempt_at"),
    _int("last_status", null=True),
    _text("last_error", null=True),
    _int("created_at"),
    _partial("send_outs_due", "state = 'WAITING'", "webhook_id", "next_attempt_at", "id"),
    _partial("send_outs_holding_back", "state = 'WAITING' AND attempts > 0", "webhook_id", "stream", "id"),
    _partial("send_outs_finished", "state <> 'WAITING'", "next_attempt_at"),
)

attempts = Table(
    "attempts",
    metadata,
    _text("send_out_id"),
    _int("number"),
    _text("project_id"),
    _int("at"),
    _int("status", null=True),
    _text("error", null=True),
    PrimaryKeyConstraint("send_out_id", "number"),
)

webhook_health = Table("webhook_health", metadata, _text("webhook_id", key=True), _int("last_success_at"))

async_actions = Table(
    "async_actions",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("type"),
    _text("status"),
    _text("entity_id"),
    _text("request_id"),
    _int("total"),
    _int("done_count"),
    _text("reason", null=True),
    _text("parameters"),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("version"),
    CheckConstraint("done_count >= 0 AND done_count <= total", name="done_is_part_of_total"),
    Index("actions_by_age", "project_id", "created_at", "id"),
    _partial("actions_unfinished", "status IN ('ENQUEUED', 'IN_PROGRESS')", "id"),
)

exports = Table(
    "exports",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("exported_object"),
    _text("parameters"),
    _text("task"),
    _text("status"),
    _text("channel"),
    _text("token"),
    _text("columns", null=True),
    _int("row_count"),
    _int("size"),
    _text("cursor", null=True),
    _int("created_at"),
    _int("updated_at", null=True),
    _int("deleted_at", null=True),
    _int("version"),
    Index("exports_by_age", "project_id", "created_at", "id"),
    _partial("exports_unfinished", "status IN ('SCHEDULED', 'IN_PROGRESS') OR deleted_at IS NOT NULL", "id"),
)

receipts = Table(
    "receipts",
    metadata,
    _text("id", key=True),
    _text("project_id"),
    _text("body_hash"),
    _int("status"),
    Column("body", LargeBinary, nullable=False),
    _int("created_at"),
    Index("receipts_by_age", "created_at"),
)
