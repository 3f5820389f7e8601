"""What the webhooks said: counts by type, and each card and customer as its newest event shows it."""

from collections import Counter

import msgspec

TRANSACTION = "voucher.loyalty_card.transaction.created"
ADDED = "voucher.loyalty_card.pending_points.added"
ACTIVATED = "voucher.loyalty_card.pending_points.activated"
"""Tells of a transaction too, in place of transaction.created."""
TIER_EVENTS = "customer.loyalty.tier."


class _Reference(msgspec.Struct):
    id: str
    source_id: str | None = None


class Envelope(msgspec.Struct):
    """The part of a webhook's body that every event has. `id` names the send-out: a repeated attempt has the same."""

    id: str
    type: str
    event: _Reference
    data: msgspec.Raw


class _CardPoints(msgspec.Struct):
    points: int
    balance: int


class _Voucher(msgspec.Struct):
    code: str
    loyalty_card: _CardPoints


class _Points(msgspec.Struct):
    points: int


class _Transaction(msgspec.Struct):
    transaction: _Reference
    voucher: _Voucher
    balance: _Points


class _TransactionCreated(_Transaction):
    holder: _Reference


class _Activated(_Transaction):
    customer: _Reference
    pending_points: _Points


class _Added(msgspec.Struct):
    voucher: _Voucher
    pending_points: _Points


class _Tier(msgspec.Struct):
    name: str


class _TierEvent(msgspec.Struct):
    customer: _Reference
    loyalty_tier: _Tier | None = None
    loyalty_tier_to: _Tier | None = None


class SeenCard(msgspec.Struct, frozen=True):
    """A card as the newest of its transactions that arrived shows it."""

    transaction_id: str
    code: str
    customer: str
    points: int
    balance: int


class Tally:
    """Counts events once each, in whatever order and however often they arrive. Written by the receiver's thread alone."""

    def __init__(self) -> None:
        self.arrived = 0
        self.repeated = 0
        self.bad_signatures = 0
        self.unreadable = 0
        self.verified: Counter[str] = Counter()
        self.points_issued = 0
        self.cards: dict[str, SeenCard] = {}
        self.waiting: Counter[str] = Counter()
        """Points that wait, by the code of their card."""
        self._tiers: dict[str, tuple[str, str | None]] = {}
        self._seen: set[str] = set()

    def add(self, body: bytes) -> None:
        """Take in one event whose signature was verified. Raises msgspec.DecodeError when it is not what it should be."""
        envelope = msgspec.json.decode(body, type=Envelope)
        if envelope.id in self._seen:
            self.repeated += 1
            return
        if envelope.type == TRANSACTION:
            created = msgspec.json.decode(envelope.data, type=_TransactionCreated)
            self._see_transaction(created, created.holder)
        elif envelope.type == ADDED:
            added = msgspec.json.decode(envelope.data, type=_Added)
            self.waiting[added.voucher.code] += added.pending_points.points
        elif envelope.type == ACTIVATED:
            activated = msgspec.json.decode(envelope.data, type=_Activated)
            self._see_transaction(activated, activated.customer)
            self.waiting[activated.voucher.code] -= activated.pending_points.points
        elif envelope.type.startswith(TIER_EVENTS):
            self._see_tier(envelope, msgspec.json.decode(envelope.data, type=_TierEvent))
        self._seen.add(envelope.id)
        self.verified[envelope.type] += 1

    def missing(self, expected: dict[str, int]) -> dict[str, int]:
        """How many events of each type have not arrived yet; empty when all have."""
        return {name: count - self.verified[name] for name, count in expected.items() if self.verified[name] < count}

    def tier_of(self, customer: str) -> str | None:
        """The tier that the newest tier event of this customer led to."""
        return self._tiers.get(customer, ("", None))[1]

    def customers_by_tier(self) -> Counter[str]:
        """How many customers hold each tier, by name."""
        return Counter(name for _, name in self._tiers.values() if name is not None)

    def top_cards(self, count: int) -> list[SeenCard]:
        """The cards with the most points on them, the most first."""
        return sorted(self.cards.values(), key=lambda card: (-card.balance, card.code))[:count]

    def _see_transaction(self, fact: _Transaction, holder: _Reference) -> None:
        self.points_issued += max(fact.balance.points, 0)
        known = self.cards.get(fact.voucher.code)
        # Ids of transactions grow with time (decision 34), whatever order their events arrive in.
        if known is None or known.transaction_id < fact.transaction.id:
            self.cards[fact.voucher.code] = SeenCard(
                transaction_id=fact.transaction.id,
                code=fact.voucher.code,
                customer=holder.source_id or holder.id,
                points=fact.voucher.loyalty_card.points,
                balance=fact.voucher.loyalty_card.balance,
            )

    def _see_tier(self, envelope: Envelope, fact: _TierEvent) -> None:
        customer = fact.customer.source_id or fact.customer.id
        if self._tiers.get(customer, ("", None))[0] < envelope.event.id:
            tier = fact.loyalty_tier_to or fact.loyalty_tier
            held = None if tier is None or envelope.type == f"{TIER_EVENTS}left" else tier.name
            self._tiers[customer] = (envelope.event.id, held)
