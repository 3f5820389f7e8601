"""Loyalty campaigns: create, change, switch on and off, delete."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tallybook.domain.canonical import canonical, merge
from tallybook.domain.codes import check_config, code_config, make_code, space
from tallybook.domain.config import Campaign, Category, CodeConfig, ExpirationRules, TiersExpiration, Validity
from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import Duration
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import Refs
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotImplementedYet
from tallybook.domain.validity import wrong_hours
from tallybook.usecases.categories import category_id_of
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.generate_cards import GenerationTask, begin_generation, check_count, tell_started
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of
from tallybook.usecases.publish import counter_of, generate_card


class CodeConfigFields(msgspec.Struct, frozen=True, kw_only=True):
    """How codes are made, as a request says it."""

    length: int | None = None
    charset: str | None = None
    pattern: str | None = None
    prefix: str | None = None
    postfix: str | None = None


class LoyaltyCardFields(msgspec.Struct, frozen=True, kw_only=True):
    """Initial points of a card, and when points expire."""

    points: int = 0
    expiration_rules: ExpirationRules | None = None


class RedemptionFields(msgspec.Struct, frozen=True, kw_only=True):
    """How often a card may be redeemed; null is without limit."""

    quantity: int | None = None


class VoucherFields(msgspec.Struct, frozen=True, kw_only=True):
    """The card template of a campaign."""

    type: Literal["LOYALTY_CARD"] = "LOYALTY_CARD"
    loyalty_card: LoyaltyCardFields
    redemption: RedemptionFields | None = None
    code_config: CodeConfigFields | None = None


CampaignName = Annotated[str, msgspec.Meta(max_length=255)]
"""Longer than this no index of a database takes a name surely, and names of campaigns are unique."""


class CampaignFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a campaign. What it does not say stays as it is, and null says nothing."""

    name: CampaignName | None = None
    campaign_type: Literal["LOYALTY_PROGRAM"] | None = None
    type: Literal["AUTO_UPDATE", "STATIC"] | None = None
    description: str | None = None
    auto_join: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    voucher: VoucherFields | None = None
    loyalty_card: LoyaltyCardFields | None = None
    vouchers_count: int | None = None
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    validity_timeframe: dict[str, str] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    activity_duration_after_publishing: str | None = None
    category_id: str | None = None
    category: str | None = None
    """Its name, in place of the id."""
    metadata: dict[str, Any] | None = None
    unset_metadata_fields: list[str] | None = None
    loyalty_tiers_expiration: TiersExpiration | None = None
    refund_policy: Literal["KEEP"] | None = None


class CampaignView(msgspec.Struct, frozen=True):
    """A campaign and how many cards it has: the answer of the campaign commands."""

    campaign: Campaign
    vouchers_count: int
    category: Category | None = None


class CreateCampaign(Command, frozen=True, kw_only=True):
    """Create a loyalty campaign. One card is generated at once when one is asked for, more by and by (decision 36)."""

    fields: CampaignFields

    def decide(self, page: Page) -> CampaignView:
        """Refuses: DuplicateFound for a name that is taken; InvalidPayload for what does not fit together; LimitExceeded for
        too many cards; NotImplementedYet for tiers that are not by balance.
        """
        fields = self.fields
        if not fields.name:
            raise InvalidPayload("Property .name is required")
        if fields.voucher is None:
            raise InvalidPayload("Property .voucher is required")
        if page.configuration.campaign(fields.name) is not None:
            raise DuplicateFound("campaign", fields.name, "name")
        blank = Campaign(
            id=page.random_id("camp_"), name=fields.name, created_at=page.now, code_config=_code_config(fields.voucher)
        )
        count = fields.vouchers_count or 0
        check_count(blank.code_config, count)
        campaign = _checked(page, changed_campaign(blank, with_category(page, fields)))
        if count > 1:
            campaign, _ = begin_generation(page, campaign, count, GenerationTask())
        page.configure(campaign)
        page.count(counter_of(campaign), 0)
        page.emit("campaign.created", campaign.id, Refs(campaign=version_of(campaign)))
        if count > 1:
            tell_started(page, campaign, count)
            return CampaignView(campaign, 0, page.configuration.category(campaign.category_id))
        if count:
            generate_card(page, campaign, page.tick(), make_code(campaign.code_config, page.ids.random))
        return CampaignView(campaign, count, page.configuration.category(campaign.category_id))


def _code_config(voucher: VoucherFields) -> CodeConfig:
    said = voucher.code_config or CodeConfigFields()
    if said.length is not None and not 1 <= said.length <= 64:
        raise InvalidPayload("Property .voucher.code_config.length must be >= 1 and <= 64")
    config = code_config(said.length, said.charset, said.pattern, said.prefix, said.postfix)
    if space(config) < 1 or not config.pattern.count("#"):
        raise InvalidPayload("Property .voucher.code_config.pattern must contain at least one #")
    return check_config(config, ".voucher.code_config")


def with_category(page: Page, fields: CampaignFields) -> CampaignFields:
    """The fields with the category by its id. Refuses: NotFound."""
    return msgspec.structs.replace(fields, category_id=category_id_of(page.configuration, fields.category_id, fields.category))


def _checked(page: Page, campaign: Campaign) -> Campaign:
    """The campaign, when its metadata fits the schema. Refuses: MetadataValidationFailed."""
    resource = "voucher" if campaign.use_voucher_metadata_schema else "campaign"
    check_metadata(page.configuration, resource, campaign.metadata)
    return campaign


def changed_campaign(campaign: Campaign, fields: CampaignFields) -> Campaign:
    """The campaign with what the fields say; the same object when that is nothing new (decision 43)."""
    said: dict[str, Any] = {}
    for name in ("type", "auto_join", "use_voucher_metadata_schema", "refund_policy"):
        if (value := getattr(fields, name)) is not None:
            said[name] = value
    if fields.category_id is not None:
        said["category_id"] = fields.category_id or None
    for name in ("description", "activity_duration_after_publishing"):
        if (value := getattr(fields, name)) is not None:
            said[name] = value
    if fields.loyalty_tiers_expiration is not None:
        said["tiers_expiration"] = _checked_tiers(fields.loyalty_tiers_expiration)
    said |= _card_template(fields)
    said["validity"] = _validity(campaign.validity, fields)
    said["metadata"] = _metadata(campaign.metadata, fields)
    changed = msgspec.structs.replace(campaign, **said)
    _check(changed)
    return campaign if changed == campaign else changed


def _card_template(fields: CampaignFields) -> dict[str, Any]:
    card = fields.loyalty_card or (fields.voucher.loyalty_card if fields.voucher else None)
    said: dict[str, Any] = {}
    if card is not None:
        if not 0 <= card.points <= MAX_POINTS:
            raise InvalidPayload(f"Property .voucher.loyalty_card.points must be >= 0 and <= {MAX_POINTS}")
        said["card_points"] = card.points
        if card.expiration_rules is not None:
            said["expiration_rules"] = checked_expiration(card.expiration_rules, ".voucher.loyalty_card.expiration_rules")
    if fields.voucher is not None and fields.voucher.redemption is not None:
        said["redemption_quantity"] = fields.voucher.redemption.quantity
    return said


_ROUNDINGS = ("END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR", "PARTICULAR_MONTH")


def checked_expiration(rules: ExpirationRules | None, path: str) -> ExpirationRules | None:
    """Point expiration rules that fit together (semantics 2.3, decision 24). Refuses: InvalidPayload."""
    if rules is None:
        return None
    if rules.period_type == "MONTH":
        if rules.period_value is None or not 0 <= rules.period_value <= 1200:
            raise InvalidPayload(f"Property {path}.period_value must be >= 0 and <= 1200")
        if rules.rounding_type is not None and rules.rounding_type not in _ROUNDINGS:
            raise InvalidPayload(f"Property {path}.rounding_type must be one of: {', '.join(_ROUNDINGS)}")
        if rules.rounding_type == "PARTICULAR_MONTH" and not 1 <= (rules.rounding_value or 0) <= 12:
            raise InvalidPayload(f"Property {path}.rounding_value must be >= 1 and <= 12")
        return rules
    if rules.period_type != "FIXED_DAY_OF_YEAR":
        raise InvalidPayload(f"Property {path}.period_type must be one of: MONTH, FIXED_DAY_OF_YEAR")
    if not 1 <= (rules.fixed_month or 0) <= 12:
        raise InvalidPayload(f"Property {path}.fixed_month must be >= 1 and <= 12")
    if not 1 <= (rules.fixed_day or 0) <= 31:
        raise InvalidPayload(f"Property {path}.fixed_day must be >= 1 and <= 31")
    return rules


def _checked_tiers(said: TiersExpiration | None) -> TiersExpiration | None:
    if said is None:
        return None
    starts = said.start_date.type if said.start_date else "IMMEDIATE"
    ends = said.expiration_date.type if said.expiration_date else "BALANCE_DROP"
    if (said.qualification_type, starts, ends) != ("BALANCE", "IMMEDIATE", "BALANCE_DROP"):
        raise NotImplementedYet("Tiers other than by balance, ending when it drops, are not built yet")
    return said


_VALIDITY = ("start_date", "expiration_date", "validity_timeframe", "validity_day_of_week", "validity_hours")


def changed_validity(validity: Validity, fields: Any) -> Validity:
    """The validity with what the fields say. Refuses: InvalidPayload."""
    said = {name: value for name in _VALIDITY if (value := getattr(fields, name)) is not None}
    changed = msgspec.structs.replace(validity, **said)
    if changed.start_date and changed.expiration_date and changed.expiration_date <= changed.start_date:
        raise InvalidPayload("Property .expiration_date must be after .start_date")
    if any(not 0 <= day <= 6 for day in changed.validity_day_of_week or ()):
        raise InvalidPayload("Property .validity_day_of_week must hold numbers from 0 to 6")
    if wrong := wrong_hours(changed.validity_hours or {}):
        raise InvalidPayload(f"Property .validity_hours{wrong}")
    if changed.validity_timeframe is not None:
        _check_timeframe(changed)
    return changed


def _check_timeframe(validity: Validity) -> None:
    if validity.start_date is None:
        raise InvalidPayload("Property .validity_timeframe needs .start_date")
    for name in ("interval", "duration"):
        try:
            Duration((validity.validity_timeframe or {}).get(name, ""))
        except ValueError as wrong:
            raise InvalidPayload(f"Property .validity_timeframe.{name} must be an ISO 8601 duration") from wrong


def _validity(validity: Validity, fields: CampaignFields) -> Validity:
    return changed_validity(validity, fields)


def _metadata(text: str, fields: CampaignFields) -> str:
    if fields.metadata is not None:
        text = merge(text, fields.metadata)
    if fields.unset_metadata_fields:
        kept = msgspec.json.decode(text)
        text = canonical({key: value for key, value in kept.items() if key not in fields.unset_metadata_fields})
    return text


def _check(campaign: Campaign) -> None:
    if campaign.activity_duration_after_publishing is not None:
        try:
            Duration(campaign.activity_duration_after_publishing)
        except ValueError as wrong:
            raise InvalidPayload("Property .activity_duration_after_publishing must be an ISO 8601 duration") from wrong


def _needs_counter(configuration: Configuration, key: str) -> Needs:
    campaign = configuration.campaign(key)
    return Needs(counters=(counter_of(campaign),) if campaign else ())


class UpdateCampaign(Command, frozen=True, kw_only=True):
    """Change a campaign. Its name and the way codes are made stay (semantics 2.1)."""

    key: str
    fields: CampaignFields

    def needs(self, configuration: Configuration) -> Needs:
        """How many cards it has."""
        return _needs_counter(configuration, self.key)

    def decide(self, page: Page) -> CampaignView:
        """Refuses: NotFound; InvalidPayload; NotImplementedYet. A change of nothing writes nothing (decision 43)."""
        known = campaign_of(page.configuration, self.key)
        campaign = changed_campaign(known, with_category(page, self.fields))
        if self.fields.metadata is not None or self.fields.unset_metadata_fields:
            _checked(page, campaign)
        if campaign is not known:
            campaign = _replace(page, campaign, "campaign.updated")
        category = page.configuration.category(campaign.category_id)
        return CampaignView(campaign, page.counted(counter_of(campaign)), category)


class SwitchCampaign(Command, frozen=True, kw_only=True):
    """Enable or disable a campaign. While it is off its cards earn nothing (decision 23)."""

    key: str
    active: bool

    def decide(self, page: Page) -> Campaign:
        """Refuses: NotFound."""
        known = campaign_of(page.configuration, self.key)
        if known.active == self.active:
            return known
        word = "enabled" if self.active else "disabled"
        return _replace(page, msgspec.structs.replace(known, active=self.active), f"campaign.{word}")


def _replace(page: Page, campaign: Campaign, name: str) -> Campaign:
    campaign = page.configure(msgspec.structs.replace(campaign, updated_at=page.tick(), version=campaign.version + 1))
    page.emit(name, campaign.id, Refs(campaign=version_of(campaign)))
    return campaign
