"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes every table, with its constraints and indexes."""
    _projects()
    _api_keys()
    _processes()
    _leases()
    _documents()
    _config_history()
    _counters()
    _batches()
    _customers()
    _cards()
    _lots()
    _lot_movements()
    _tier_memberships()
    _orders()
    _pending_entries()
    _entry_changes()
    _products()
    _skus()
    _publications()
    _transactions()
    _awards()
    _occurrences()
    _events()
    _send_outs()
    _attempts()
    _webhook_health()
    _async_actions()
    _exports()
    _receipts()
    if op.get_bind().dialect.name == "postgresql":
        _store_long_texts_plainly()


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("test_now", sa.BigInteger()),
        sa.Column("webhook_secret", sa.Text(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("keys_of_project", "api_keys", ["project_id"])


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unique_name", sa.Text()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "kind", "unique_name", name="one_campaign_of_a_name"),
    )


def _config_history() -> None:
    op.create_table(
        "config_history",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("birthdate", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("orders_count", sa.BigInteger(), nullable=False),
        sa.Column("orders_amount", sa.BigInteger(), nullable=False),
        sa.Column("last_order_amount", sa.BigInteger(), nullable=False),
        sa.Column("last_order_at", sa.BigInteger()),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "source_id", name="one_customer_of_a_source_id"),
    )
    op.create_index("customers_by_age", "customers", ["project_id", "created_at", "id"])


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text()),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_points", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_quantity", sa.BigInteger(), nullable=False),
        sa.Column("subtracted_points", sa.BigInteger(), nullable=False),
        sa.Column("expired_points", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("pending_points", sa.BigInteger(), nullable=False),
        sa.Column("initial_points", sa.BigInteger(), nullable=False),
        sa.Column("redemption_limit", sa.BigInteger()),
        sa.Column("start_date", sa.BigInteger()),
        sa.Column("expiration_date", sa.BigInteger()),
        sa.Column("category_id", sa.Text()),
        sa.Column("additional_info", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("asset_key", sa.Text(), nullable=False),
        sa.Column("published_count", sa.BigInteger(), nullable=False),
        sa.Column("last_transaction_id", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance = points - redeemed_points - subtracted_points - expired_points", name="balance_adds_up"),
        sa.CheckConstraint("balance >= 0 AND pending_points >= 0", name="balance_is_not_negative"),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, columns in (
        ("one_card_of_a_code", ["project_id", "code"]),
        ("one_card_per_customer_and_campaign", ["customer_id", "campaign_id"]),
    ):
        op.create_index(
            name,
            "cards",
            columns,
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
    op.create_index("cards_by_age", "cards", ["campaign_id", "created_at", "id"])
    op.create_index("cards_of_project", "cards", ["project_id", "created_at", "id"])
    op.create_index(
        "cards_free",
        "cards",
        ["campaign_id"],
        sqlite_where=sa.text("customer_id IS NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("customer_id IS NULL AND deleted_at IS NULL"),
    )


def _lots() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name="lot_is_not_negative"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("card_id", "expires_on", name="one_lot_per_card_and_date"),
    )
    op.create_index(
        "lots_due",
        "lots",
        ["project_id", "expires_on"],
        sqlite_where=sa.text("status = 'ACTIVE' AND expires_on < '9999-12-31'"),
        postgresql_where=sa.text("status = 'ACTIVE' AND expires_on < '9999-12-31'"),
    )


def _lot_movements() -> None:
    op.create_table(
        "lot_movements",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cause_id", "lot_id"),
    )


def _tier_memberships() -> None:
    op.create_table(
        "tier_memberships",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("tier_id", sa.Text()),
        sa.Column("start_on", sa.Text(), nullable=False),
        sa.Column("expiration_on", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("memberships_of_customer", "tier_memberships", ["customer_id"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text()),
        sa.Column("referrer_id", sa.Text()),
        sa.Column("source_id", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("initial_amount", sa.BigInteger()),
        sa.Column("discount_amount", sa.BigInteger()),
        sa.Column("items_discount_amount", sa.BigInteger()),
        sa.Column("total_discount_amount", sa.BigInteger()),
        sa.Column("total_amount", sa.BigInteger()),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("redemptions", sa.Text()),
        sa.Column("paid_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "source_id", name="one_order_of_a_source_id"),
    )
    op.create_index("orders_by_age", "orders", ["project_id", "created_at", "id"])


def _pending_entries() -> None:
    op.create_table(
        "pending_entries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("campaign_version", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("activates_on", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name="entry_is_positive"),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, columns in (("entries_of_customer", ["customer_id"]), ("entries_due", ["project_id", "activates_on"])):
        waiting = sa.text("status = 'PENDING'")
        op.create_index(name, "pending_entries", columns, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("entries_of_card", "pending_entries", ["card_id", "id"])
    op.create_index("entries_of_campaign", "pending_entries", ["campaign_id", "id"])


def _entry_changes() -> None:
    op.create_table(
        "entry_changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("changes_of_entry", "entry_changes", ["entry_id"])


def _products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    there = sa.text("deleted_at IS NULL")
    op.create_index(
        "one_product_of_a_source_id",
        "products",
        ["project_id", "source_id"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_index("products_by_age", "products", ["project_id", "created_at", "id"])


def _skus() -> None:
    op.create_table(
        "skus",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.Column("sku", sa.Text()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    there = sa.text("deleted_at IS NULL")
    op.create_index(
        "one_sku_of_a_source_id", "skus", ["project_id", "source_id"], unique=True, sqlite_where=there, postgresql_where=there
    )
    op.create_index("skus_of_product", "skus", ["product_id", "created_at", "id"])


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text()),
        sa.Column("tracking_id", sa.Text()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "source_id", name="one_publication_of_a_source_id"),
    )
    op.create_index("publications_of_card", "publications", ["card_id"])
    op.create_index("publications_of_customer", "publications", ["customer_id"])
    op.create_index("publications_by_age", "publications", ["project_id", "created_at", "id"])


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("operation_type", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("source_id", sa.Text()),
        sa.Column("related_transaction_id", sa.Text()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("transactions_of_campaign", "transactions", ["campaign_id", "id"])
    op.create_index("transactions_of_card", "transactions", ["card_id", "id"])


def _awards() -> None:
    op.create_table(
        "awards",
        sa.Column("cause_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("card_id", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("given_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "cause_id", "rule_id"),
    )


def _occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text()),
        sa.Column("app_id", sa.Text()),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text()),
        sa.Column("card_id", sa.Text()),
        sa.Column("occurrence_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("events_of_customer", "events", ["customer_id", "id"])


def _send_outs() -> None:
    op.create_table(
        "send_outs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger()),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("last_status", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "send_outs_due",
        "send_outs",
        ["webhook_id", "next_attempt_at", "id"],
        sqlite_where=sa.text("state = 'WAITING'"),
        postgresql_where=sa.text("state = 'WAITING'"),
    )
    op.create_index(
        "send_outs_holding_back",
        "send_outs",
        ["webhook_id", "stream", "id"],
        sqlite_where=sa.text("state = 'WAITING' AND attempts = 1"),
        postgresql_where=sa.text("state = 'WAITING' AND attempts = 1"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("send_out_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("send_out_id", "number"),
    )


def _webhook_health() -> None:
    op.create_table(
        "webhook_health",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("last_success_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id"),
    )


def _async_actions() -> None:
    op.create_table(
        "async_actions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done_count", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("done_count >= 0 AND done_count <= total", name="done_is_part_of_total"),
    )
    op.create_index("actions_by_age", "async_actions", ["project_id", "created_at", "id"])
    op.create_index(
        "actions_unfinished",
        "async_actions",
        ["id"],
        sqlite_where=sa.text("status IN ('ENQUEUED', 'IN_PROGRESS')"),
        postgresql_where=sa.text("status IN ('ENQUEUED', 'IN_PROGRESS')"),
    )


def _exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("exported_object", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text()),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("exports_by_age", "exports", ["project_id", "created_at", "id"])
    op.create_index(
        "exports_unfinished",
        "exports",
        ["id"],
        sqlite_where=sa.text("status IN ('SCHEDULED', 'IN_PROGRESS') OR deleted_at IS NOT NULL"),
        postgresql_where=sa.text("status IN ('SCHEDULED', 'IN_PROGRESS') OR deleted_at IS NOT NULL"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("receipts_by_age", "receipts", ["created_at"])


def _store_long_texts_plainly() -> None:
    """Leaves texts of some kilobytes in their rows and uncompressed: compressing them costs more than it saves."""
    for table, column in (("occurrences", "subjects"), ("orders", "items")):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
        op.execute(f"ALTER TABLE {table} SET (toast_tuple_target = 8160)")
