"""Exports: what can be written into a CSV file, in which columns and in which order (openapi/exports.json)."""

from collections.abc import Mapping

import msgspec

from tallybook.domain.config import Campaign, Category
from tallybook.domain.occurrence import CustomerSummary
from tallybook.domain.records import Card

SCHEDULED, IN_PROGRESS, DONE, ERROR = "SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"
METADATA = "metadata"
"""This field stands for a column per property; `metadata.color` for that one."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of object: its fields, those written when none are named, and how it can be ordered, the default first.

    `also` are fields that the documents name in one place only: they are taken too, and not offered.
    """

    fields: tuple[str, ...]
    defaults: tuple[str, ...]
    orders: tuple[str, ...]
    also: tuple[str, ...] = ()

    def takes(self, field: str) -> bool:
        """Whether there is such a field."""
        of_metadata = METADATA in self.fields and field.startswith("metadata.") and field != "metadata."
        return field in self.fields or field in self.also or of_metadata


class ExportTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an export has to write. `filters` are those of the request, as sent; the campaign and the card bound it besides."""

    fields: tuple[str, ...]
    order: str
    filters: dict[str, object] | None = None
    campaign_id: str | None = None
    card_id: str | None = None


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What rows say of others than themselves, by id: their customers, cards, campaigns and categories."""

    source_ids: Mapping[str, str | None] = {}
    cards: Mapping[str, Card] = {}
    campaigns: Mapping[str, Campaign] = {}
    categories: Mapping[str, Category] = {}
    summaries: Mapping[str, CustomerSummary] = {}
    public_url: str = ""


def _both(*names: str) -> tuple[str, ...]:
    """Each of these, downwards and upwards."""
    return tuple(sign + name for name in names for sign in ("-", ""))


EXPORTED: dict[str, Exported] = {
    "voucher": Exported(
        fields=(
            "code", "voucher_type", "value", "formula", "discount_type", "campaign", "category", "start_date",
            "expiration_date", "gift_balance", "loyalty_balance", "redemption_quantity", "redemption_count", "active",
            "qr_code", "bar_code", "metadata", "id", "is_referral_code", "created_at", "updated_at",
            "validity_timeframe_interval", "validity_timeframe_duration", "validity_day_of_week", "discount_amount_limit",
            "campaign_id", "additional_info", "customer_id", "discount_effect", "discount_unit_type", "discount_unit_effect",
            "validation_rules_id", "customer_source_id",
        ),
        defaults=("code", "voucher_type", "value", "discount_type"),
        orders=_both("created_at", "updated_at", "code"),
    ),
    "customer": Exported(
        fields=(
            "name", "id", "description", "email", "source_id", "created_at", "address_city", "address_state",
            "address_line_1", "address_line_2", "address_country", "address_postal_code", "redemptions_total_redeemed",
            "redemptions_total_failed", "redemptions_total_succeeded", "redemptions_total_rolled_back",
            "redemptions_total_rollback_failed", "redemptions_total_rollback_succeeded", "orders_total_amount",
            "orders_total_count", "orders_average_amount", "orders_last_order_amount", "orders_last_order_date",
            "loyalty_points", "loyalty_referred_customers", "updated_at", "phone", "birthday", "metadata", "birthdate",
        ),
        defaults=("name", "source_id"),
        orders=_both("created_at", "name", "id", "email", "source_id", "updated_at"),
    ),
    "publication": Exported(
        fields=(
            "voucher_code", "customer_id", "customer_source_id", "date", "channel", "campaign", "is_winner", "metadata",
        ),
        defaults=("code", "customer_id", "date", "channel"),
        orders=_both("created_at", "id", "voucher_code", "tracking_id", "customer_id", "channel"),
        also=("code",),
    ),
    "order": Exported(
        fields=(
            "id", "source_id", "created_at", "updated_at", "status", "amount", "discount_amount", "items_discount_amount",
            "total_discount_amount", "total_amount", "customer_id", "referrer_id", "metadata",
        ),
        defaults=("id", "source_id", "status"),
        orders=_both("created_at", "updated_at", "status"),
    ),
    "points_expiration": Exported(
        fields=("id", "campaign_id", "voucher_id", "points", "status", "expires_at"),
        defaults=("id", "campaign_id", "voucher_id", "status", "expires_at", "points"),
        orders=_both("expires_at"),
    ),
    "voucher_transactions": Exported(
        fields=(
            "id", "campaign_id", "voucher_id", "type", "source_id", "reason", "source", "balance", "amount",
            "related_transaction_id", "created_at", "details",
        ),
        defaults=("id", "type", "source_id", "status", "reason", "source", "balance", "amount", "created_at"),
        orders=_both("created_at"),
        also=("status",),
    ),
}  # fmt: skip
