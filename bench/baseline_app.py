"""The baseline: what a developer would write in a week for the same paid order, with FastAPI and SQLAlchemy's ORM.

    python -m bench.baseline_app serve --host H --port P --database URL

One transaction per order: order, ledger, lot, balance, tier, awards, events as whole documents, send-outs. Duplicates of a
source id earn once. It stores send-outs but does not send them. Its customers and cards are made when it starts, its rules
and tiers are constants: it is there to be measured against, and has no other route. It is told its keys as Tallybook is, so
that `bench.workload.Server` starts either.
"""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import contains_eager

from bench.baseline_tables import Award, Base, Card, Customer, Event, Lot, Order, SendOut, Transaction, new_id, open_engine
from bench.workload import CUSTOMERS

PROJECT = "proj_bench"
WEBHOOK_URL = "http://127.0.0.1:9/never-sent"


@dataclass(frozen=True)
class Tier:
    """A level that starts at so many points, and what it makes of the proportional rule's points."""

    name: str
    points_from: int
    multiplier: int = 1


TIERS = (Tier("Bronze", 0), Tier("Silver", 500), Tier("Gold", 2000, multiplier=2))
EVERY, POINTS, FIXED = 100, 1, 5
PROGRAMME = {
    "id": "camp_bench",
    "name": "Bench",
    "object": "campaign",
    "campaign_type": "LOYALTY_PROGRAM",
    "type": "AUTO_UPDATE",
    "active": True,
    "loyalty_tiers": [{"id": f"ltr_{tier.name.lower()}", "name": tier.name, "points_from": tier.points_from} for tier in TIERS],
    "earning_rules": [
        {"id": "proportional", "event": "order.paid", "active": True, "loyalty": {"every": EVERY, "points": POINTS}},
        {"id": "fixed", "event": "order.paid", "active": True, "loyalty": {"points": FIXED}},
    ],
}


class Product(BaseModel):
    """A product as a line names it."""

    name: str


class Line(BaseModel):
    """One line of an order; the price is in minor units."""

    source_id: str
    related_object: Literal["product", "sku"] = "product"
    quantity: int = Field(ge=1, le=1_000_000)
    price: int = Field(ge=0, le=1_000_000_000)
    product: Product | None = None


class CustomerRef(BaseModel):
    """Whose order it is."""

    source_id: str


class OrderFields(BaseModel):
    """The body of a request."""

    source_id: str
    status: Literal["PAID"]
    customer: CustomerRef
    items: list[Line] = Field(max_length=500)

    @property
    def amount(self) -> int:
        """What the lines come to."""
        return sum(line.quantity * line.price for line in self.items)


class OrderAnswer(BaseModel):
    """The order as it is answered."""

    id: str
    object: Literal["order"] = "order"
    source_id: str
    customer_id: str
    status: str
    amount: int
    total_amount: int
    items: list[dict[str, Any]]
    created_at: datetime


def shown(order: Order) -> OrderAnswer:
    """An order as the answer, and as events have it."""
    return OrderAnswer(
        id=order.id,
        source_id=order.source_id,
        customer_id=order.customer_id,
        status=order.status,
        amount=order.amount,
        total_amount=order.amount,
        items=order.items,
        created_at=order.created_at,
    )


def tier_at(balance: int) -> Tier:
    """The highest tier that a balance reaches."""
    return max((tier for tier in TIERS if tier.points_from <= balance), key=lambda tier: tier.points_from)


class Payment:
    """One paid order, inside its transaction."""

    def __init__(self, session: AsyncSession, card: Card, lot: Lot, fields: OrderFields) -> None:
        self._session = session
        self._card = card
        self._lot = lot
        self._now = datetime.now(UTC)
        self.order = Order(
            id=new_id("ord"),
            source_id=fields.source_id,
            customer_id=card.customer_id,
            status=fields.status,
            amount=fields.amount,
            items=[self._line(line) for line in fields.items],
            created_at=self._now,
        )
        self._shown_order = shown(self.order).model_dump(mode="json")

    def pay(self) -> None:
        """Store the order, and give what the two rules give."""
        customer, order = self._card.customer, self.order
        self._session.add(order)
        customer.orders_count += 1
        customer.orders_amount += order.amount
        self._tell("customer.order.created")
        self._tell("customer.order.paid")
        multiplier = tier_at(self._card.balance).multiplier
        self._give("proportional", order.amount // EVERY * POINTS * multiplier)
        self._give("fixed", FIXED)

    def _give(self, rule: str, points: int) -> None:
        card = self._card
        card.points += points
        card.balance += points
        card.updated_at = self._now
        self._lot.points += points
        given = Transaction(id=new_id("vtx"), card=card, order=self.order, lot=self._lot, points=points, balance=card.balance)
        given.created_at = self._now
        self._session.add(given)
        self._session.add(Award(id=new_id("awd"), order=self.order, rule=rule, transaction=given, points=points))
        transaction = {"id": given.id, "object": "transaction", "type": "POINTS_ACCRUAL", "rule": rule, "points": points}
        transaction |= {"balance": given.balance, "order_id": self.order.id, "card_id": card.id}
        self._tell("voucher.loyalty_card.transaction.created", transaction=transaction)
        self._tell("customer.rewarded.loyalty_points", transaction=transaction)
        self._judge()

    def _judge(self) -> None:
        tier = tier_at(self._card.balance).name
        if tier != self._card.tier:
            self._tell("customer.loyalty.tier.upgraded", tier={"from": self._card.tier, "to": tier})
            self._card.tier = tier

    def _tell(self, name: str, **more: object) -> None:
        """Store the event as a whole document, and its send-out."""
        about = {"customer": self._customer(), "order": self._shown_order, "voucher": self._voucher(), "campaign": PROGRAMME}
        event = Event(id=new_id("ev"), name=name, customer=self._card.customer, created_at=self._now)
        event.document = {
            "id": event.id,
            "object": "event",
            "type": name,
            "project_id": PROJECT,
            "created_at": self._now.isoformat(),
            "data": {"object": about | more},
        }
        self._session.add(event)
        self._session.add(SendOut(id=new_id("wh"), event=event, url=WEBHOOK_URL, next_attempt_at=self._now))

    def _customer(self) -> dict[str, Any]:
        customer = self._card.customer
        summary = {"total_count": customer.orders_count, "total_amount": customer.orders_amount}
        return {
            "id": customer.id,
            "object": "customer",
            "source_id": customer.source_id,
            "name": customer.name,
            "summary": {"orders": summary},
            "loyalty": {"points": self._card.balance, "tier": self._card.tier},
            "created_at": customer.created_at.isoformat(),
        }

    def _voucher(self) -> dict[str, Any]:
        card = self._card
        return {
            "id": card.id,
            "object": "voucher",
            "type": "LOYALTY_CARD",
            "code": card.code,
            "campaign_id": PROGRAMME["id"],
            "holder_id": card.customer_id,
            "loyalty_card": {"points": card.points, "balance": card.balance},
            "active": True,
            "created_at": card.created_at.isoformat(),
            "updated_at": self._now.isoformat(),
        }

    @staticmethod
    def _line(line: Line) -> dict[str, Any]:
        amount = line.quantity * line.price
        return {"object": "order_item", **line.model_dump(), "amount": amount, "subtotal_amount": amount}


async def known_order(session: AsyncSession, source_id: str) -> Order | None:
    """The order of a source id."""
    return await session.scalar(select(Order).where(Order.source_id == source_id))


async def put_order(session: AsyncSession, fields: OrderFields) -> Order:
    """Store a new order and award it; the one of this source id if there is one. Refuses with 404 a customer it does not know."""
    card = await session.scalar(
        select(Card)
        .join(Card.customer)
        .options(contains_eager(Card.customer))
        .where(Customer.source_id == fields.customer.source_id)
        .with_for_update()
    )
    if card is None:
        raise HTTPException(404, "customer not found")
    if known := await known_order(session, fields.source_id):
        return known
    lot = await session.scalar(select(Lot).where(Lot.card_id == card.id, Lot.expires_at.is_(None)))
    if lot is None:
        lot = Lot(id=new_id("lot"), card=card, points=0, created_at=datetime.now(UTC))
        session.add(lot)
    payment = Payment(session, card, lot, fields)
    payment.pay()
    return payment.order


async def fill(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Make the customers and their cards."""
    now = datetime.now(UTC)
    numbers = range(CUSTOMERS)
    customers = [
        {"id": f"cust_{n:05d}", "source_id": f"customer-{n:05d}", "name": f"Customer {n:05d}", "created_at": now} for n in numbers
    ]
    cards = [
        {"id": f"v_{n:05d}", "customer_id": f"cust_{n:05d}", "code": f"BENCH-{n:010d}", "tier": TIERS[0].name, "created_at": now}
        for n in numbers
    ]
    async with sessions.begin() as session:
        await session.execute(insert(Customer), customers)
        await session.execute(insert(Card), cards)


def create_app(database: str, app_id: str, app_token: str) -> FastAPI:
    """The service on the empty database at this URL."""
    engine = open_engine(database)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await fill(sessions)
        yield
        await engine.dispose()

    async def known_key(x_app_id: Annotated[str, Header()], x_app_token: Annotated[str, Header()]) -> None:
        same = hmac.compare_digest(x_app_id.encode(), app_id.encode())
        if not (same and hmac.compare_digest(x_app_token.encode(), app_token.encode())):
            raise HTTPException(401, "unknown key")

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/orders", dependencies=[Depends(known_key)])
    async def create_order(fields: OrderFields) -> OrderAnswer:
        try:
            async with sessions.begin() as session:
                order = await put_order(session, fields)
        except IntegrityError:  # another request with this source id was quicker
            async with sessions() as session:
                known = await known_order(session, fields.source_id)
            if known is None:
                raise
            order = known
        return shown(order)

    return app


commands = typer.Typer(add_completion=False)


@commands.callback()
def main() -> None:
    """The baseline of `python -m bench baseline`."""


@commands.command()
def serve(
    host: Annotated[str, typer.Option()], port: Annotated[int, typer.Option()], database: Annotated[str, typer.Option()]
) -> None:
    """Serve, in one process, until told to stop."""
    app = create_app(database, os.environ["TALLYBOOK_APP_ID"], os.environ["TALLYBOOK_APP_TOKEN"])
    uvicorn.run(app, host=host, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    commands()
