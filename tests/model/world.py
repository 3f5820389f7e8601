"""A second loyalty engine, as small as it can be: what the documents say of points, by hand, for one shop in one time zone.

It knows nothing of the real one, and keeps everything in plain lists and dictionaries. What it is asked while something forbids
it, it refuses with `No` and the key that clients see. Everybody is settled whenever the clock moves. Rules by their source:
D = decision, S = semantics.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.model.lifetimes import Lifetime

MOST = 10**9
"""Points of one operation (D48)."""


class No(Exception):
    """A refusal, by the keys that a client may see."""

    def __init__(self, *keys: str) -> None:
        super().__init__(" or ".join(keys))
        self.keys = keys


@dataclass
class Rule:
    """What a paid order gives: `points`, for each whole `every` of the amount where that is said, after `wait` days."""

    id: str
    made_at: datetime
    points: int
    every: int | None = None
    of_total: bool = False
    wait: int | None = None
    lifetime: Lifetime | None = None
    active: bool = True

    def gives(self, order: "Order", mapping: "Mapping | None") -> int:
        """Exact: whole multiples, then the tier, then one rounding, half up (D1)."""
        base = mapping.points if mapping is not None and mapping.points is not None else self.points
        if self.every is not None:
            base *= (order.total if self.of_total else order.amount or 0) // self.every
        scaled = base * (mapping.factor if mapping is not None else Fraction(1))
        return int(scaled + Fraction(1, 2))


@dataclass(frozen=True)
class Mapping:
    """What a tier makes of a rule: other points, or a factor (S 5.2)."""

    points: int | None = None
    factor: Fraction = Fraction(1)


@dataclass
class Tier:
    """A range of balances, both ends included."""

    name: str
    first: int
    last: int | None
    mappings: dict[str, Mapping] = field(default_factory=dict)


@dataclass
class Programme:
    """A campaign. `cards_left`: how many more it can give; None is any number."""

    id: str
    auto_join: bool
    initial: int
    lifetime: Lifetime | None
    cards_left: int | None = None
    rules: list[Rule] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)
    active: bool = True
    deleted: bool = False

    def tier_at(self, balance: int) -> Tier | None:
        """The tier that a balance is in (S 5.1)."""
        held = [tier for tier in self.tiers if tier.first <= balance and (tier.last is None or balance <= tier.last)]
        return held[0] if held else None

    def in_turn(self) -> list[Rule]:
        """The rules in the order in which they give (D3)."""
        return sorted(self.rules, key=lambda rule: (rule.made_at, rule.id))


@dataclass
class Customer:
    """Somebody. `id` is what the engine calls them, once it has answered."""

    source_id: str
    id: str = ""
    deleted: bool = False


@dataclass
class Order:
    """An order. `awarded`: the rules that have ever given something for it (D6)."""

    source_id: str
    customer: Customer | None = None
    status: str = ""
    amount: int | None = None
    discount: int = 0
    awarded: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """After the discount, never below nothing (S 9)."""
        return max((self.amount or 0) - self.discount, 0)


@dataclass
class Entry:
    """Points that wait. They come on the day `activates_on`; entries of a day in the order of `due`."""

    order: Order
    rule: Rule
    points: int
    due: datetime
    activates_on: date
    status: str = "PENDING"


@dataclass(frozen=True)
class Row:
    """A row of the ledger, with the card's balance and total after it, and the local day on which it was written."""

    type: str
    points: int
    balance: int
    total: int
    operation_type: str | None
    source: str | None
    on: date


@dataclass
class Card:
    """A member's card. A lot's day is None for points that do not expire."""

    programme: Programme
    holder: Customer
    active: bool = True
    points: int = 0
    subtracted: int = 0
    lots: dict[date | None, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    tier: Tier | None = None
    tier_since: date | None = None

    @property
    def balance(self) -> int:
        """What can be spent (D2)."""
        return self.points - self.subtracted

    @property
    def waiting(self) -> list[Entry]:
        """The entries that are pending."""
        return [entry for entry in self.entries if entry.status == "PENDING"]


class World:
    """A shop with its programmes, members and orders, at one instant."""

    def __init__(self, now: datetime, zone: ZoneInfo) -> None:
        self.now = now
        self.zone = zone
        self.programmes: list[Programme] = []
        self.people: list[Customer] = []
        self.orders: dict[str, Order] = {}
        self.cards: list[Card] = []

    @property
    def today(self) -> date:
        """The day it is where the shop is."""
        return self.now.astimezone(self.zone).date()

    def somebody(self, source_id: str) -> Customer | None:
        """A customer who was not deleted."""
        return next((one for one in self.people if one.source_id == source_id and not one.deleted), None)

    def card_of(self, customer: Customer, programme: Programme) -> Card | None:
        """The customer's card of a programme."""
        return next((card for card in self.cards if card.holder is customer and card.programme is programme), None)

    def earliest_expiry(self) -> date | None:
        """The first day at whose end points expire."""
        days = [day for card in self.cards for day, points in card.lots.items() if day is not None and points > 0]
        return min(days, default=None)

    # --- points ---

    def _credit(self, card: Card, points: int, day: date | None, kind: str, how: str, source: str | None, on: date) -> None:
        card.points += points
        card.lots[day] = card.lots.get(day, 0) + points
        card.ledger.append(Row(kind, points, card.balance, card.points - card.subtracted, how, source, on))
        self._judge(card, on)

    def _judge(self, card: Card, on: date) -> None:
        """The tier follows the balance at once (S 5.3, the default; D38)."""
        tier = card.programme.tier_at(card.balance)
        if tier is not card.tier:
            card.tier, card.tier_since = tier, on

    def _ends(self, lifetime: Lifetime | None, on: date) -> date | None:
        return lifetime.last_day(on) if lifetime is not None else None

    # --- members ---

    def join(self, programme: Programme, source_id: str) -> Card:
        """Give somebody, made known on the way, a card (S 3; D10, D11)."""
        if programme.deleted:
            raise No("not_found")
        customer = self.somebody(source_id)
        if customer is not None and self.card_of(customer, programme) is not None:
            raise No("voucher_cannot_be_published")
        if programme.cards_left == 0:
            raise No("no_voucher_suitable_for_publication")
        return self._publish(programme, customer or self._meet(source_id))

    def _meet(self, source_id: str) -> Customer:
        customer = self.somebody(source_id)
        if customer is None:
            customer = Customer(source_id)
            self.people.append(customer)
        return customer

    def _publish(self, programme: Programme, customer: Customer) -> Card:
        if programme.cards_left is not None:
            programme.cards_left -= 1
        card = Card(programme, customer, points=programme.initial)
        if programme.initial:
            card.lots[self._ends(programme.lifetime, self.today)] = programme.initial
        self.cards.append(card)
        self._judge(card, self.today)
        return card

    def forget(self, source_id: str) -> None:
        """Delete a customer: the cards are off, what waits is canceled (D45)."""
        customer = self.somebody(source_id)
        if customer is None:
            raise No("not_found")
        customer.deleted = True
        for card in self.cards:
            if card.holder is customer:
                card.active = False
                for entry in card.waiting:
                    entry.status = "CANCELED"

    def drop(self, programme: Programme) -> None:
        """Delete a programme: its cards keep what is on them, and nobody is in its tiers."""
        programme.deleted = True
        for card in self.cards:
            if card.programme is programme:
                card.tier = None

    # --- orders ---

    def put_order(
        self, source_id: str, person: str | None, status: str | None, amount: int | None, discount: int | None
    ) -> Order:
        """Store what is said of an order; award it when it becomes paid (S 9; D3, D6, D42)."""
        order = self.orders.setdefault(source_id, Order(source_id))
        if person is not None:
            order.customer = self._meet(person)
        order.amount = order.amount if amount is None else amount
        order.discount = order.discount if discount is None else discount
        before, order.status = order.status, status or order.status or "CREATED"
        if order.status == "PAID" != before and order.customer is not None and not order.customer.deleted:
            for programme in self.programmes:
                self._award(programme, order, order.customer)
        return order

    def _award(self, programme: Programme, order: Order, customer: Customer) -> None:
        card = self.card_of(customer, programme)
        if programme.deleted or not programme.active or (card is not None and not card.active):
            return
        given = list(self._given(programme, order, card.tier if card is not None else None))
        if card is None and given and programme.auto_join and programme.cards_left != 0:
            card = self._publish(programme, customer)
        if card is None:
            return
        for rule, points in given:
            order.awarded.add(rule.id)
            if rule.wait is None:
                ends = self._ends(rule.lifetime or programme.lifetime, self.today)
                self._credit(card, points, ends, "POINTS_ACCRUAL", "AUTOMATIC", "Automation", self.today)
            else:
                due = self.now.astimezone(self.zone) + timedelta(days=rule.wait)
                card.entries.append(Entry(order, rule, points, due.astimezone(UTC), due.date()))

    def _given(self, programme: Programme, order: Order, tier: Tier | None) -> Iterator[tuple[Rule, int]]:
        """What each rule gives, by the tier held before (D3); nothing, and too much, is no award (D37, D48)."""
        for rule in programme.in_turn():
            points = rule.gives(order, tier.mappings.get(rule.id) if tier is not None else None)
            if rule.active and rule.id not in order.awarded and 0 < points <= MOST:
                yield rule, points

    # --- points by hand ---

    def adjust(self, card: Card, points: int, kind: str | None, day: date | None, source: str | None) -> None:
        """Add points or take some, those first that expire first (S 6.7; D9, D10, D39)."""
        if card.programme.deleted or card.holder.deleted:
            raise No("not_found", "not_published")
        if points == 0 or abs(points) > MOST:
            raise No("invalid_amount")
        if points < -card.balance:
            raise No("loyalty_card_points_exceeded")
        if kind == "CUSTOM_DATE" and day is not None and day < self.today:
            raise No("invalid_expiration_date")
        if points > 0:
            ends = {"NON_EXPIRING": None, "CUSTOM_DATE": day}.get(kind or "", self._ends(card.programme.lifetime, self.today))
            self._credit(card, points, ends, "POINTS_ADDITION", "MANUAL", source, self.today)
            return
        left = -points
        for lot in sorted(card.lots, key=lambda lot: lot or date.max):
            taken = min(left, card.lots[lot])
            card.lots[lot] -= taken
            left -= taken
        card.subtracted -= points
        total = card.points - card.subtracted
        card.ledger.append(Row("POINTS_REMOVAL", points, card.balance, total, "MANUAL", source, self.today))
        self._judge(card, self.today)

    # --- points that wait ---

    def _open(self, card: Card, entry: Entry) -> None:
        if entry not in card.entries:
            raise No("not_found")
        if entry.status != "PENDING":
            raise No("invalid_pending_points_state")

    def activate(self, card: Card, entry: Entry) -> None:
        """Put what waits on the card now (S 6.5)."""
        self._open(card, entry)
        if card.programme.deleted:
            raise No("not_found")
        self._activate(card, entry, "MANUAL", self.today)

    def _activate(self, card: Card, entry: Entry, how: str, on: date) -> None:
        """Its time begins now (D18)."""
        entry.status = "ACTIVATED"
        own = entry.rule.lifetime if entry.rule in card.programme.rules else None
        source = "Automation" if how == "AUTOMATIC" else None
        ends = self._ends(own or card.programme.lifetime, on)
        self._credit(card, entry.points, ends, "PENDING_POINTS_ACTIVATION", how, source, on)

    def cancel(self, card: Card, entry: Entry) -> None:
        """Let what waits never come; the award stays used up (D6)."""
        self._open(card, entry)
        entry.status = "CANCELED"

    def adjust_entry(self, card: Card, entry: Entry, points: int) -> None:
        """Change what waits; something must be left (S 6.5)."""
        self._open(card, entry)
        if card.programme.deleted:
            raise No("not_found")
        if points == 0 or not 0 < entry.points + points <= MOST:
            raise No("invalid_amount")
        entry.points += points

    # --- time ---

    def move(self, now: datetime) -> None:
        """Every midnight on the way: what is due on a day comes at its beginning, and not at all from a deleted campaign."""
        while self.today < now.astimezone(self.zone).date():
            tomorrow = self.today + timedelta(days=1)
            self.now = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self.zone).astimezone(UTC)
            for card in self.cards:
                for entry in sorted(card.waiting, key=lambda one: one.due):
                    if entry.activates_on <= tomorrow and card.programme.deleted:
                        entry.status = "CANCELED"
                    elif entry.activates_on <= tomorrow:
                        self._activate(card, entry, "AUTOMATIC", tomorrow)
        self.now = now
