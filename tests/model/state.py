"""What a book says of its members, in the words in which the model says it, so that both can be laid side by side."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, text

from tallybook.domain.records import NEVER
from tallybook.usecases.page import Page
from tests.model.world import Card, Row, World

Key = tuple[str, str]
"""Customer and campaign, by id."""


@dataclass
class CardState:
    """One card: numbers, lots that hold something by their last day, what waits by (day, order, rule), the tier, the ledger."""

    points: int
    balance: int
    subtracted: int
    pending: int
    active: bool
    lots: dict[str, int] = field(default_factory=dict)
    waiting: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    tier: tuple[str, str] | None = None
    ledger: list[Row] = field(default_factory=list)


def of_model(world: World) -> dict[Key, CardState]:
    """Every card of the model."""
    return {(card.holder.id, card.programme.id): _of_card(card) for card in world.cards}


def _of_card(card: Card) -> CardState:
    entries = card.waiting
    return CardState(
        points=card.points,
        balance=card.balance,
        subtracted=card.subtracted,
        pending=sum(entry.points for entry in entries),
        active=card.active,
        lots={_day(day): points for day, points in card.lots.items() if points},
        waiting={(one.order.source_id, one.rule.id): (one.activates_on.isoformat(), one.points) for one in entries},
        tier=(card.tier.name, str(card.tier_since)) if card.tier is not None else None,
        ledger=card.ledger,
    )


def _day(day: date | None) -> str:
    return (day or NEVER).isoformat()


CARDS = """SELECT customer_id, campaign_id, points, balance, subtracted_points, pending_points, active, id FROM cards
           WHERE customer_id IS NOT NULL"""
LOTS = "SELECT card_id, expires_on, points FROM lots WHERE status = 'ACTIVE' AND points <> 0"
ENTRIES = """SELECT e.card_id, o.source_id, e.rule_id, e.activates_on, e.points FROM pending_entries e
             JOIN orders o ON o.id = e.order_id WHERE e.status = 'PENDING'"""
TIERS = """SELECT c.id, d.doc, m.start_on FROM tier_memberships m JOIN documents d ON d.id = m.tier_id
           JOIN cards c ON c.customer_id = m.customer_id AND c.campaign_id = m.campaign_id"""
LEDGER = """SELECT card_id, type, points, balance, total, operation_type, source, created_at FROM transactions
            ORDER BY card_id, id"""


def of_store(connection: Connection, zone: ZoneInfo) -> dict[Key, CardState]:
    """Every published card of the database, as its rows are."""
    found: dict[Key, CardState] = {}
    by_id: dict[str, CardState] = {}
    for customer_id, campaign_id, points, balance, subtracted, pending, active, card_id in _rows(connection, CARDS):
        state = CardState(points, balance, subtracted, pending, bool(active))
        by_id[card_id] = found[customer_id, campaign_id] = state
    for card_id, expires_on, points in _rows(connection, LOTS):
        by_id[card_id].lots[expires_on] = points
    for card_id, order, rule, activates_on, points in _rows(connection, ENTRIES):
        by_id[card_id].waiting[order, rule] = (activates_on, points)
    for card_id, doc, start_on in _rows(connection, TIERS):
        by_id[card_id].tier = (msgspec.json.decode(doc)["name"], start_on)
    for card_id, kind, points, balance, total, how, source, at in _rows(connection, LEDGER):
        on = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date()
        by_id[card_id].ledger.append(Row(kind, points, balance, total, how, source, on))
    return found


def _rows(connection: Connection, sql: str) -> Iterable[Any]:
    return connection.execute(text(sql))


def of_page(page: Page, customer_id: str) -> dict[Key, CardState]:
    """The cards of one customer as a GET shows them; the ledger is not part of it."""
    found: dict[Key, CardState] = {}
    entries = page.waiting_entries(customer_id)
    for card in page.cards_of(customer_id):
        membership = page.membership(customer_id, card.campaign_id)
        tier = page.configuration.tier(membership.tier_id) if membership is not None else None
        orders = {one.order_id: page.order(one.order_id) for one in entries}
        found[customer_id, card.campaign_id] = CardState(
            card.points,
            card.balance,
            card.subtracted_points,
            card.pending_points,
            card.active,
            {lot.expires_on.isoformat(): lot.points for lot in page.lots(card) if lot.points},
            {
                (str(order.source_id), one.rule_id): (one.activates_on.isoformat(), one.points)
                for one in entries
                if one.card_id == card.id and (order := orders[one.order_id]) is not None
            },
            (tier.name, membership.start_on.isoformat()) if tier is not None and membership is not None else None,
        )
    return found


def differences(wanted: dict[Key, CardState], found: dict[Key, CardState], *but: str) -> list[str]:
    """A sentence for each card and field in which two states differ; fields named in `but` are left out."""
    told = [f"{key}: no such card" for key in wanted.keys() - found.keys()]
    told += [f"{key}: a card too many" for key in found.keys() - wanted.keys()]
    for key in wanted.keys() & found.keys():
        for one in fields(CardState):
            expected, came = getattr(wanted[key], one.name), getattr(found[key], one.name)
            if one.name not in but and expected != came:
                told.append(f"{key} {one.name}: expected {expected}, found {came}")
    return sorted(told)
