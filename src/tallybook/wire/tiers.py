"""Tiers: the eleven keys of a tier, and the tier of a member with the dates of the membership (seed 003)."""

from decimal import Decimal

from tallybook.domain.config import Tier, TierMapping
from tallybook.domain.records import TierMembership
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object, spliced


def tier_full(tier: Tier) -> Object:
    """A tier as REST and events show it; the ends of its range are both included, an open end is not shown."""
    shown = _head(tier)
    shown["object"] = "loyalty_tier"
    return shown


def tier_of_member(tier: Tier, membership: TierMembership) -> Object:
    """A tier with the dates of a member in it. Dates are local ones of the project."""
    shown = _head(tier)
    shown["expiration"] = _expiration(tier, membership)
    shown["object"] = "loyalty_tier"
    return shown


def _head(tier: Tier) -> Object:
    points = {"from": tier.points_from}
    if tier.points_to is not None:
        points["to"] = tier.points_to
    return {
        "id": tier.id,
        "name": tier.name,
        "campaign_id": tier.campaign_id,
        "metadata": spliced(tier.metadata),
        "created_at": instant_text(tier.created_at),
        "updated_at": instant_text(tier.updated_at),
        "earning_rules": {id: _mapping(one) for id, one in tier.earning_rules.items()},
        "rewards": {id: _mapping(one) for id, one in tier.rewards.items()},
        "config": {"points": points},
        "points": points,
    }


def _mapping(mapping: TierMapping) -> Object:
    shown: Object = {"type": mapping.type}
    if mapping.points is not None:
        shown["points"] = mapping.points
    if mapping.multiplier is not None:
        shown["multiplier"] = spliced(_number(mapping.multiplier))
    return shown


def _number(text: str) -> str:
    """Decimal text as JavaScript writes it: 2 for 2.00, 1.5 for 1.50 (decision 31)."""
    shown = format(Decimal(text), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _expiration(tier: Tier, membership: TierMembership) -> Object:
    shown: Object = {
        "customer_id": membership.customer_id,
        "campaign_id": membership.campaign_id,
        "tier_id": tier.id,
        "start_date": date_text(membership.start_on),
    }
    if membership.expiration_on is not None:
        shown["expiration_date"] = date_text(membership.expiration_on)
    shown["created_at"] = instant_text(membership.created_at)
    if membership.updated_at is not None:
        shown["updated_at"] = instant_text(membership.updated_at)
    return shown
