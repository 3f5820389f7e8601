"""Books to test on: a project with a programme, a webhook and orders, made by the engine itself."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from tallybook.clock import real_now
from tallybook.domain.config import Campaign, EarningRule, Tier
from tallybook.domain.event_names import SUBSCRIBABLE
from tallybook.domain.records import Project
from tallybook.engine.engine import Engine
from tallybook.engine.work import Errand, Idempotency, Reply, Submission
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.mapping import mapping
from tallybook.store.migrate import migrate
from tallybook.store.tables import projects
from tallybook.store.verify import Verification, verify
from tallybook.usecases.campaigns import CampaignFields, CreateCampaign
from tallybook.usecases.command import Command
from tallybook.usecases.earning_rules import CreateEarningRules, EarningRuleFields
from tallybook.usecases.products import ProductFields, PutProduct, PutSku, SkuFields
from tallybook.usecases.put_order import OrderFields, PutOrder
from tallybook.usecases.tiers import CreateTiers, TierFields
from tallybook.usecases.webhooks import CreateWebhook, WebhookFields

PROJECT = "proj_test"
WAIT_SECONDS = 30


@dataclass
class Book:
    """An engine on a database that has one project."""

    database: Database
    engine: Engine

    def do(self, command: Command) -> Any:
        """Do a command; its answer, or its refusal raised."""
        return self.engine.do(command)

    def order(self, source_id: str, customer: str | None = "bob", amount: int = 1_000, status: str = "PAID") -> Any:
        """Put an order and give it."""
        return self.do(put_order(source_id, customer, amount, status)).order

    def programme(self, name: str = "Programme", points: int = 7, **said: Any) -> Campaign:
        """An auto-join campaign whose cards start with some points, which expire in a year."""
        card = {"points": points, "expiration_rules": {"period_type": "MONTH", "period_value": 12}}
        said = {"auto_join": True, "voucher": {"loyalty_card": card}, "name": name} | said
        campaign: Campaign = self.do(CreateCampaign(project_id=PROJECT, fields=msgspec.convert(said, CampaignFields))).campaign
        return campaign

    def rules(self, campaign: Campaign, *formulas: dict[str, Any]) -> list[EarningRule]:
        """Rules of a campaign for paid orders."""
        said = [{"event": "order.paid", "loyalty": formula} for formula in formulas]
        command = CreateEarningRules(
            project_id=PROJECT, campaign=campaign.id, rules=msgspec.convert(said, list[EarningRuleFields])
        )
        made: list[EarningRule] = self.do(command)
        return made

    def waiting_rule(self, campaign: Campaign, formula: dict[str, Any], days: int) -> EarningRule:
        """A rule for paid orders whose points wait so many days."""
        said = {"event": "order.paid", "loyalty": formula, "pending_points": {"period_type": "DAY", "period_value": days}}
        command = CreateEarningRules(project_id=PROJECT, campaign=campaign.id, rules=[msgspec.convert(said, EarningRuleFields)])
        made: list[EarningRule] = self.do(command)
        return made[0]

    def tiers(self, campaign: Campaign, *starts: int) -> list[Tier]:
        """Tiers of a campaign, each from its number on."""
        said = [{"name": f"from {start}", "points": {"from": start}} for start in starts]
        made: list[Tier] = self.do(
            CreateTiers(project_id=PROJECT, campaign=campaign.id, tiers=msgspec.convert(said, list[TierFields]))
        )
        return made

    def webhook(self) -> None:
        """A webhook that wants everything, at an address where nobody is."""
        fields = WebhookFields(target_url="http://127.0.0.1:1/", events=sorted(SUBSCRIBABLE))
        self.do(CreateWebhook(project_id=PROJECT, fields=fields))

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """Do commands in one batch; what each answers, refusals among it."""
        with held(self.engine):
            answers = [submit(self.engine, command) for command in commands]
        return [answer.result(WAIT_SECONDS).answer for answer in answers]

    def verify(self) -> Verification:
        """Prove the book."""
        with self.database.reading() as connection:
            return verify(connection)


def per_amount(every: int, points: int) -> dict[str, Any]:
    """A formula: points for each whole `every` of the order's amount."""
    measure = {"order": {"amount": {"every": every, "points": points}}}
    return {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT"} | measure


def fixed(points: int) -> dict[str, Any]:
    """A formula: points for each order."""
    return {"type": "FIXED", "points": points}


def put_order(source_id: str, customer: str | None = "bob", amount: int = 1_000, status: str = "PAID") -> PutOrder:
    """The command of an order with one line."""
    item = {"source_id": "sku-1", "quantity": 1, "price": amount}
    said: dict[str, Any] = {"source_id": source_id, "status": status, "amount": amount, "items": [item]}
    if customer is not None:
        said["customer"] = {"source_id": customer}
    return PutOrder(project_id=PROJECT, fields=msgspec.convert(said, OrderFields))


def submit(engine: Engine, command: Command, idempotency: Idempotency | None = None) -> "Future[Reply]":
    """Queue a command whose answer is rendered as what it is called and says."""
    future: Future[Reply] = Future()
    engine.submit(Submission(command, render, token=future, idempotency=idempotency))
    return future


def render(answer: Any) -> tuple[int, bytes]:
    """An answer as status and bytes, as the API would give them."""
    return (
        (400, str(answer).encode()) if isinstance(answer, Exception) else (200, msgspec.json.encode(msgspec.to_builtins(answer)))
    )


@contextlib.contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Hold the engine inside a transaction, so that what is queued meanwhile becomes one batch."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        assert go_on.wait(WAIT_SECONDS)

    done: Future[Any] = Future()
    engine.submit(Errand(hold, token=done))
    assert begun.wait(WAIT_SECONDS)
    try:
        yield
    finally:
        go_on.set()
        done.result(WAIT_SECONDS)


@contextlib.contextmanager
def decided(engine: Engine, commands: Sequence[Command]) -> Iterator[list["Future[Reply]"]]:
    """One batch of these commands, held when all is read and decided, and written when the block ends."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        reached.set()
        assert go_on.wait(WAIT_SECONDS)

    with held(engine):
        answers = [submit(engine, command) for command in commands]
        engine.submit(Errand(hold))
    assert reached.wait(WAIT_SECONDS)
    try:
        yield answers
    finally:
        go_on.set()


@contextlib.contextmanager
def engine_on(database: Database, node: int = 1, now: Callable[[], datetime] = real_now) -> Iterator[Engine]:
    """A running engine. `now` is what it takes for the real time."""
    engine = Engine(database, Ids(node), now)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


@contextlib.contextmanager
def empty_book(url: str, now: Callable[[], datetime] = real_now, *, sandbox: bool = False) -> Iterator[Book]:
    """A book with a project and nothing else, in an empty database. `now` is what its engine takes for the real time."""
    database = Database(url)
    migrate(database)
    project = Project(
        id=PROJECT, name="Test", time_zone="Europe/Warsaw", webhook_secret="secret", sandbox=sandbox, created_at=now()
    )
    with database.writing() as connection:
        connection.execute(insert(projects), [mapping(Project).row(project)])
    with contextlib.closing(database), engine_on(database, now=now) as engine:
        yield Book(database, engine)


@contextlib.contextmanager
def small_book(url: str) -> Iterator[Book]:
    """A book with a programme of three rules, one of which waits, three tiers, a webhook, a free card and a few paid orders."""
    with empty_book(url) as book:
        book.webhook()
        book.do(PutProduct(project_id=PROJECT, fields=ProductFields(source_id="shirt", name="Shirt", price=500)))
        book.do(PutSku(project_id=PROJECT, product="shirt", fields=SkuFields(source_id="shirt-s", sku="Small shirt")))
        campaign = book.programme(vouchers_count=1)
        book.rules(campaign, per_amount(100, 1), fixed(3))
        book.waiting_rule(campaign, fixed(2), days=7)
        book.tiers(campaign, 0, 20, 100)
        for number in range(3):
            book.order(f"order-{number}", customer="bob", amount=1_000 + number)
        book.order("order-of-carol", customer="carol", amount=20_000)
        waiting = book.programme("Another", auto_join=False, vouchers_count=1)
        assert waiting.name == "Another"
        book.programme("To be filled", auto_join=False, vouchers_count=3)
        yield book
