"""Campaigns: the whole object, and the short forms that events carry. Which form an event carries belongs to its name.

The short forms are those of decision 46: twelve keys (seeds 000 and 002); seventeen, eighteen once the campaign was changed,
without (seed 001) and with (seeds 003 and 004) the two nulls of other voucher types in the card template.
"""

from tallybook.domain.config import Campaign, Category, CodeConfig, TiersExpiration
from tallybook.wire.categories import categories_of, category_name
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced
from tallybook.wire.validity import dates, windows

_NO_ASSIGNMENTS = {"object": "list", "data_ref": "data", "data": [], "total": 0}


def campaign_brief(campaign: Campaign) -> Object:
    """Twelve keys: no metadata, no dates (CAMP12)."""
    return {
        **_head(campaign, other_types=False),
        "category_id": campaign.category_id,
        "created_at": instant_text(campaign.created_at),
        "object": "campaign",
    }


def campaign_simple(campaign: Campaign, *, other_types: bool) -> Object:
    """Seventeen keys, and `updated_at` once the campaign was changed (CAMP17, CAMP18).

    `other_types`: the card template names `discount` and `gift`, both null.
    """
    validity = campaign.validity
    return {
        **_head(campaign, other_types=other_types),
        "category_id": campaign.category_id,
        "category": None,
        "metadata": spliced(campaign.metadata),
        "start_date": instant_text(validity.start_date),
        "expiration_date": instant_text(validity.expiration_date),
        "description": campaign.description,
        **_instants(campaign),
        "object": "campaign",
    }


def campaign_of_new_card(campaign: Campaign) -> Object:
    """The form inside voucher.created: twelve keys and the metadata."""
    return {
        **_head(campaign, other_types=True),
        "category_id": campaign.category_id,
        "metadata": spliced(campaign.metadata),
        "created_at": instant_text(campaign.created_at),
        "object": "campaign",
    }


def campaign_of_publication(campaign: Campaign) -> Object:
    """The form inside publication.succeeded: twelve keys, and `updated_at` once the campaign was changed."""
    return {
        **_head(campaign, other_types=True),
        "category_id": campaign.category_id,
        **_instants(campaign),
        "object": "campaign",
    }


def campaign_full(campaign: Campaign, vouchers_count: int, category: Category | None = None) -> Object:
    """The loyalty campaign as REST answers it. `vouchers_count`: how many cards it has. Options are shown only when set.

    Without `category` the category is shown by its id alone, as in lists.
    """
    return {
        **_full_head(campaign, vouchers_count),
        "category": category_name(category),
        **_statuses(campaign),
        "validation_rules_assignments": _NO_ASSIGNMENTS,
        **_full_tail(campaign, category),
    }


def campaign_of_event(campaign: Campaign, vouchers_count: int, category: Category | None = None) -> Object:
    """The form of campaign.created, updated, deleted, enabled and disabled: REST's, without rule assignments.

    The category is named where there is one, in campaign.created alone.
    """
    named = {} if category is None else {"category": category.name}
    return {**_full_head(campaign, vouchers_count), **named, **_statuses(campaign), **_full_tail(campaign, category)}


def _head(campaign: Campaign, *, other_types: bool) -> Object:
    template: Object = {"type": "LOYALTY_CARD"}
    if other_types:
        template |= {"discount": None, "gift": None}
    template["loyalty_card"] = _card_points(campaign)
    template["redemption"] = {"quantity": campaign.redemption_quantity, "redeemed_quantity": 0}
    template["code_config"] = _code_config(campaign.code_config)
    return {
        "id": campaign.id,
        "name": campaign.name,
        "campaign_type": "LOYALTY_PROGRAM",
        "type": campaign.type,
        "is_referral_code": False,
        "voucher": template,
        "auto_join": campaign.auto_join,
        "join_once": campaign.join_once,
        "active": campaign.active,
    }


def _code_config(config: CodeConfig) -> Object:
    return {
        "pattern": config.pattern,
        "length": config.length,
        "charset": config.charset,
        "prefix": config.prefix,
        "postfix": config.postfix,
    }


def _card_points(campaign: Campaign) -> Object:
    rules = campaign.expiration_rules
    return {"points": campaign.card_points} if rules is None else {"points": campaign.card_points, "expiration_rules": rules}


def _instants(campaign: Campaign) -> Object:
    shown = {"created_at": instant_text(campaign.created_at)}
    if campaign.updated_at is not None:
        shown["updated_at"] = instant_text(campaign.updated_at)
    return shown


def _full_head(campaign: Campaign, vouchers_count: int) -> Object:
    shown: Object = {
        "id": campaign.id,
        "name": campaign.name,
        "campaign_type": "LOYALTY_PROGRAM",
        "type": campaign.type,
        "voucher": _full_template(campaign),
        "auto_join": campaign.auto_join,
        "join_once": campaign.join_once,
        "use_voucher_metadata_schema": campaign.use_voucher_metadata_schema,
    }
    if campaign.description is not None:
        shown["description"] = campaign.description
    shown |= dates(campaign.validity) | windows(campaign.validity)
    if campaign.activity_duration_after_publishing is not None:
        shown["activity_duration_after_publishing"] = campaign.activity_duration_after_publishing
    shown["vouchers_count"] = vouchers_count
    shown["active"] = campaign.active
    shown["metadata"] = spliced(campaign.metadata)
    return shown | _instants(campaign)


def _full_template(campaign: Campaign) -> Object:
    config = campaign.code_config
    code: Object = {"length": config.length, "charset": config.charset, "pattern": config.pattern}
    code |= {key: text for key, text in (("prefix", config.prefix), ("postfix", config.postfix)) if text}
    shown: Object = {
        "type": "LOYALTY_CARD",
        "loyalty_card": _card_points(campaign),
        "redemption": {"quantity": campaign.redemption_quantity},
        "code_config": code,
        "is_referral_code": False,
        **dates(campaign.validity),
    }
    if campaign.validity.validity_timeframe is not None:
        shown["validity_timeframe"] = campaign.validity.validity_timeframe
    return shown


def _statuses(campaign: Campaign) -> Object:
    return {
        "creation_status": campaign.creation_status,
        "vouchers_generation_status": campaign.vouchers_generation_status,
        "protected": False,
    }


def _full_tail(campaign: Campaign, category: Category | None) -> Object:
    shown: Object = {"category_id": campaign.category_id, "categories": categories_of(category)}
    if campaign.tiers_expiration is not None:
        shown["loyalty_tiers_expiration"] = _tiers_expiration(campaign.tiers_expiration)
    if campaign.refund_policy != "KEEP":
        shown["refund_policy"] = campaign.refund_policy
    shown["object"] = "campaign"
    return shown


def _tiers_expiration(expiration: TiersExpiration) -> Object:
    shown: Object = {"qualification_type": expiration.qualification_type}
    if expiration.qualification_period is not None:
        shown["qualification_period"] = expiration.qualification_period
    if expiration.start_date is not None:
        shown["start_date"] = {"type": expiration.start_date.type}
    ends = expiration.expiration_date
    if ends is not None:
        shown["expiration_date"] = {"type": ends.type}
        if ends.extend is not None:
            shown["expiration_date"]["extend"] = ends.extend
        if ends.rounding is not None:
            shown["expiration_date"]["rounding"] = ends.rounding
    return shown
