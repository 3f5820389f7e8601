"""A post office to test in: a book with an engine and a webhook, a post room over it, a courier, and a clock that is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, text

from tallybook.delivery.clerk import EngineClerk
from tallybook.delivery.courier import Courier
from tallybook.delivery.guard import Guard, networks
from tallybook.delivery.outbox import Attempted, Parcel
from tallybook.delivery.policy import Step
from tallybook.delivery.post_room import PostRoom
from tallybook.delivery.sender import HttpSender
from tallybook.domain.config import Webhook
from tallybook.domain.records import Project
from tallybook.engine.batch import Handled
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.mapping import mapping
from tallybook.store.tables import config_history, projects
from tallybook.usecases.webhooks import CreateWebhook, UpdateWebhook, WebhookFields
from tests.books import PROJECT, Book
from tests.delivery.plain_outbox import SECRET, START, Clock

PUBLIC_URL = "https://points.example"
ORDERS = ["customer.created", "customer.order.created", "customer.order.paid"]
"""What a first paid order of a new customer tells, in its order."""


@dataclass
class PostOffice(Book):
    """A book whose real time is `clock`."""

    clock: Clock
    wake: Callable[[], None] = lambda: None
    """Told of every commit that left something to send."""

    def subscribe(self, url: str = "http://127.0.0.1:1/", events: list[str] = ORDERS, *, strict_order: bool = False) -> Webhook:
        """A new webhook."""
        fields = WebhookFields(target_url=url, events=events, strict_order=strict_order)
        made: Webhook = self.do(CreateWebhook(project_id=PROJECT, fields=fields))
        return made

    def switch(self, webhook: Webhook, *, active: bool) -> None:
        """Turn a webhook off or on."""
        fields = WebhookFields(target_url=webhook.target_url, events=webhook.events, active=active)
        self.do(UpdateWebhook(project_id=PROJECT, webhook_id=webhook.id, fields=fields))

    def room(self) -> PostRoom:
        """A post room that remembers nothing."""
        clerk = EngineClerk(self.database, self.engine)
        return PostRoom(self.database, clerk, Ids(0), self.clock, PUBLIC_URL)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def states(self) -> list[tuple[str, int]]:
        """State and attempts of every send-out, in their order."""
        return [(state, attempts) for state, attempts in self.rows("SELECT state, attempts FROM send_outs ORDER BY id")]

    def versions(self, webhook: Webhook) -> list[bool]:
        """Whether the webhook was active, version by version."""
        c = config_history.c
        with self.database.reading() as connection:
            docs = connection.scalars(select(c.doc).where(c.entity_id == webhook.id).order_by(c.version)).all()
        return [msgspec.json.decode(doc, type=Webhook).active for doc in docs]


@contextlib.contextmanager
def post_office(database: Database, now: Callable[[], datetime] | None = None) -> Iterator[PostOffice]:
    """An empty project in a database without rows. `now` is real time in place of the clock."""
    clock = Clock()
    project = Project(id=PROJECT, name="Test", time_zone="UTC", webhook_secret=SECRET, created_at=START)
    with database.writing() as connection:
        connection.execute(insert(projects), [mapping(Project).row(project)])

    def after_commit(handled: Handled) -> None:
        if handled.has_send_outs:
            office.wake()

    engine = Engine(database, Ids(1), now or clock, after_commit=after_commit)
    office = PostOffice(database, engine, clock)
    engine.start()
    try:
        yield office
    finally:
        engine.stop()


def claim(room: PostRoom, limit: int = 100, busy: tuple[str, ...] = ()) -> list[Parcel]:
    """Claim from a post room."""
    return asyncio.run(room.claim(limit, busy))


def names(parcels: list[Parcel]) -> list[str]:
    """The names of the events in these parcels."""
    return [str(msgspec.json.decode(parcel.body)["type"]) for parcel in parcels]


def record(room: PostRoom, step: Step, at: datetime, *parcels: Parcel) -> None:
    """Say that each of these was sent at that instant, and what follows."""
    status = 200 if type(step).__name__ == "Delivered" else 500
    attempts = [
        Attempted(
            send_out_id=parcel.send_out_id,
            webhook_id=parcel.webhook_id,
            attempt=parcel.attempts + 1,
            first_attempt_at=parcel.first_attempt_at or at,
            started_at=at,
            status=status,
            error=None,
            step=step,
        )
        for parcel in parcels
    ]
    asyncio.run(room.record(attempts))


@contextlib.asynccontextmanager
async def carrying(office: PostOffice) -> AsyncIterator[PostRoom]:
    """A courier at work in a fresh post room that hears of every commit; it is stopped at the end."""
    room, sender = office.room(), HttpSender(Guard(networks("127.0.0.0/8")), "Tallybook/test")
    office.wake = room.wake
    courier = Courier(room, sender, office.clock, drain_seconds=5.0)
    work = asyncio.create_task(courier.run())
    try:
        yield room
        assert not work.done()
    finally:
        courier.stop()
        await asyncio.wait_for(work, 30)
        await asyncio.to_thread(room.close)
        await sender.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another thread sets no event of this loop
            await asyncio.sleep(0.005)
