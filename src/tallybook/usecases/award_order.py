"""What the programmes give for a paid order: one award per rule, with ledger row, lot and events."""

from datetime import datetime

import msgspec

from tallybook.domain.canonical import parse
from tallybook.domain.config import Campaign, EarningRule
from tallybook.domain.dates import expires_on, local_date
from tallybook.domain.earning import MAX_POINTS, Facts, points_of
from tallybook.domain.occurrence import CausingEvent, Refs
from tallybook.domain.records import Card, Customer, Order, OrderItem
from tallybook.domain.refusals import NoVoucherSuitable
from tallybook.domain.validity import applies, within_dates
from tallybook.usecases.page import Page
from tallybook.usecases.pending_points import add_entry
from tallybook.usecases.points import Grant, Posting, credit, held_tier, judge_tier, remember_award, version_of
from tallybook.usecases.publish import Terms, pick_card, publish


def award_order(page: Page, customer: Customer, order: Order, cause: CausingEvent) -> None:
    """Awards a paid order in every programme that gives something for it, campaigns by age (decision 41).

    A member's programme gives by the tier held before the order (decision 3). A customer without a card joins first where the
    campaign says auto_join (decision 17). Programmes that are off, and cards that are off, are passed over (decision 23).
    """
    facts = _facts(page, customer, order)
    for campaign in page.configuration.campaigns:
        if not campaign.active or not within_dates(campaign.validity, page.now):
            continue
        card = page.card_in(customer.id, campaign)
        if card is None and not campaign.auto_join:
            continue
        if card is not None and not _usable(card, page.now):
            continue
        grants = _grants(page, customer, campaign, order, facts, cause)
        if not grants:
            continue
        if card is None:
            card = _auto_join(page, customer, campaign)
        if card is None:
            continue
        for grant in grants:
            if grant.rule.pending_days:
                card = add_entry(page, customer, campaign, card, order, cause, grant)
            else:
                card = _accrue(page, customer, campaign, card, order, cause, grant)


def _auto_join(page: Page, customer: Customer, campaign: Campaign) -> Card | None:
    """A card for somebody who is not a member yet; None when the campaign has none to give: the order succeeds all the same."""
    try:
        waiting = pick_card(page, campaign)
    except NoVoucherSuitable:
        return None
    card, _ = publish(page, customer, campaign, waiting, Terms(channel="Automation"))
    return card


def _facts(page: Page, customer: Customer, order: Order) -> Facts:
    return Facts(
        amount=order.amount or 0,
        total_amount=order.total_amount or 0,
        items=msgspec.json.decode(order.items, type=list[OrderItem]),
        order_metadata=parse(order.metadata),
        customer_metadata=parse(customer.metadata),
        collections=page.configuration.collected,
    )


def _usable(card: Card, now: datetime) -> bool:
    return card.active and (card.expiration_date is None or now < card.expiration_date)


def _grants(page: Page, customer: Customer, campaign: Campaign, order: Order, facts: Facts, cause: CausingEvent) -> list[Grant]:
    tier = held_tier(page, customer.id, campaign.id)
    grants = []
    for rule in page.configuration.earning_rules.get(campaign.id, ()):
        if rule.event != "order.paid" or not rule.active or not applies(rule.validity, page.now, page.zone):
            continue
        if page.awarded(order.id, rule.id):
            continue
        mapping = tier.earning_rules.get(rule.id) if tier else None
        points = points_of(rule.loyalty, facts, mapping)
        if points > MAX_POINTS:
            _skip(page, customer, order, rule, cause)
        elif points > 0:
            grants.append(Grant(rule, points, tier if mapping else None))
    return grants


def _skip(page: Page, customer: Customer, order: Order, rule: EarningRule, cause: CausingEvent) -> None:
    """A result past the bound gives nothing, and the reason is kept (decision 48)."""
    reason = f"The rule gives more than {MAX_POINTS} points"
    refs = Refs(
        customer=page.subject(customer),
        order=page.subject(order),
        earning_rule=(rule.id, rule.version),
        cause=cause,
        reason=reason,
    )
    page.emit("customer.earning_rule.skipped", customer.id, refs, customer.id)


def _accrue(
    page: Page, customer: Customer, campaign: Campaign, card: Card, order: Order, cause: CausingEvent, grant: Grant
) -> Card:
    at = page.tick()
    rule, before = grant.rule, page.numbers(card)
    holder_tier, membership = held_tier(page, customer.id, campaign.id), page.membership(customer.id, campaign.id)
    posting = Posting(
        type="POINTS_ACCRUAL", operation_type="AUTOMATIC", source="Automation", cause=_cause_text(order, cause, rule)
    )
    lasts_to = expires_on(rule.expiration_rules or campaign.expiration_rules, local_date(at, page.zone))
    card, transaction = credit(page, card, grant.points, lasts_to, posting, at)
    remember_award(page, order, rule, card, grant.points, transaction.id)
    refs = Refs(
        customer=page.subject(customer),
        order=page.subject(order),
        card=page.subject(card),
        transaction=page.subject(transaction),
        membership=page.subject(membership) if membership and holder_tier else None,
        before=before,
        after=page.numbers(card),
        campaign=version_of(campaign),
        earning_rule=(rule.id, rule.version),
        holder_tier=version_of(holder_tier) if holder_tier else None,
        mapping_tier=version_of(grant.mapping) if grant.mapping else None,
        cause=cause,
    )
    page.emit("voucher.loyalty_card.transaction.created", card.id, refs, customer.id, at)
    page.emit("customer.rewarded.loyalty_points", customer.id, refs, customer.id, at)
    judge_tier(page, customer, campaign, card, at)
    return card


def _cause_text(order: Order, cause: CausingEvent, rule: EarningRule) -> str:
    return msgspec.json.encode(
        {
            "order": {"id": order.id, "source_id": order.source_id},
            "event": {"id": cause.id, "type": cause.type},
            "earning_rule": {"id": rule.id, "source": {"banner": rule.banner}},
        }
    ).decode()
