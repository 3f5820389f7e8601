"""The machine: does the same to the model and to a real engine with a real store, and compares them after every step."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, text

from tallybook.api.call import Look
from tallybook.domain.refusals import Refusal
from tallybook.ids import Ids
from tallybook.jobs.midnight import Midnight
from tallybook.store.read_book import BookReader
from tallybook.usecases.adjust_balance import AdjustBalance
from tallybook.usecases.campaigns import CampaignFields, CreateCampaign, SwitchCampaign
from tallybook.usecases.command import Command
from tallybook.usecases.customers import DeleteCustomer
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.earning_rules import CreateEarningRules, DeleteEarningRule, EarningRuleFields, UpdateEarningRule
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.move_test_clock import MoveTestClock
from tallybook.usecases.pending_points import ActivatePendingPoints, AdjustPendingPoints, CancelPendingPoints
from tallybook.usecases.put_order import OrderFields, PutOrder
from tallybook.usecases.tiers import CreateTiers, TierFields
from tests.books import PROJECT, Book
from tests.model.lifetimes import Lifetime
from tests.model.state import CardState, Key, differences, of_model, of_page, of_store
from tests.model.world import Card, Customer, Entry, Mapping, No, Programme, Rule, Tier, World

ZONE = ZoneInfo("Europe/Warsaw")
START = datetime(2025, 1, 10, 8, 30, tzinfo=UTC)
LAST_DAY = date(2025, 11, 30)
"""Where the test clock stops: everything that lives by a rule lives longer."""

T = TypeVar("T")
OpenBook = Callable[[], AbstractContextManager[Book]]

pick = st.integers(0, 99)
people = st.sampled_from(["ann", "ben", "cid"])
order_names = st.sampled_from(["o1", "o2", "o3"])
statuses = st.sampled_from(["PAID", "PAID", "PAID", "CREATED", "CANCELED", "FULFILLED"])
amounts = st.sampled_from([700, 1_450, 2_500, 12_345, 99, 0, 10**12])
discounts = st.sampled_from([50, 700])
lifetimes = st.none() | st.sampled_from(
    [
        Lifetime(12),
        Lifetime(10, "END_OF_MONTH"),
        Lifetime(11, "PARTICULAR_MONTH", 2),
        Lifetime(9, "END_OF_QUARTER"),
        Lifetime(8, "END_OF_HALF_YEAR"),
        Lifetime(6, "END_OF_YEAR"),
        Lifetime(day_of_year=(12, 31)),
    ]
)
formulas = st.tuples(st.sampled_from([3, 10, 1, 0]), st.sampled_from([None, 100, 700, 1]), st.booleans())
"""Points, for each whole so many cents, of the total."""
waits = st.sampled_from([2, None, 1, 7, 90])
rules = st.lists(st.tuples(formulas, waits, st.none() | lifetimes), min_size=1, max_size=3)
tiers = st.sampled_from([(), ((0, 9), (10, 29), (30, None)), ((1, 9), (20, 40)), ((5, None),)])
mappings = st.sampled_from([None, Mapping(points=4), Mapping(factor=Fraction(2)), Mapping(factor=Fraction(5, 2))])
puts = st.tuples(order_names, people | st.none(), statuses, amounts | st.none(), st.none() | discounts)
rarely = st.sampled_from([False, False, False, True])
times = st.tuples(st.sampled_from([1, 2, 0, 7, 40]), st.sampled_from([9, 0, 23]), st.booleans())
"""Days to pass, the hour of the day that comes then, and whether the sweep comes at once."""
members = st.lists(people, unique=True)
programmes = st.tuples(
    st.booleans(), st.sampled_from([0, 5]), rarely, lifetimes, rules, tiers, st.lists(mappings, min_size=9, max_size=9), members
)
"""Auto-join, initial points, one card only, how long points live, rules, tiers, their mappings, and who is a member."""


def _formula(points: int, every: int | None, of_total: bool) -> dict[str, Any]:
    if every is None:
        return {"type": "FIXED", "points": points}
    measure = "total_amount" if of_total else "amount"
    config = {"order": {measure: {"every": every, "points": points}}}
    return {"type": "PROPORTIONAL", "calculation_type": f"ORDER_{measure.upper()}"} | config


def _mapping(mapping: Mapping) -> dict[str, Any]:
    if mapping.points is not None:
        return {"type": "CUSTOM", "points": mapping.points}
    return {"type": "MULTIPLY", "multiplier": float(mapping.factor)}


def _days(wait: int | None) -> dict[str, Any] | None:
    return None if wait is None else {"period_type": "DAY", "period_value": wait}


class BookMachine(RuleBasedStateMachine):
    """A shop and its members, twice. Each rule does one thing to both; what one refuses, the other must refuse."""

    def __init__(self, open_book: OpenBook) -> None:
        super().__init__()
        self._open = ExitStack()
        self.book = self._open.enter_context(open_book())
        self.world = World(START, ZONE)
        self.swept = True
        self._fresh = 0
        self._gone: set[tuple[str, datetime]] = set()
        now = lambda: START  # noqa: E731  # the real time stands still, since nothing lives by it
        self._midnight = Midnight(self.book.database, self.book.engine, Ids(2), now)
        self._reader = BookReader(sqlite=self.book.database.is_sqlite, ids=Ids(3))

    def teardown(self) -> None:
        """Close the book."""
        self._open.close()

    # --- doing things twice ---

    def _both(self, model: Callable[[], T], command: Command) -> tuple[T | None, Any]:
        """Do one thing to the model and to the engine; give what each says, which is None for both if it is refused."""
        (said,) = self._all([(model, command)])
        return said

    def _all(self, pairs: Sequence[tuple[Callable[[], Any], Command]]) -> list[tuple[Any, Any]]:
        answers = self.book.together([command for _, command in pairs])
        told: list[tuple[Any, Any]] = []
        for (model, command), answer in zip(pairs, answers, strict=True):
            expected, no = None, None
            try:
                expected = model()
            except No as refused:
                no = refused
            answered = answer.key if isinstance(answer, Refusal) else answer if isinstance(answer, Exception) else "done"
            allowed = no.keys if no is not None else ("done",)
            assert answered in allowed, f"{command}: {answered!r}; the model says {' or '.join(allowed)}"
            told.append((None, None) if no is not None else (expected, answer))
        return told

    def _configure(self, command: Command) -> Any:
        """Change the configuration. Everybody is settled first: what the past brought does not depend on it."""
        self.sweep()
        return self.book.do(command)

    @staticmethod
    def _nth(things: list[T], number: int) -> T:
        return things[number % len(things)]

    @property
    def _living(self) -> list[Programme]:
        return [programme for programme in self.world.programmes if not programme.deleted]

    def _card_id(self, card: Card) -> str:
        sql = "SELECT id FROM cards WHERE customer_id = :a AND campaign_id = :b"
        return self._ask(sql, card.holder.id, card.programme.id)

    def _entry_id(self, entry: Entry) -> str:
        sql = """SELECT e.id FROM pending_entries e JOIN orders o ON o.id = e.order_id
                 WHERE o.source_id = :a AND e.rule_id = :b"""
        return self._ask(sql, entry.order.source_id, entry.rule.id)

    def _ask(self, sql: str, a: str, b: str) -> str:
        with self.book.database.reading() as connection:
            return str(connection.execute(text(sql), {"a": a, "b": b}).scalar_one())

    # --- the shop ---

    @initialize(shop=st.lists(programmes, min_size=2, max_size=3))
    def open_shop(self, shop: list[Any]) -> None:
        """Two or three programmes, with rules, tiers and members."""
        self.book.webhook()
        self.book.do(MoveTestClock(project_id=PROJECT, now=START))
        for auto_join, initial, single, lifetime, own_rules, ranges, mapped, members in shop:
            programme = self._programme(len(self.world.programmes), auto_join, initial, single, lifetime)
            for one in own_rules:
                self._rule(programme, *one)
            if ranges:
                self._tiers(programme, ranges, mapped)
            for person in members:
                self._join(programme, person)

    def _programme(self, number: int, auto_join: bool, initial: int, single: bool, lifetime: Lifetime | None) -> Programme:
        card: dict[str, Any] = {"points": initial} | ({"expiration_rules": lifetime.wire} if lifetime else {})
        said = {"name": f"Programme {number}", "auto_join": auto_join, "voucher": {"loyalty_card": card}}
        said |= {"type": "STATIC", "vouchers_count": 1} if single else {"type": "AUTO_UPDATE"}
        made = self.book.do(CreateCampaign(project_id=PROJECT, fields=msgspec.convert(said, CampaignFields))).campaign
        programme = Programme(made.id, auto_join, initial, lifetime, cards_left=1 if single else None)
        self.world.programmes.append(programme)
        return programme

    def _rule(self, programme: Programme, formula: Any, wait: int | None, lifetime: Lifetime | None) -> None:
        points, every, of_total = formula
        said: dict[str, Any] = {"event": "order.paid", "loyalty": _formula(points, every, of_total)}
        said |= {"pending_points": _days(wait)} if wait else {}
        said |= {"expiration_rules": lifetime.wire} if lifetime else {}
        fields = [msgspec.convert(said, EarningRuleFields)]
        (made,) = self._configure(CreateEarningRules(project_id=PROJECT, campaign=programme.id, rules=fields))
        programme.rules.append(Rule(made.id, made.created_at, points, every, of_total, wait, lifetime))

    def _tiers(self, programme: Programme, ranges: Any, mapped: list[Mapping | None]) -> None:
        for number, (first, last) in enumerate(ranges):
            own = {rule.id: mapping for rule, mapping in zip(programme.rules, mapped[3 * number :], strict=False) if mapping}
            programme.tiers.append(Tier(f"from {first}", first, last, own))
        said = [
            {
                "name": tier.name,
                "points": {"from": tier.first} | ({} if tier.last is None else {"to": tier.last}),
                "earning_rules": {rule_id: _mapping(mapping) for rule_id, mapping in tier.mappings.items()},
            }
            for tier in programme.tiers
        ]
        self.book.do(CreateTiers(project_id=PROJECT, campaign=programme.id, tiers=msgspec.convert(said, list[TierFields])))

    # --- orders and members ---

    def _put(self, said: Any) -> tuple[Callable[[], Customer | None], Command]:
        source_id, person, status, amount, discount = said
        body: dict[str, Any] = {"source_id": source_id, "status": status, "amount": amount, "discount_amount": discount}
        body |= {"customer": {"source_id": person}} if person else {}
        fields = msgspec.convert({name: value for name, value in body.items() if value is not None}, OrderFields)
        return lambda: self.world.put_order(*said).customer, PutOrder(project_id=PROJECT, fields=fields)

    def _put_all(self, said: list[Any], before: Sequence[tuple[Callable[[], None], Command]] = ()) -> None:
        for customer, answer in self._all([*before, *map(self._put, said)]):
            if customer is not None:
                customer.id = customer.id or answer.order.customer_id

    @rule(said=st.lists(st.tuples(people, amounts), min_size=1, max_size=4), times=st.none() | times)
    def pay(self, said: list[tuple[str, int]], times: tuple[int, int, bool] | None) -> None:
        """New orders, paid at once, in one batch; perhaps after some time, whose passing is in the batch too."""
        first, self._fresh = self._fresh, self._fresh + len(said)
        orders = [(f"new-{first + n}", person, "PAID", amount, None) for n, (person, amount) in enumerate(said)]
        self._put_all(orders, self._moving(*times) if times is not None else [])
        if times is not None and times[2]:
            self.sweep()

    @rule(said=st.lists(puts, min_size=1, max_size=3))
    def put_orders(self, said: list[Any]) -> None:
        """Orders that may be known, with other statuses, amounts and customers; several of them in one batch."""
        self._put_all(said)

    @rule(number=pick, person=people)
    def join(self, number: int, person: str) -> None:
        """Somebody joins a programme, or tries to."""
        self._join(self._nth(self.world.programmes, number), person)

    def _join(self, programme: Programme, person: str) -> None:
        command = JoinCampaign(project_id=PROJECT, campaign=programme.id, customer=person)
        card, answer = self._both(lambda: self.world.join(programme, person), command)
        if card is not None:
            card.holder.id = card.holder.id or str(answer.card.customer_id)

    @rule(person=people, really=rarely)
    def delete_customer(self, person: str, really: bool) -> None:
        """Somebody is deleted; the source id is free then. Not twice at one instant, at which the test clock may stand."""
        if not really or (person, self.world.now) in self._gone:
            return
        self._gone.add((person, self.world.now))
        self._both(lambda: self.world.forget(person), DeleteCustomer(project_id=PROJECT, key=person))

    # --- points by hand, and points that wait ---

    @precondition(lambda self: self.world.cards)
    @rule(
        number=pick,
        points=st.sampled_from([1, 8, 25, -1, -7, -30, -12, 0, 10**9 + 1]),
        kind=st.sampled_from([None, "PROGRAM_RULES", "NON_EXPIRING", "CUSTOM_DATE"]),
        days=st.sampled_from([400, 60, -1]),
        source=st.sampled_from([None, "API"]),
    )
    def adjust(self, number: int, points: int, kind: str | None, days: int, source: str | None) -> None:
        """Points are added to a card or taken from it."""
        card, day = self._nth(self.world.cards, number), self.world.today + timedelta(days=days)
        said: dict[str, Any] = {
            "expiration_type": kind,
            "expiration_date": day if kind == "CUSTOM_DATE" else None,
            "source": source,
        }
        command = AdjustBalance(project_id=PROJECT, member=self._card_id(card), points=points, **said)
        self._both(lambda: self.world.adjust(card, points, kind, day, source), command)

    @precondition(lambda self: any(card.entries for card in self.world.cards))
    @rule(
        number=pick,
        of_another=rarely,
        deed=st.sampled_from(["activate", "activate", "cancel", "adjust"]),
        points=st.sampled_from([3, -1, -2, 0, 10**9]),
    )
    def attend_to_what_waits(self, number: int, of_another: bool, deed: str, points: int) -> None:
        """An entry, whatever its state, is activated, canceled or adjusted, now and then in the name of another card."""
        owned = [(card, entry) for card in self.world.cards for entry in card.entries]
        card, entry = self._nth(owned, number)
        card = self._nth(self.world.cards, number) if of_another else card
        named: dict[str, Any] = {"project_id": PROJECT, "member": self._card_id(card), "entry_id": self._entry_id(entry)}
        if deed == "activate":
            self._both(lambda: self.world.activate(card, entry), ActivatePendingPoints(**named))
        elif deed == "cancel":
            self._both(lambda: self.world.cancel(card, entry), CancelPendingPoints(**named))
        else:
            self._both(lambda: self.world.adjust_entry(card, entry, points), AdjustPendingPoints(**named, points=points))

    # --- time ---

    @rule(times=times)
    def move_clock(self, times: tuple[int, int, bool]) -> None:
        """Time passes, to a midnight or into a day; the sweep comes at once, or later than whoever looks or buys."""
        self._all(self._moving(*times))
        if times[2]:
            self.sweep()

    def _moving(self, days: int, hour: int, _: bool) -> list[tuple[Callable[[], None], Command]]:
        """Moves the clock, but not past the day on which points expire, and not at all when that hour is over."""
        day = min(self.world.today + timedelta(days=days), self.world.earliest_expiry() or LAST_DAY, LAST_DAY)
        to = datetime(day.year, day.month, day.day, hour, 30 if hour else 0, tzinfo=ZONE).astimezone(UTC)
        if to <= self.world.now:
            return []
        self.swept = False
        return [(lambda: self.world.move(to), MoveTestClock(project_id=PROJECT, now=to))]

    def sweep(self) -> None:
        """The midnight sweep, for whoever was not touched."""
        self._midnight.sweep(PROJECT)
        self.swept = True

    # --- rules that change ---

    @precondition(lambda self: self._living)
    @rule(number=pick, said=rules)
    def new_rule(self, number: int, said: list[Any]) -> None:
        """A programme gives for something more."""
        self._rule(self._nth(self._living, number), *said[0])

    @property
    def _rules(self) -> list[tuple[Programme, Rule]]:
        return [(programme, one) for programme in self._living for one in programme.rules]

    @precondition(lambda self: self._rules)
    @rule(
        number=pick,
        change=st.one_of(
            st.tuples(st.just("points"), formulas),
            st.tuples(st.just("wait"), waits),
            st.tuples(st.just("active"), st.sampled_from([True, True, False])),
            st.tuples(st.just("deleted"), rarely),
        ),
    )
    def change_rule(self, number: int, change: tuple[str, Any]) -> None:
        """A rule gives something else from now on, or later, or nothing, or is gone; what waits does not care."""
        programme, one = self._nth(self._rules, number)
        what, value = change
        named: dict[str, Any] = {"project_id": PROJECT, "campaign": programme.id, "rule_id": one.id}
        if what == "points":
            self._configure(UpdateEarningRule(**named, fields=EarningRuleFields(loyalty=_formula(*value))))
            one.points, one.every, one.of_total = value
        elif what == "wait":
            self._configure(UpdateEarningRule(**named, fields=EarningRuleFields(pending_points=_days(value))))
            one.wait = value
        elif what == "active":
            self._configure(UpdateEarningRule(**named, fields=EarningRuleFields(active=value)))
            one.active = value
        elif value:
            self._configure(DeleteEarningRule(**named))
            programme.rules.remove(one)

    @precondition(lambda self: self._living)
    @rule(number=pick, change=st.sampled_from(["on", "gone", "off"]))
    def change_programme(self, number: int, change: str) -> None:
        """A programme is switched off or on, or is gone while its cards stay."""
        programme = self._nth(self._living, number)
        if change != "gone":
            self._configure(SwitchCampaign(project_id=PROJECT, key=programme.id, active=change == "on"))
            programme.active = change == "on"
        elif len(self._living) > 1:
            self._configure(DeleteCampaign(project_id=PROJECT, key=programme.id))
            self.world.drop(programme)

    # --- after every step ---

    @invariant()
    def both_say_the_same(self) -> None:
        """Whoever looks sees what the model has; and so do the rows, when nobody is left to be settled."""
        wanted = of_model(self.world)
        with self.book.database.reading() as connection:
            told = self._rows_against(connection, wanted) if self.swept else self._looks_against(connection, wanted)
        assert not told, "\n".join(told)

    @staticmethod
    def _rows_against(connection: Connection, wanted: dict[Key, CardState]) -> list[str]:
        return differences(wanted, of_store(connection, ZONE))

    def _looks_against(self, connection: Connection, wanted: dict[Key, CardState]) -> list[str]:
        configuration = self._reader.configurations(connection, [PROJECT])[PROJECT]
        look = Look(connection, configuration, "http://shop.example", self._reader, Ids(3))
        found: dict[Key, CardState] = {}
        for customer_id, _ in wanted:
            found |= of_page(look.settled(customer_id), customer_id)
        return differences(wanted, found, "ledger")

    @invariant()
    def the_book_is_proven(self) -> None:
        """`verify` finds nothing."""
        told = [str(finding) for finding in self.book.verify().findings]
        assert not told, "\n".join(told)
