"""Payloads of events: the `data` of each name, rendered from what the event points at (DESIGN 5).

One small function per shape, one table from names to shapes. The same event gives the same bytes whenever it is rendered: it
speaks of subjects as they were, of configuration by version, and of nothing else.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Raw

from tallybook.domain.cards import numbers_of
from tallybook.domain.config import Campaign, Category, Document, EarningRule, Tier
from tallybook.domain.occurrence import CardNumbers, CustomerSummary, Refs, Subject, Version
from tallybook.domain.records import (
    Card,
    Customer,
    Event,
    Occurrence,
    Order,
    PendingEntry,
    Publication,
    TierMembership,
    Transaction,
)
from tallybook.wire.campaigns import (
    campaign_brief,
    campaign_of_event,
    campaign_of_new_card,
    campaign_of_publication,
    campaign_simple,
)
from tallybook.wire.cards import voucher_full, voucher_got, voucher_simple14, voucher_simple17, voucher_simple19
from tallybook.wire.customers import customer_full, customer_simple
from tallybook.wire.earning_rules import rule_full, rule_parameters
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, encode, kept
from tallybook.wire.orders import order_calculated, order_simple
from tallybook.wire.pending_points import entry_full
from tallybook.wire.publications import publication_of_event
from tallybook.wire.tiers import tier_full, tier_of_member
from tallybook.wire.transactions import balance, pending_balance, transaction_brief, transaction_full

History = Callable[[str, int], Document]
"""Gives a configuration document by id and version, from the config history."""

_REFS = msgspec.json.Decoder(Refs)
_T = TypeVar("_T")

_campaign12 = kept(campaign_brief)
_campaign18 = kept(partial(campaign_simple, other_types=False))
_campaign18_with_nulls = kept(partial(campaign_simple, other_types=True))
_tier = kept(tier_full)
_rule = kept(rule_full)
_rule_parameters = kept(rule_parameters)
_order_calculated = kept(order_calculated, most=64)  # for the other events of the same order, and no longer
_order_simple = kept(order_simple, most=64)


class Scene:
    """All that one event speaks of. What an event has no reference to is None where it may be, else a broken event."""

    def __init__(
        self,
        event: Event,
        occurrence: Occurrence,
        subjects: Sequence[Subject],
        history: History,
        public_url: str,
    ) -> None:
        self.refs = _REFS.decode(event.refs)
        self.at = instant_text(event.created_at)
        self.public_url = public_url
        self._occurrence = occurrence
        self._subjects = subjects
        self._history = history

    def _subject(self, kind: type[_T], position: int | None) -> _T:
        assert position is not None, f"the event points at no {kind.__name__}"
        found = self._subjects[position]
        assert isinstance(found, kind), f"subject {position} is no {kind.__name__}"
        return found

    def _document(self, kind: type[_T], version: Version | None) -> _T:
        assert version is not None, f"the event names no version of a {kind.__name__}"
        found = self._history(*version)
        assert isinstance(found, kind), f"{version[0]} is no {kind.__name__}"
        return found

    @property
    def customer(self) -> Customer:
        return self._subject(Customer, self.refs.customer)

    @property
    def summary(self) -> CustomerSummary:
        return self._subject(CustomerSummary, self.refs.summary)

    @property
    def order(self) -> Order | None:
        return None if self.refs.order is None else self._subject(Order, self.refs.order)

    @property
    def referrer(self) -> Customer | None:
        """Who referred the order, if the occurrence speaks of them."""
        id = self.order and self.order.referrer_id
        return next((one for one in self._subjects if isinstance(one, Customer) and one.id == id), None) if id else None

    @property
    def card(self) -> Card:
        return self._subject(Card, self.refs.card)

    @property
    def publication(self) -> Publication:
        return self._subject(Publication, self.refs.publication)

    @property
    def transaction(self) -> Transaction:
        return self._subject(Transaction, self.refs.transaction)

    @property
    def entry(self) -> PendingEntry:
        return self._subject(PendingEntry, self.refs.entry)

    @property
    def campaign(self) -> Campaign:
        return self._document(Campaign, self.refs.campaign)

    @property
    def category(self) -> Category | None:
        """Of the card, or else of the campaign, as it was."""
        return None if self.refs.category is None else self._document(Category, self.refs.category)

    @property
    def earning_rule(self) -> EarningRule | None:
        return None if self.refs.earning_rule is None else self._document(EarningRule, self.refs.earning_rule)

    @property
    def after(self) -> CardNumbers:
        return self.refs.after or numbers_of(self.card)

    @property
    def before(self) -> CardNumbers:
        return self.refs.before or self.after

    def tier(self, version: Version | None) -> Raw:
        """A tier that the event cannot be without."""
        return _tier(self._document(Tier, version))

    @property
    def mapping_tier(self) -> Raw | None:
        """The tier whose mapping changed the points."""
        return None if self.refs.mapping_tier is None else self.tier(self.refs.mapping_tier)

    @property
    def holder_tier(self) -> Object | None:
        """The tier held before the transaction, with the dates of the membership (decision 38)."""
        if self.refs.holder_tier is None:
            return None
        membership = self._subject(TierMembership, self.refs.membership)
        return tier_of_member(self._document(Tier, self.refs.holder_tier), membership)

    @property
    def cause(self) -> Object | None:
        """The event that made a rule fire, without its source (EV6)."""
        cause = self.refs.cause
        if cause is None:
            return None
        return {
            "id": cause.id,
            "type": cause.type,
            "category": "EFFECT",
            "entity_id": cause.entity_id,
            "created_at": instant_text(cause.created_at),
            "group_id": cause.group_id or self._occurrence.id,
        }


def render(event: Event, occurrence: Occurrence, subjects: Sequence[Subject], history: History, public_url: str) -> bytes:
    """The `data` of an event as JSON bytes, the same each time. `public_url`: where this server is reached.

    Raises KeyError for a name that has no payload.
    """
    return encode(PAYLOADS[event.name](Scene(event, occurrence, subjects, history, public_url)))


def _customer(scene: Scene) -> Object:
    return {"customer": customer_full(scene.customer, scene.summary)}


def _order(scene: Scene) -> Object:
    order, referrer = scene.order, scene.referrer
    assert order is not None, "an order event without its order"
    return {
        "customer": customer_simple(scene.customer),
        "referrer": None if referrer is None else customer_simple(referrer),
        "order": _order_calculated(order),
        "redemption": None,
    }


def _skipped_rule(scene: Scene) -> Object:
    """Ours, seen in activities only: a rule whose result was out of bounds (decision 48)."""
    order, rule = scene.order, scene.earning_rule
    return {
        "customer": customer_simple(scene.customer),
        "order": None if order is None else _order_simple(order),
        "earning_rule": None if rule is None else _rule(rule),
        "reason": scene.refs.reason,
    }


def _rewarded_points(scene: Scene) -> Object:
    """Seed 002: the voucher as it was before the accrual, beside the balance after it (decision 19)."""
    customer, campaign, order, rule = customer_simple(scene.customer), scene.campaign, scene.order, scene.earning_rule
    return {
        "customer": customer,
        "holder": customer,
        "voucher": voucher_simple14(scene.card, campaign, scene.before),
        "campaign": _campaign12(campaign),
        "loyalty_tier": scene.mapping_tier,
        "earning_rule": None if rule is None else _rule(rule),
        "balance": balance(scene.transaction, operation_type=True),
        "order": None if order is None else _order_calculated(order),
        "event": scene.cause,
    }


def _points_added(scene: Scene) -> Object:
    """Seed 000: the card after the addition; the transaction in five keys, without its details (decision 26)."""
    return {
        "voucher": voucher_simple14(scene.card, scene.campaign, scene.after),
        "balance": balance(scene.transaction, operation_type=True),
        "campaign": _campaign12(scene.campaign),
        "customer": customer_simple(scene.customer),
        "transaction": transaction_brief(scene.transaction),
    }


def _customer_points_added(scene: Scene) -> Object:
    """The customer twin, of additions and removals; the whole transaction, no `operation_type` (decisions 20 and 26)."""
    return {
        "customer": {key: value for key, value in customer_simple(scene.customer).items() if key != "email"},
        "campaign": _campaign18(scene.campaign),
        "voucher": voucher_simple17(scene.card, scene.campaign, scene.after),
        "balance": balance(scene.transaction, operation_type=False),
        "transaction": transaction_full(scene.transaction, operation_type=False),
    }


def _pending_changed(scene: Scene) -> Object:
    """Seed 001: an entry was made, adjusted or canceled; what waits on the card is that after it."""
    order, refs, card = scene.order, scene.refs, scene.card
    waiting = pending_balance(card.id, refs.points, scene.after.pending_points, refs.operation_type or "MANUAL")
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign18(scene.campaign),
        "voucher": voucher_simple17(card, scene.campaign, scene.after),
        "voucher_pending_points_balance": waiting,
        "order": None if order is None else _order_simple(order),
        "pending_points": entry_full(scene.entry),
    }


def _pending_changed_on_card(scene: Scene) -> Object:
    """The card's twin: its voucher carries the categories too."""
    return {
        **_pending_changed(scene),
        "campaign": _campaign18_with_nulls(scene.campaign),
        "voucher": voucher_simple19(scene.card, scene.campaign, scene.after, scene.category),
    }


def _pending_canceled_on_card(scene: Scene) -> Object:
    """The card's twin of a cancellation has one key more, always null."""
    return {**_pending_changed(scene), "campaign": _campaign18_with_nulls(scene.campaign), "redemption": None}


def _pending_activated(scene: Scene) -> Object:
    """Seed 004: waiting points are on the card now."""
    order = scene.order
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign18_with_nulls(scene.campaign),
        "voucher": voucher_simple17(scene.card, scene.campaign, scene.after),
        "balance": balance(scene.transaction, operation_type=True),
        "order": None if order is None else _order_simple(order),
        "transaction": transaction_full(scene.transaction),
        "pending_points": entry_full(scene.entry),
    }


def _customer_pending_activated(scene: Scene) -> Object:
    """The customer twin of seed 004: the campaign in the form that has no nulls of other card types."""
    return {**_pending_activated(scene), "campaign": _campaign18(scene.campaign)}


def _transaction(scene: Scene) -> Object:
    """Seed 003: seventeen keys, null where this type of transaction has nothing to say; no `operation_type` (decision 20)."""
    transaction, campaign, order, rule = scene.transaction, scene.campaign, scene.order, scene.earning_rule
    return {
        "transaction": transaction_full(transaction, operation_type=False),
        "voucher": voucher_full(scene.card, campaign, scene.after, scene.public_url),
        "campaign": _campaign18_with_nulls(campaign),
        "holder": customer_simple(scene.customer),
        "holder_loyalty_tier": scene.holder_tier,
        "balance": balance(transaction, operation_type=False),
        "order": None if order is None else _order_simple(order),
        "event": scene.cause,
        "earning_rule": None if rule is None else _rule_parameters(rule),
        "segment": None,
        "loyalty_tier": scene.mapping_tier,
        "redemption": None,
        "rollback": None,
        "reward": None,
        "custom_event": None,
        "source_voucher": None,
        "destination_voucher": None,
    }


def _member_tier(scene: Scene) -> Object:
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign18(scene.campaign),
        "loyalty_tier": scene.tier(scene.refs.tier),
        "created_at": scene.at,
    }


def _member_tiers(scene: Scene) -> Object:
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign18(scene.campaign),
        "loyalty_tier_from": scene.tier(scene.refs.tier_from),
        "loyalty_tier_to": scene.tier(scene.refs.tier),
        "created_at": scene.at,
    }


def _card_created(scene: Scene) -> Object:
    return {
        "voucher": voucher_full(scene.card, scene.campaign, scene.after, scene.public_url),
        "campaign": campaign_of_new_card(scene.campaign),
    }


def _card_updated(scene: Scene) -> Object:
    campaign = scene.campaign
    return {
        "voucher": voucher_full(scene.card, campaign, scene.after, scene.public_url, scene.category),
        "campaign": {"id": campaign.id, "name": campaign.name, "object": "campaign"},
    }


def _card_switched(scene: Scene) -> Object:
    """As voucher.updated, and the voucher with its rule assignments."""
    voucher = voucher_got(scene.card, scene.campaign, scene.after, scene.public_url, scene.category)
    return {**_card_updated(scene), "voucher": voucher}


def _card_deleted(scene: Scene) -> Object:
    return {
        "voucher": voucher_full(scene.card, scene.campaign, scene.after, scene.public_url, scene.category),
        "campaign": _campaign18(scene.campaign),
    }


def _card_published(scene: Scene) -> Object:
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign12(scene.campaign),
        "publication": publication_of_event(scene.publication, scene.customer),
        "voucher": voucher_simple14(scene.card, scene.campaign, scene.after),
        "created_at": scene.at,
    }


def _publication(scene: Scene) -> Object:
    """`vouchers` is an array, as the example has it; `user` is null, for no dashboard user has an id."""
    return {
        "user": None,
        "campaign": campaign_of_publication(scene.campaign),
        "customer": customer_simple(scene.customer),
        "vouchers": [voucher_simple14(scene.card, scene.campaign, scene.after)],
        "publication": publication_of_event(scene.publication, scene.customer),
    }


def _customer_publication(scene: Scene) -> Object:
    voucher = voucher_full(scene.card, scene.campaign, scene.after, scene.public_url, scene.category)
    return {
        "customer": customer_simple(scene.customer),
        "campaign": _campaign18(scene.campaign),
        "publication": publication_of_event(scene.publication, scene.customer, voucher),
        "voucher": voucher_simple17(scene.card, scene.campaign, scene.after),
    }


def _campaign(scene: Scene) -> Object:
    return {"campaign": campaign_of_event(scene.campaign, scene.refs.vouchers_count)}


def _campaign_created(scene: Scene) -> Object:
    return {"campaign": campaign_of_event(scene.campaign, scene.refs.vouchers_count, scene.category)}


def _campaign_deleted(scene: Scene) -> Object:
    return {**_campaign(scene), "deleted_at": scene.at}


def _generation(scene: Scene, word: str) -> Object:
    """The documented event says when it `completed_at`; its siblings, of which no example exists, are shaped like it."""
    return {
        "count": scene.refs.count,
        "campaign": campaign_of_new_card(scene.campaign),
        f"{word}_at": scene.at,
    }


def _generation_failed(scene: Scene) -> Object:
    return {**_generation(scene, "failed"), "reason": scene.refs.reason}


def _campaign_tier(scene: Scene) -> Object:
    return {"campaign": _campaign18_with_nulls(scene.campaign), "loyalty_tier": scene.tier(scene.refs.tier)}


def _campaign_rule(scene: Scene) -> Object:
    """No example of these exists: shaped like their siblings of loyalty tiers."""
    return {
        "campaign": _campaign18_with_nulls(scene.campaign),
        "earning_rule": scene.earning_rule and _rule(scene.earning_rule),
    }


PAYLOADS: dict[str, Callable[[Scene], Object]] = {
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.deleted": _customer,
    "customer.order.created": _order,
    "customer.order.paid": _order,
    "customer.order.updated": _order,
    "customer.order.canceled": _order,
    "customer.order.fulfilled": _order,
    "customer.earning_rule.skipped": _skipped_rule,
    "customer.rewarded.loyalty_points": _rewarded_points,
    "voucher.loyalty_card.points_added": _points_added,
    "customer.voucher.loyalty_card.points_added": _customer_points_added,
    "voucher.loyalty_card.pending_points.added": _pending_changed_on_card,
    "voucher.loyalty_card.pending_points.updated": _pending_changed_on_card,
    "voucher.loyalty_card.pending_points.canceled": _pending_canceled_on_card,
    "voucher.loyalty_card.pending_points.activated": _pending_activated,
    "customer.voucher.loyalty_card.pending_points.added": _pending_changed,
    "customer.voucher.loyalty_card.pending_points.updated": _pending_changed,
    "customer.voucher.loyalty_card.pending_points.canceled": _pending_changed,
    "customer.voucher.loyalty_card.pending_points.activated": _customer_pending_activated,
    "voucher.loyalty_card.transaction.created": _transaction,
    "customer.loyalty.tier.joined": _member_tier,
    "customer.loyalty.tier.left": _member_tier,
    "customer.loyalty.tier.upgraded": _member_tiers,
    "customer.loyalty.tier.downgraded": _member_tiers,
    "voucher.created": _card_created,
    "voucher.updated": _card_updated,
    "voucher.enabled": _card_switched,
    "voucher.disabled": _card_switched,
    "voucher.deleted": _card_deleted,
    "voucher.published": _card_published,
    "publication.succeeded": _publication,
    "customer.publication.succeeded": _customer_publication,
    "campaign.created": _campaign_created,
    "campaign.updated": _campaign,
    "campaign.enabled": _campaign,
    "campaign.disabled": _campaign,
    "campaign.deleted": _campaign_deleted,
    "campaign.vouchers.added": partial(_generation, word="added"),
    "campaign.vouchers.generation.started": partial(_generation, word="started"),
    "campaign.vouchers.generation.completed": partial(_generation, word="completed"),
    "campaign.vouchers.generation.failed": _generation_failed,
    "campaign.loyalty_tier.created": _campaign_tier,
    "campaign.loyalty_tier.updated": _campaign_tier,
    "campaign.loyalty_tier.deleted": _campaign_tier,
    "campaign.earning_rule.assigned": _campaign_rule,
    "campaign.earning_rule.updated": _campaign_rule,
    "campaign.earning_rule.deleted": _campaign_rule,
    "campaign.earning_rule.enabled": _campaign_rule,
    "campaign.earning_rule.disabled": _campaign_rule,
}
"""How each event is shown, by its name on the wire."""
