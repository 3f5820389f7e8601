"""Points on a card: every change of a balance goes through here, so ledger, lots and card agree by construction."""

from datetime import date, datetime

import msgspec

from tallybook.domain.config import Campaign, EarningRule, Tier
from tallybook.domain.dates import local_date
from tallybook.domain.lots import take
from tallybook.domain.occurrence import Refs, Version
from tallybook.domain.records import Award, Card, Customer, Lot, LotMovement, Order, TierMembership, Transaction
from tallybook.domain.tiers import change_between, tier_at
from tallybook.usecases.page import Page


class Grant(msgspec.Struct, frozen=True):
    """One rule that gives something for an order: the rule, its points, and the tier whose mapping changed them."""

    rule: EarningRule
    points: int
    mapping: Tier | None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger row says beside its numbers. `cause` is canonical JSON (see Transaction)."""

    type: str
    operation_type: str | None = None
    source: str | None = None
    reason: str | None = None
    source_id: str | None = None
    cause: str = "{}"


def version_of(document: Campaign | Tier) -> Version:
    """A configuration document as it is now, for ever."""
    return (document.id, document.version)


def credit(page: Page, card: Card, points: int, expires_on: date, posting: Posting, at: datetime) -> tuple[Card, Transaction]:
    """Adds points to a published card: into the lot of that date, with a ledger row. `points` > 0."""
    lot = add_to_lot(page, card, points, expires_on, at)
    changed = msgspec.structs.replace(card, points=card.points + points, balance=card.balance + points, updated_at=at)
    card, transaction = _write_row(page, changed, points, posting, at)
    _write_movement(page, card, transaction.id, lot.id, points)
    return card, transaction


def debit(page: Page, card: Card, points: int, posting: Posting, at: datetime) -> tuple[Card, Transaction]:
    """Removes points from a card that has them: out of the lots that expire first, with a ledger row. `points` > 0."""
    taken = take(page.lots(card), points)
    for lot, part in taken:
        page.put(msgspec.structs.replace(lot, points=lot.points - part, updated_at=at))
    changed = msgspec.structs.replace(
        card, subtracted_points=card.subtracted_points + points, balance=card.balance - points, updated_at=at
    )
    card, transaction = _write_row(page, changed, -points, posting, at)
    for lot, part in taken:
        _write_movement(page, card, transaction.id, lot.id, -part)
    return card, transaction


def remember_award(page: Page, order: Order, rule: EarningRule, card: Card, points: int, given_id: str) -> None:
    """The rule has given these points for this order, as a transaction or an entry: it never will again (decision 6)."""
    page.add(
        Award(
            cause_id=order.id,
            rule_id=rule.id,
            project_id=page.project_id,
            customer_id=str(card.customer_id),
            card_id=card.id,
            points=points,
            given_id=given_id,
            rule_version=rule.version,
        )
    )


def grant_initial_points(page: Page, card: Card, cause_id: str, expires_on: date, at: datetime) -> None:
    """Gives the initial points of a card that is being published their lot (decision 10): no ledger row."""
    if card.initial_points:
        lot = add_to_lot(page, card, card.initial_points, expires_on, at)
        _write_movement(page, card, cause_id, lot.id, card.initial_points)


def add_to_lot(page: Page, card: Card, points: int, expires_on: date, at: datetime) -> Lot:
    """The card's lot of this date with so many points more; made if there is none yet (one lot per card and date)."""
    known = next((lot for lot in page.lots(card) if lot.expires_on == expires_on), None)
    if known is not None:
        return page.put(msgspec.structs.replace(known, points=known.points + points, updated_at=at))
    return page.put(
        Lot(
            id=page.random_id("lopb_"),
            project_id=card.project_id,
            customer_id=str(card.customer_id),
            card_id=card.id,
            campaign_id=card.campaign_id,
            expires_on=expires_on,
            points=points,
            created_at=at,
        )
    )


def _write_row(page: Page, card: Card, points: int, posting: Posting, at: datetime) -> tuple[Card, Transaction]:
    """Writes a changed card, with the ledger row of the change."""
    transaction = Transaction(
        id=page.ordered_id("vtx_", at, after=card.last_transaction_id),
        project_id=card.project_id,
        customer_id=str(card.customer_id),
        card_id=card.id,
        campaign_id=card.campaign_id,
        type=posting.type,
        points=points,
        balance=card.balance,
        total=card.points - card.expired_points - card.subtracted_points,
        operation_type=posting.operation_type,
        source=posting.source,
        reason=posting.reason,
        source_id=posting.source_id,
        cause=posting.cause,
        created_at=at,
    )
    page.add(transaction)
    return page.put(msgspec.structs.replace(card, last_transaction_id=transaction.id)), transaction


def _write_movement(page: Page, card: Card, cause_id: str, lot_id: str, points: int) -> None:
    page.add(
        LotMovement(
            project_id=card.project_id,
            customer_id=str(card.customer_id),
            card_id=card.id,
            cause_id=cause_id,
            lot_id=lot_id,
            points=points,
        )
    )


def held_tier(page: Page, customer_id: str, campaign_id: str) -> Tier | None:
    """The tier the customer holds in the campaign."""
    membership = page.membership(customer_id, campaign_id)
    return page.configuration.tier(membership.tier_id) if membership else None


def judge_tier(page: Page, customer: Customer, campaign: Campaign, card: Card, at: datetime) -> None:
    """Puts the member into the tier that the balance stands for, and tells (decision 38; semantics 5.4)."""
    tiers = page.configuration.tiers.get(campaign.id, [])
    membership = page.membership(customer.id, campaign.id)
    old = page.configuration.tier(membership.tier_id) if membership else None
    new = tier_at(card.balance, tiers)
    change = change_between(old, new)
    if change is None:
        return
    page.put(_moved(page, customer, campaign, membership, new, at))
    refs = Refs(
        customer=page.subject(customer),
        campaign=version_of(campaign),
        tier=version_of(new or old),  # type: ignore[arg-type]  # a change has at least one side
        tier_from=version_of(old) if old and new else None,
    )
    page.emit(f"customer.loyalty.tier.{change}", customer.id, refs, customer.id, at)


def _moved(
    page: Page, customer: Customer, campaign: Campaign, known: TierMembership | None, tier: Tier | None, at: datetime
) -> TierMembership:
    today = local_date(at, page.zone)
    tier_id = tier.id if tier else None
    if known is None:
        return TierMembership(
            id=f"{customer.id}:{campaign.id}",
            project_id=customer.project_id,
            customer_id=customer.id,
            campaign_id=campaign.id,
            tier_id=tier_id,
            start_on=today,
            created_at=at,
        )
    if known.tier_id is None:
        return msgspec.structs.replace(known, tier_id=tier_id, start_on=today, created_at=at, updated_at=None)
    return msgspec.structs.replace(known, tier_id=tier_id, start_on=today, updated_at=at)
