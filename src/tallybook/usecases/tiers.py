"""Tiers: created in bulk with a campaign's ranges and mappings."""

from typing import Any

import msgspec

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Tier, TierMapping
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import Refs
from tallybook.domain.refusals import InvalidPayload, LimitExceeded
from tallybook.usecases.command import Command
from tallybook.usecases.earning_rules import whole
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of

MAX_TIERS = 100
"""Tiers of one campaign (decision 48)."""


class TierPoints(msgspec.Struct, frozen=True, kw_only=True):
    """The range of a tier, both ends included; without `to` it has no end."""

    from_: int = msgspec.field(name="from")
    to: int | None = None


class TierFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a tier."""

    name: str
    points: TierPoints
    metadata: dict[str, Any] | None = None
    earning_rules: dict[str, dict[str, Any]] | None = None
    rewards: dict[str, dict[str, Any]] | None = None


class CreateTiers(Command, frozen=True, kw_only=True):
    """Add tiers to a campaign: all of them or none. Members move at their next change of points."""

    campaign: str
    tiers: list[TierFields]

    def decide(self, page: Page) -> list[Tier]:
        """Refuses: NotFound; InvalidPayload for ranges or mappings that are none; LimitExceeded past 100 tiers."""
        campaign = campaign_of(page.configuration, self.campaign)
        if len(page.configuration.tiers.get(campaign.id, ())) + len(self.tiers) > MAX_TIERS:
            raise LimitExceeded(f"A campaign can have at most {MAX_TIERS} tiers")
        at = page.tick()
        made = []
        for position, fields in enumerate(self.tiers):
            check_metadata(page.configuration, "loyalty_tier", canonical(fields.metadata or {}))
            tier = page.configure(
                Tier(
                    id=page.ordered_id("ltr_"),
                    campaign_id=campaign.id,
                    name=fields.name,
                    points_from=whole(fields.points.from_, f"[{position}].points.from"),
                    points_to=_upper(fields.points, position),
                    metadata=canonical(fields.metadata or {}),
                    earning_rules=_mappings(fields.earning_rules, f"[{position}].earning_rules"),
                    rewards=_mappings(fields.rewards, f"[{position}].rewards"),
                    created_at=at,
                )
            )
            page.emit("campaign.loyalty_tier.created", campaign.id, Refs(campaign=version_of(campaign), tier=version_of(tier)))
            made.append(tier)
        return made


def _upper(points: TierPoints, position: int) -> int | None:
    return None if points.to is None else whole(points.to, f"[{position}].points.to", least=points.from_)


def _mappings(said: dict[str, dict[str, Any]] | None, path: str) -> dict[str, TierMapping]:
    return {key: _mapping(one, f"{path}.{key}") for key, one in (said or {}).items()}


def _mapping(said: dict[str, Any], path: str) -> TierMapping:
    kind = said.get("type")
    if kind == "CUSTOM":
        return TierMapping(type="CUSTOM", points=whole(said.get("points"), f"{path}.points"))
    if kind == "MULTIPLY":
        multiplier = said.get("multiplier")
        if isinstance(multiplier, bool) or not isinstance(multiplier, int | float) or not 0 <= multiplier <= MAX_POINTS:
            raise InvalidPayload(f"Property {path}.multiplier must be a number from 0 to {MAX_POINTS}")
        return TierMapping(type="MULTIPLY", multiplier=canonical(multiplier))
    if kind == "NOT_AVAILABLE":
        return TierMapping(type="NOT_AVAILABLE")
    raise InvalidPayload(f"Property {path}.type must be one of: MULTIPLY, CUSTOM, NOT_AVAILABLE")
