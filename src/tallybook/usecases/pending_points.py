"""Pending points: made by a rule that waits, then activated, adjusted or canceled. Every change is kept for ever."""

from datetime import datetime, timedelta

import msgspec

from tallybook.domain.config import Campaign, EarningRule
from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import expires_on, local_date, utc_text
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import CausingEvent, Refs, Version
from tallybook.domain.records import Card, Customer, EntryChange, Order, PendingEntry, Transaction
from tallybook.domain.refusals import InvalidAmount, InvalidPendingPointsState, NotFound
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page
from tallybook.usecases.points import Grant, Posting, credit, held_tier, judge_tier, remember_award, version_of


def add_entry(
    page: Page,
    customer: Customer,
    campaign: Campaign,
    card: Card,
    order: Order,
    cause: CausingEvent,
    grant: Grant,
) -> Card:
    """Points that wait `pending_days` from the payment (semantics 6.5); the card's own points do not change. Seed 001.

    The days are those of the project's calendar: a day on which clocks change is one like any other.
    """
    at, rule, points, mapping = page.tick(), grant.rule, grant.points, grant.mapping
    due = cause.created_at.astimezone(page.zone) + timedelta(days=rule.pending_days or 0)
    entry = page.put(
        PendingEntry(
            id="lopp_" + page.ids.at_instant(due),
            project_id=page.project_id,
            customer_id=customer.id,
            card_id=card.id,
            campaign_id=campaign.id,
            order_id=order.id,
            rule_id=rule.id,
            rule_version=rule.version,
            campaign_version=campaign.version,
            points=points,
            activates_on=local_date(due, page.zone),
            details=_details(page, customer, campaign, order, cause, rule),
            mapping_tier_id=mapping.id if mapping else None,
            mapping_tier_version=mapping.version if mapping else None,
            created_at=at,
        )
    )
    remember_award(page, order, rule, card, points, entry.id)
    return _change_waiting(page, entry, card, "ADDED", points, at, operation_type="AUTOMATIC")


def _details(page: Page, customer: Customer, campaign: Campaign, order: Order, cause: CausingEvent, rule: EarningRule) -> str:
    """What payloads quote of an entry for ever: the tier held, the causing event with its source, the rule, the order."""
    tier = held_tier(page, customer.id, campaign.id)
    actor = page.actor
    source = {"channel": actor.channel}
    if actor.app_id is not None:
        source["api_key"] = {"name": actor.key_name, "app_id": actor.app_id}  # type: ignore[assignment]
    event = {
        "id": cause.id,
        "type": cause.type,
        "group_id": page.occurrence_id,
        "entity_id": cause.entity_id,
        "created_at": utc_text(cause.created_at),
        "category": "EFFECT",
        "event_source": source,
    }
    said: dict[str, object] = {} if tier is None else {"holder_loyalty_tier": {"id": tier.id, "name": tier.name}}
    said |= {
        "event": event,
        "earning_rule": {"id": rule.id, "source": {"banner": rule.banner}},
        "order": {"id": order.id, "source_id": order.source_id},
    }
    return msgspec.json.encode(said).decode()


def _keep_history(page: Page, entry: PendingEntry, change: str, points: int, at: datetime) -> None:
    page.add(
        EntryChange(
            id=page.ordered_id("lopc_", at),
            project_id=entry.project_id,
            customer_id=entry.customer_id,
            card_id=entry.card_id,
            entry_id=entry.id,
            change=change,
            points=points,
            created_at=at,
        )
    )


def _change_waiting(
    page: Page, entry: PendingEntry, card: Card, change: str, points: int, at: datetime, *, operation_type: str = "MANUAL"
) -> Card:
    """The card with what waits changed by `points`, the history's row, and the two events that tell of it."""
    _keep_history(page, entry, change, points, at)
    card = page.put(msgspec.structs.replace(card, pending_points=card.pending_points + points, updated_at=at))
    word = {"ADDED": "added", "ADJUSTED": "updated", "CANCELED": "canceled"}[change]
    refs = msgspec.structs.replace(_refs(page, entry, card), points=points, operation_type=operation_type)
    page.emit(f"voucher.loyalty_card.pending_points.{word}", card.id, refs, entry.customer_id, at)
    page.emit(f"customer.voucher.loyalty_card.pending_points.{word}", entry.customer_id, refs, entry.customer_id, at)
    return card


def _refs(page: Page, entry: PendingEntry, card: Card) -> Refs:
    customer, order = page.anybody(entry.customer_id), page.order(entry.order_id)
    campaign = page.configuration.campaign(entry.campaign_id)
    return Refs(
        customer=page.subject(customer),
        order=page.subject(order) if order else None,
        card=page.subject(card),
        after=page.numbers(card),
        entry=page.subject(entry),
        campaign=version_of(campaign) if campaign else (entry.campaign_id, entry.campaign_version),
    )


class _Details(msgspec.Struct):
    """The parts of an entry's details that are used again when it is activated."""

    event: dict[str, object]
    earning_rule: msgspec.Raw
    order: msgspec.Raw


def activate_entry(page: Page, entry: PendingEntry, at: datetime, operation_type: str) -> Transaction:
    """Puts the waiting points on the card (seed 004): a ledger row, a lot whose clock starts now, and the events.

    `operation_type` is MANUAL when somebody asked for it, AUTOMATIC on its date (decision 20). Then the tier is judged.
    """
    card = page.card(entry.card_id)
    assert card is not None, "an entry without its card"
    before = page.numbers(card)
    campaign = page.configuration.campaign(entry.campaign_id)
    rule = page.configuration.earning_rule(entry.rule_id)
    rules = (rule.expiration_rules if rule else None) or (campaign.expiration_rules if campaign else None)
    holder, membership = (
        held_tier(page, entry.customer_id, entry.campaign_id),
        page.membership(entry.customer_id, entry.campaign_id),
    )
    done = page.put(msgspec.structs.replace(entry, status="ACTIVATED", updated_at=at))
    _keep_history(page, done, "ACTIVATED", -entry.points, at)
    card = page.put(msgspec.structs.replace(card, pending_points=card.pending_points - entry.points))
    posting = Posting(
        type="PENDING_POINTS_ACTIVATION",
        operation_type=operation_type,
        source="Automation" if operation_type == "AUTOMATIC" else None,
        cause=_cause_text(entry),
    )
    card, transaction = credit(page, card, entry.points, expires_on(rules, local_date(at, page.zone)), posting, at)
    refs = msgspec.structs.replace(
        _refs(page, entry, card),
        transaction=page.subject(transaction),
        before=before,
        earning_rule=(entry.rule_id, entry.rule_version),
        holder_tier=version_of(holder) if holder else None,
        mapping_tier=_mapping_tier(entry),
        membership=page.subject(membership) if membership and holder else None,
        cause=_cause(entry),
        points=entry.points,
        operation_type=operation_type,
    )
    page.emit("voucher.loyalty_card.pending_points.activated", card.id, refs, entry.customer_id, at)
    page.emit("customer.voucher.loyalty_card.pending_points.activated", entry.customer_id, refs, entry.customer_id, at)
    page.emit("customer.rewarded.loyalty_points", entry.customer_id, refs, entry.customer_id, at)
    if campaign is not None:
        judge_tier(page, page.anybody(entry.customer_id), campaign, card, at)
    return transaction


def _mapping_tier(entry: PendingEntry) -> Version | None:
    if entry.mapping_tier_id is None or entry.mapping_tier_version is None:
        return None
    return (entry.mapping_tier_id, entry.mapping_tier_version)


def _cause(entry: PendingEntry) -> CausingEvent:
    said = msgspec.json.decode(entry.details, type=_Details).event
    return msgspec.convert(said, CausingEvent)


def _cause_text(entry: PendingEntry) -> str:
    details = msgspec.json.decode(entry.details, type=_Details)
    quoted = {
        "id": entry.id,
        "points": entry.points,
        "details": msgspec.Raw(entry.details.encode()),
        "order_id": entry.order_id,
        "created_at": utc_text(entry.created_at),
        "voucher_id": entry.card_id,
        "campaign_id": entry.campaign_id,
        "customer_id": entry.customer_id,
        "activates_at": entry.activates_on.isoformat(),
    }
    event = {"id": details.event["id"], "type": details.event["type"]}
    said = {"order": details.order, "event": event, "earning_rule": details.earning_rule, "pending_points": quoted}
    return msgspec.json.encode(said).decode()


def cancel_entry(page: Page, entry: PendingEntry, at: datetime, operation_type: str = "MANUAL") -> None:
    """The points will not come. The entry keeps its number; nothing else changes on the card."""
    card = page.card(entry.card_id)
    assert card is not None, "an entry without its card"
    done = page.put(msgspec.structs.replace(entry, status="CANCELED", updated_at=at))
    _change_waiting(page, done, card, "CANCELED", -entry.points, at, operation_type=operation_type)


class _EntryCommand(Command, frozen=True, kw_only=True):
    """A command about one pending entry of one card."""

    member: str
    entry_id: str

    def needs(self, configuration: Configuration) -> Needs:
        """The card with its holder, and the entry."""
        return Needs(cards=(self.member,), entries=(self.entry_id,))

    def waiting(self, page: Page, doing: str) -> PendingEntry:
        """The entry, when it still waits. Refuses: NotFound for card or entry; InvalidPendingPointsState."""
        card = page.card(self.member)
        if card is None:
            raise NotFound("voucher", self.member)
        entry = page.entry(self.entry_id)
        if entry is None or entry.card_id != card.id:
            raise NotFound("pending_points", self.entry_id)
        if entry.status != "PENDING":
            raise InvalidPendingPointsState(doing, entry.status)
        return entry

    def waiting_for(self, page: Page, doing: str) -> PendingEntry:
        """The same, when its points may still come. Refuses: NotFound for a deleted campaign too."""
        entry = self.waiting(page, doing)
        if page.configuration.campaign(entry.campaign_id) is None:
            raise NotFound("campaign", entry.campaign_id)
        return entry


class ActivatePendingPoints(_EntryCommand, frozen=True, kw_only=True):
    """Put waiting points on the card now."""

    def decide(self, page: Page) -> Transaction:
        """Refuses: NotFound; InvalidPendingPointsState."""
        return activate_entry(page, self.waiting_for(page, "activated"), page.tick(), "MANUAL")


class CancelPendingPoints(_EntryCommand, frozen=True, kw_only=True):
    """Let waiting points never come."""

    def decide(self, page: Page) -> None:
        """Refuses: NotFound; InvalidPendingPointsState."""
        cancel_entry(page, self.waiting(page, "canceled"), page.tick())


class PendingBalance(msgspec.Struct, frozen=True):
    """What an adjustment changed: the card, by how much, and what waits on the card now."""

    card_id: str
    points: int
    total: int


class AdjustPendingPoints(_EntryCommand, frozen=True, kw_only=True):
    """Change how many points wait, by a signed number."""

    points: int

    def decide(self, page: Page) -> PendingBalance:
        """Refuses: NotFound; InvalidPendingPointsState; InvalidAmount for 0, when nothing would be left to wait, and when
        more would than an operation may give (decision 48).
        """
        entry = self.waiting_for(page, "updated")
        if self.points == 0 or not 0 < entry.points + self.points <= MAX_POINTS:
            raise InvalidAmount
        at = page.tick()
        card = page.card(entry.card_id)
        assert card is not None, "an entry without its card"
        changed = page.put(msgspec.structs.replace(entry, points=entry.points + self.points, updated_at=at))
        card = _change_waiting(page, changed, card, "ADJUSTED", self.points, at)
        return PendingBalance(card.id, self.points, card.pending_points)
