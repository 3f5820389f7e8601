"""Earning rules: the whole rule (REST, seed 002), its parameters (seed 003), and its name in a transaction's details."""

from tallybook.domain.config import EarningRule, Filter, Formula
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced
from tallybook.wire.validity import dates, windows

_PLACES = {
    "ORDER_AMOUNT": ("order", "amount"),
    "ORDER_TOTAL_AMOUNT": ("order", "total_amount"),
    "ORDER_METADATA": ("order", "metadata"),
    "ORDER_ITEMS_QUANTITY": ("order_items", "quantity"),
    "ORDER_ITEMS_AMOUNT": ("order_items", "amount"),
    "ORDER_ITEMS_SUBTOTAL_AMOUNT": ("order_items", "subtotal_amount"),
    "CUSTOMER_METADATA": ("customer", "metadata"),
    "CUSTOM_EVENT_METADATA": ("custom_event", "metadata"),
}
"""Where each calculation type keeps its ratio (semantics 4.2)."""


def rule_full(rule: EarningRule) -> Object:
    """Eleven keys (seed 002), and between them what was set beyond: dates, windows, pending days, expiry."""
    shown: Object = {
        "id": rule.id,
        "created_at": instant_text(rule.created_at),
        "updated_at": instant_text(rule.updated_at),
        "validation_rule_id": rule.validation_rule_id,
        "loyalty": loyalty(rule.loyalty),
        "event": rule.event,
        "source": {**_banner(rule), "object_id": rule.campaign_id, "object_type": "campaign"},
        "active": rule.active,
        **dates(rule.validity),
    }
    if rule.pending_days is not None:
        shown["pending_points"] = {"period_type": "DAY", "period_value": rule.pending_days}
    if rule.expiration_rules is not None:
        shown["expiration_rules"] = rule.expiration_rules
    shown |= windows(rule.validity)
    shown["object"] = "earning_rule"
    shown["automation_id"] = rule.automation_id
    shown["metadata"] = spliced(rule.metadata)
    return shown


def rule_parameters(rule: EarningRule) -> Object:
    """The seven keys inside transaction.created (seed 003)."""
    return {
        "id": rule.id,
        "campaign_id": rule.campaign_id,
        "validation_rule_id": rule.validation_rule_id,
        "parameters": {"event": rule.event, **_banner(rule), "loyalty": loyalty(rule.loyalty)},
        "automation_id": rule.automation_id,
        "active": rule.active,
        "metadata": spliced(rule.metadata),
    }


def rule_brief(rule: EarningRule) -> Object:
    """The rule as the details of a transaction or a pending entry name it."""
    return {"id": rule.id, "source": _banner(rule)}


def loyalty(formula: Formula) -> Object:
    """What a rule gives: `points`, or `points` for each whole `every` of the metric. Amounts are minor units (decision 5)."""
    if formula.type == "FIXED":
        return {"type": "FIXED", "points": formula.points}
    assert formula.calculation_type is not None, "a proportional formula names its metric"
    group, metric = _PLACES[formula.calculation_type]
    ratio: Object = {"every": formula.every, "points": formula.points}
    if formula.property is not None:
        ratio["property"] = formula.property
    if formula.applicable_to:
        # The first one is always echoed beside the ratio; the list only says more when there are several (semantics 4.2).
        ratio |= _filter(formula.applicable_to[0])
        if len(formula.applicable_to) > 1:
            ratio["applicable_to"] = [_filter(one) for one in formula.applicable_to]
    return {"type": formula.type, "calculation_type": formula.calculation_type, group: {metric: ratio}}


def _filter(one: Filter) -> Object:
    shown = {"object": one.object}
    if one.id is not None:
        shown["id"] = one.id
    if one.source_id is not None:
        shown["source_id"] = one.source_id
    return shown


def _banner(rule: EarningRule) -> Object:
    return {} if rule.banner is None else {"banner": rule.banner}
