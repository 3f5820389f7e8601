"""Configuration: campaigns, earning rules, tiers, webhooks. Small documents, kept in memory, each change a version.

Every document is stored whole, both as it is now and, for ever, as each version was (`config_history`).
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tallybook.domain.canonical import JsonNumber


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What every configuration document has. `version` counts its changes, from 1."""

    id: str
    created_at: datetime
    updated_at: datetime | None = None
    version: int = 1


class ExpirationRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When points expire (semantics 2.3). MONTH needs `period_value`; FIXED_DAY_OF_YEAR needs `fixed_month` and `fixed_day`."""

    period_type: str
    period_value: int | None = None
    rounding_type: str | None = None
    rounding_value: int | None = None
    fixed_month: int | None = None
    fixed_day: int | None = None


class CodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How card codes are made: each `#` of `pattern` becomes a character of `charset`, between prefix and postfix."""

    length: int
    charset: str
    pattern: str
    prefix: str = ""
    postfix: str = ""


class Validity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When something applies: dates, and the finer windows inside them. Weekdays are 0 = Sunday to 6 = Saturday."""

    start_date: datetime | None = None
    expiration_date: datetime | None = None
    validity_timeframe: dict[str, str] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None


class TierRounding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str
    strategy: str | None = None
    unit: str | None = None
    value: int | None = None


class TierExpirationDate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str = "BALANCE_DROP"
    extend: str | None = None
    rounding: TierRounding | None = None


class TierStartDate(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "IMMEDIATE"


class TiersExpiration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`loyalty_tiers_expiration`: how a tier is qualified for, when it starts, when it ends (semantics 5.3)."""

    qualification_type: str = "BALANCE"
    qualification_period: str | None = None
    start_date: TierStartDate | None = None
    expiration_date: TierExpirationDate | None = None


class Campaign(Document, frozen=True, kw_only=True):
    """A loyalty programme. `card_points` are the initial points of a card, `vouchers_count` is kept by the store."""

    name: str
    type: str = "AUTO_UPDATE"
    description: str | None = None
    active: bool = True
    auto_join: bool = False
    join_once: bool = True
    use_voucher_metadata_schema: bool = False
    card_points: int = 0
    expiration_rules: ExpirationRules | None = None
    redemption_quantity: int | None = None
    code_config: CodeConfig
    validity: Validity = Validity()
    activity_duration_after_publishing: str | None = None
    category_id: str | None = None
    metadata: str = "{}"
    tiers_expiration: TiersExpiration | None = None
    refund_policy: str = "KEEP"
    creation_status: str = "DONE"
    vouchers_generation_status: str = "DONE"
    generations: tuple[str, ...] = ()
    """Async actions that still make cards for it."""
    deletion: str | None = None
    """The async action that deletes it when they have finished (decision 36)."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A thing an item-based rule applies to: `object` is products_collection, product or sku."""

    object: str
    id: str | None = None
    source_id: str | None = None


class Formula(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule gives: FIXED gives `points`; PROPORTIONAL gives `points` for each whole `every` of the metric."""

    type: str
    points: int
    calculation_type: str | None = None
    every: int | None = None
    property: str | None = None
    applicable_to: list[Filter] = []


class EarningRule(Document, frozen=True, kw_only=True):
    """When a rule's event happens to a member, it gives points. `custom` holds what the event's kind needs beside."""

    campaign_id: str
    automation_id: str
    event: str = "order.paid"
    banner: str | None = None
    loyalty: Formula
    active: bool = True
    validation_rule_id: str | None = None
    validity: Validity = Validity()
    expiration_rules: ExpirationRules | None = None
    pending_days: int | None = None
    metadata: str = "{}"


class TierMapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a tier changes what a rule gives: CUSTOM replaces its `points`, MULTIPLY scales the result by `multiplier`."""

    type: str
    points: int | None = None
    multiplier: str | None = None
    """Decimal text: exact, never a float."""


class Tier(Document, frozen=True, kw_only=True):
    """A level of a campaign: held while the balance is from `points_from` to `points_to`, both included."""

    campaign_id: str
    name: str
    points_from: int
    points_to: int | None = None
    metadata: str = "{}"
    earning_rules: dict[str, TierMapping] = {}
    rewards: dict[str, TierMapping] = {}


class Category(Document, frozen=True, kw_only=True):
    """A label of campaigns and cards. A lower `hierarchy` comes first."""

    name: str
    hierarchy: int


class CollectedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member of a product collection: `object` is product or sku; a SKU names its product too."""

    id: str
    product_id: str | None = None
    object: str


class ProductCollection(Document, frozen=True, kw_only=True):
    """Products and SKUs that rules speak of together. STATIC: the list is what was given."""

    name: str
    type: str = "STATIC"
    products: list[CollectedItem] = []


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the values of one metadata key must be. `deleted` keeps the definition and asks for nothing any more.

    Lengths belong to strings, `ne` and the four bounds to numbers, `object_type` names the custom schema of an object.
    """

    type: Literal["string", "number", "object", "date", "datetime", "geopoint", "boolean", "image_url"]
    array: bool
    optional: bool
    deleted: bool = False
    object_type: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    exact_length: int | None = None
    eq: list[JsonNumber | str] | None = None
    ne: list[JsonNumber] | None = None
    lt: JsonNumber | None = None
    lte: JsonNumber | None = None
    gt: JsonNumber | None = None
    gte: JsonNumber | None = None


class MetadataSchema(Document, frozen=True, kw_only=True):
    """What metadata of a resource must look like, or an object nested in it. One schema per `related_object`."""

    related_object: str
    properties: dict[str, Definition]
    allow_defined_only: bool | None = None


class Webhook(Document, frozen=True, kw_only=True):
    """A subscription: these events are sent to `target_url`."""

    target_url: str
    events: list[str]
    active: bool = True
    strict_order: bool = False
    """Nothing of a customer is sent before what came earlier was delivered, or has failed for good (ours, DESIGN 5)."""


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the config history: `doc` is the whole document as JSON, null when it was deleted."""

    id: str
    project_id: str
    kind: str
    entity_id: str
    version: int
    doc: str | None
    created_at: datetime


KINDS: dict[str, type[Document]] = {
    "campaign": Campaign,
    "earning_rule": EarningRule,
    "tier": Tier,
    "webhook": Webhook,
    "category": Category,
    "product_collection": ProductCollection,
    "metadata_schema": MetadataSchema,
}
