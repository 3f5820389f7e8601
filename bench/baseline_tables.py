"""The tables of the baseline, as classes of SQLAlchemy's ORM, and the engine they are reached by."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, ForeignKey, UniqueConstraint, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

CONNECTIONS = 20
"""To PostgreSQL: so many transactions at once; the other requests wait for one of them."""
WAIT_SECONDS = 30
"""How long a request waits for a connection: as long as the load waits for its answer."""

Key = Annotated[str, mapped_column(primary_key=True)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Document = Annotated[dict[str, Any], mapped_column(JSON)]


def new_id(prefix: str) -> str:
    """An id that says what it names."""
    return f"{prefix}_{uuid.uuid4().hex}"


class Base(DeclarativeBase):
    """What all tables have in common."""


class Customer(Base):
    """Who orders; known to the shop by `source_id`. Amounts are minor units."""

    __tablename__ = "customers"
    id: Mapped[Key]
    source_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    orders_count: Mapped[int] = mapped_column(default=0)
    orders_amount: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Instant]


class Card(Base):
    """One for each customer, with its balance of points and its tier."""

    __tablename__ = "cards"
    id: Mapped[Key]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), unique=True)
    code: Mapped[str] = mapped_column(unique=True)
    points: Mapped[int] = mapped_column(default=0)
    balance: Mapped[int] = mapped_column(default=0)
    tier: Mapped[str]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant | None]
    customer: Mapped[Customer] = relationship(innerjoin=True)


class Lot(Base):
    """Points of a card that would expire on one day; None: never."""

    __tablename__ = "lots"
    id: Mapped[Key]
    card_id: Mapped[str] = mapped_column(ForeignKey("cards.id"), index=True)
    expires_at: Mapped[Instant | None]
    points: Mapped[int]
    created_at: Mapped[Instant]
    card: Mapped[Card] = relationship()


class Order(Base):
    """What was bought. One of a `source_id`, for ever."""

    __tablename__ = "orders"
    id: Mapped[Key]
    source_id: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[str]
    amount: Mapped[int]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[Instant]
    customer: Mapped[Customer] = relationship()


class Transaction(Base):
    """A line of the ledger of a card; `balance` is what it left."""

    __tablename__ = "transactions"
    id: Mapped[Key]
    card_id: Mapped[str] = mapped_column(ForeignKey("cards.id"), index=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"))
    lot_id: Mapped[str] = mapped_column(ForeignKey("lots.id"))
    points: Mapped[int]
    balance: Mapped[int]
    created_at: Mapped[Instant]
    card: Mapped[Card] = relationship()
    order: Mapped[Order] = relationship()
    lot: Mapped[Lot] = relationship()


class Award(Base):
    """What a rule gave for an order: once."""

    __tablename__ = "awards"
    __table_args__ = (UniqueConstraint("order_id", "rule"),)
    id: Mapped[Key]
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"))
    rule: Mapped[str]
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"))
    points: Mapped[int]
    order: Mapped[Order] = relationship()
    transaction: Mapped[Transaction] = relationship()


class Event(Base):
    """What happened, as the whole document that a receiver would get."""

    __tablename__ = "events"
    id: Mapped[Key]
    name: Mapped[str]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    document: Mapped[Document]
    created_at: Mapped[Instant]
    customer: Mapped[Customer] = relationship()


class SendOut(Base):
    """An event that is to be sent; nothing sends it."""

    __tablename__ = "send_outs"
    id: Mapped[Key]
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    url: Mapped[str]
    state: Mapped[str] = mapped_column(default="WAITING")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[Instant] = mapped_column(index=True)
    event: Mapped[Event] = relationship()


def open_engine(url: str) -> AsyncEngine:
    """Connections to the database at a URL without a driver, as durable as Tallybook's.

    SQLite has one: it takes one transaction at a time, and those that wait here do not wait in its busy loop.
    """
    kind, _, rest = url.partition(":")
    if kind != "sqlite":
        return create_async_engine(f"postgresql+psycopg:{rest}", pool_size=CONNECTIONS, max_overflow=0, pool_timeout=WAIT_SECONDS)
    engine = create_async_engine(f"sqlite+aiosqlite:{rest}", pool_size=1, max_overflow=0, pool_timeout=WAIT_SECONDS)

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
