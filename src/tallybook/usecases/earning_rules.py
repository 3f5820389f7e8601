"""Earning rules: create, change, switch, delete."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tallybook.domain.canonical import canonical, merge
from tallybook.domain.config import Campaign, EarningRule, ExpirationRules, Filter, Formula
from tallybook.domain.configuration import Configuration
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import Refs
from tallybook.domain.refusals import InvalidPayload, LimitExceeded, MissingParam, NotFound, NotImplementedYet
from tallybook.usecases.campaigns import changed_validity, checked_expiration
from tallybook.usecases.command import Command
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of
from tallybook.usecases.product_collections import check_collections

MAX_RULES = 100
"""Earning rules of one project (decision 48)."""

_EARNS = {
    "ORDER_AMOUNT": ("order", "amount"),
    "ORDER_TOTAL_AMOUNT": ("order", "total_amount"),
    "ORDER_METADATA": ("order", "metadata"),
    "ORDER_ITEMS_QUANTITY": ("order_items", "quantity"),
    "ORDER_ITEMS_AMOUNT": ("order_items", "amount"),
    "ORDER_ITEMS_SUBTOTAL_AMOUNT": ("order_items", "subtotal_amount"),
    "CUSTOMER_METADATA": ("customer", "metadata"),
}
"""Where each calculation type keeps `every` and `points` in the request (semantics 4.2)."""


class RuleSource(msgspec.Struct, frozen=True, kw_only=True):
    """`source` of a rule: its name."""

    banner: str | None = None


class EarningRuleFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about an earning rule. What it does not say stays as it is, and null says nothing; but
    `pending_points: null` ends the waiting (semantics 4.4).
    """

    event: str | None = None
    loyalty: dict[str, Any] | None = None
    source: RuleSource | None = None
    active: bool | None = None
    validation_rule_id: str | None = None
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    validity_timeframe: dict[str, str] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    expiration_rules: ExpirationRules | None = None
    pending_points: dict[str, Any] | None | UnsetType = UNSET
    metadata: dict[str, Any] | None = None


def whole(value: Any, path: str, least: int = 0, most: int = MAX_POINTS) -> int:
    """A whole number, which rules may give as text ("5"). Refuses: InvalidPayload."""
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidPayload(f"Property {path} must be integer")
    if not least <= value <= most:
        raise InvalidPayload(f"Property {path} must be >= {least} and <= {most}")
    return value


def formula(said: dict[str, Any]) -> Formula:
    """What a rule gives. Refuses: InvalidPayload, MissingParam, NotImplementedYet for formulas written as text."""
    if said.get("points_formula") is not None:
        raise NotImplementedYet("points_formula is not built yet")
    kind = said.get("type")
    if kind == "FIXED":
        return Formula(type="FIXED", points=whole(said.get("points"), ".loyalty.points"))
    if kind != "PROPORTIONAL":
        raise InvalidPayload("Property .loyalty.type must be one of: FIXED, PROPORTIONAL")
    calculation = str(said.get("calculation_type"))
    if calculation not in _EARNS:
        raise InvalidPayload(f"Property .loyalty.calculation_type must be one of: {', '.join(_EARNS)}")
    return _proportional(calculation, said)


def _proportional(calculation: str, said: dict[str, Any]) -> Formula:
    group, measure = _EARNS[calculation]
    inner = said.get(group)
    config = inner.get(measure) if isinstance(inner, dict) else None
    if not isinstance(config, dict):
        raise InvalidPayload(f"Loyalty {group} rules must contain one of the following properties - '{measure}'")
    path = f".loyalty.{group}.{measure}"
    if measure == "metadata" and not isinstance(config.get("property"), str):
        raise InvalidPayload(f"Property {path}.property must be string")
    return Formula(
        type="PROPORTIONAL",
        calculation_type=calculation,
        points=whole(config.get("points"), f"{path}.points"),
        every=whole(config.get("every"), f"{path}.every", least=1, most=10**12),
        property=config.get("property"),
        applicable_to=_filters(config, path) if group == "order_items" else [],
    )


def _filters(config: dict[str, Any], path: str) -> list[Filter]:
    said = config.get("applicable_to")
    if isinstance(said, dict):
        said = said.get("data")
    if not said and config.get("object"):
        said = [{"object": config["object"], "id": config.get("id")}]
    try:
        filters = msgspec.convert(said or [], list[Filter])
    except msgspec.ValidationError as wrong:
        raise InvalidPayload(f"Property {path}.applicable_to must be a list of objects with object and id") from wrong
    if any(one.object not in ("product", "sku", "products_collection") for one in filters):
        raise InvalidPayload(f"Property {path}.object must be one of: products_collection, product, sku")
    return filters


def _pending_days(said: dict[str, Any] | None) -> int | None:
    """How long points wait: 1 to 90 days; null is not at all (semantics 4.4)."""
    if said is None:
        return None
    if said.get("period_type") != "DAY":
        raise InvalidPayload("Property .pending_points.period_type must be one of: DAY")
    return whole(said.get("period_value"), ".pending_points.period_value", least=1, most=90)


def changed_rule(rule: EarningRule, fields: EarningRuleFields) -> EarningRule:
    """The rule with what the fields say; the same object when that is nothing new (decision 43)."""
    if isinstance(fields.validation_rule_id, str):
        raise NotImplementedYet("Validation rules are not built yet")
    said: dict[str, Any] = {"validity": changed_validity(rule.validity, fields)}
    if fields.loyalty is not None:
        said["loyalty"] = formula(fields.loyalty)
    if fields.source is not None:
        said["banner"] = fields.source.banner
    if fields.active is not None:
        said["active"] = fields.active
    if fields.expiration_rules is not None:
        said["expiration_rules"] = checked_expiration(fields.expiration_rules, ".expiration_rules")
    if fields.pending_points is not UNSET:
        said["pending_days"] = _pending_days(fields.pending_points)
    if fields.metadata is not None:
        said["metadata"] = merge(rule.metadata, fields.metadata)
    changed = msgspec.structs.replace(rule, **said)
    return rule if changed == rule else changed


class CreateEarningRules(Command, frozen=True, kw_only=True):
    """Add earning rules to a campaign: all of them or, when one is refused, none."""

    campaign: str
    rules: list[EarningRuleFields]

    def decide(self, page: Page) -> list[EarningRule]:
        """Refuses: NotFound; InvalidPayload; LimitExceeded past 100 rules of the project; NotImplementedYet."""
        campaign = campaign_of(page.configuration, self.campaign)
        if page.configuration.rule_count() + len(self.rules) > MAX_RULES:
            raise LimitExceeded(f"A project can have at most {MAX_RULES} earning rules")
        return [self._create(page, campaign, fields) for fields in self.rules]

    @staticmethod
    def _create(page: Page, campaign: Campaign, fields: EarningRuleFields) -> EarningRule:
        if fields.event is None:
            raise MissingParam("Parameter 'event' is required")
        if fields.event != "order.paid":
            raise NotImplementedYet(f"Earning rules for '{fields.event}' are not built yet")
        if fields.loyalty is None:
            raise InvalidPayload("Property .loyalty is required")
        blank = EarningRule(
            id=page.random_id("ern_"),
            campaign_id=campaign.id,
            automation_id=page.random_id("auto_"),
            event=fields.event,
            loyalty=formula(fields.loyalty),
            metadata=canonical({}),
            created_at=page.tick(),
        )
        rule = changed_rule(blank, fields)
        check_collections(page.configuration, rule)
        check_metadata(page.configuration, "earning_rule", rule.metadata)
        page.configure(rule)
        _tell(page, "assigned", rule)
        return rule


def rule_of(configuration: Configuration, campaign_key: str, rule_id: str) -> EarningRule:
    """A campaign's rule. Refuses: NotFound for either."""
    campaign = campaign_of(configuration, campaign_key)
    rule = configuration.earning_rule(rule_id)
    if rule is None or rule.campaign_id != campaign.id:
        raise NotFound("earning_rule", rule_id)
    return rule


class UpdateEarningRule(Command, frozen=True, kw_only=True):
    """Change a rule, or switch it. Its event stays. What was awarded under earlier versions stays."""

    campaign: str
    rule_id: str
    fields: EarningRuleFields
    word: Literal["updated", "enabled", "disabled"] = "updated"

    def decide(self, page: Page) -> EarningRule:
        """Refuses: NotFound; InvalidPayload; NotImplementedYet. A change of nothing writes nothing (decision 43)."""
        known = rule_of(page.configuration, self.campaign, self.rule_id)
        rule = changed_rule(known, self.fields)
        if rule is known:
            return known
        if self.fields.loyalty is not None:
            check_collections(page.configuration, rule)
        if self.fields.metadata is not None:
            check_metadata(page.configuration, "earning_rule", rule.metadata)
        rule = page.configure(msgspec.structs.replace(rule, updated_at=page.tick(), version=rule.version + 1))
        _tell(page, self.word, rule)
        return rule


class DeleteEarningRule(Command, frozen=True, kw_only=True):
    """Delete a rule. What it awarded stays, and stays explained by its history."""

    campaign: str
    rule_id: str

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        rule = rule_of(page.configuration, self.campaign, self.rule_id)
        page.tick()
        page.discard(rule)
        _tell(page, "deleted", rule)


def _tell(page: Page, word: str, rule: EarningRule) -> None:
    campaign = campaign_of(page.configuration, rule.campaign_id)
    refs = Refs(campaign=version_of(campaign), earning_rule=(rule.id, rule.version))
    page.emit(f"campaign.earning_rule.{word}", campaign.id, refs)
