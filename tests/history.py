"""A past that the API cannot make yet: earlier additions and redemptions, as real transactions, lots and lot movements.

The rows are written by the engine, one command per change, so `verify` passes on what comes out.
"""

import itertools
from typing import Any

import msgspec
from sqlalchemy import select

from tallybook.clock import real_now
from tallybook.domain.canonical import canonical
from tallybook.domain.config import Campaign
from tallybook.domain.configuration import Configuration
from tallybook.domain.lots import take
from tallybook.domain.records import NEVER, Card, Customer, Transaction
from tallybook.domain.refusals import NotFound, PointsExceeded
from tallybook.engine.engine import Engine
from tallybook.ids import NODES, Ids
from tallybook.store.database import Database
from tallybook.store.tables import cards
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page
from tallybook.usecases.points import Posting, _write_movement, _write_row, credit, judge_tier

_nodes = itertools.count(NODES - 1, -1)
"""Numbers in ids that no server which started lately has."""


class RecordHistory(Command, frozen=True, kw_only=True):
    """Add points that never expire to a published card, then redeem some: each a transaction of its own.

    No events but those of tiers: of the past nobody is told any more.
    """

    card: str
    points: int = 0
    redeemed_points: int = 0
    redemptions: int = 0

    def needs(self, configuration: Configuration) -> Needs:
        """The card, and with it all that its holder has."""
        return Needs(cards=(self.card,))

    def decide(self, page: Page) -> list[Transaction]:
        """Gives the transactions. Refuses: NotFound for a card that is not there or not published; PointsExceeded."""
        card, customer, campaign = self._found(page)
        written = []
        if self.points:
            card, transaction = self._add(page, card)
            written.append(transaction)
        for points in shares(self.redeemed_points, self.redemptions):
            card, transaction = _redeem(page, card, points)
            written.append(transaction)
        judge_tier(page, customer, campaign, card, page.tick())
        return written

    def _found(self, page: Page) -> tuple[Card, Customer, Campaign]:
        card = page.card(self.card)
        customer = page.customer(card.customer_id) if card else None
        campaign = page.configuration.campaign(card.campaign_id) if card else None
        if card is None or customer is None or campaign is None:
            raise NotFound("voucher", self.card)
        return card, customer, campaign

    def _add(self, page: Page, card: Card) -> tuple[Card, Transaction]:
        entry = Posting(type="POINTS_ADDITION", operation_type="MANUAL")
        return credit(page, card, self.points, NEVER, entry, page.tick())


def shares(points: int, redemptions: int) -> list[int]:
    """So many points in so many redemptions, as even as whole points can be; the first ones take what is over."""
    if redemptions == 0:
        assert points == 0, "points cannot be redeemed in no redemption"
        return []
    least, over = divmod(points, redemptions)
    return [least + (position < over) for position in range(redemptions)]


def _redeem(page: Page, card: Card, points: int) -> tuple[Card, Transaction]:
    """Take points from the lots, earliest first (a `POINTS_REDEMPTION`)."""
    if points > card.balance:
        raise PointsExceeded(card.code)
    at = page.tick()
    taken = take(page.lots(card), points)
    card = page.put(
        msgspec.structs.replace(
            card,
            redeemed_points=card.redeemed_points + points,
            redeemed_quantity=card.redeemed_quantity + 1,
            balance=card.balance - points,
            updated_at=at,
        )
    )
    cause = canonical({"redemption": {"id": page.ordered_id("r_", at)}})
    entry = Posting(type="POINTS_REDEMPTION", operation_type="MANUAL", cause=cause)
    card, transaction = _write_row(page, card, -points, entry, at)
    for lot, part in taken:
        page.put(msgspec.structs.replace(lot, points=lot.points - part, updated_at=at))
        _write_movement(page, card, transaction.id, lot.id, -part)
    return card, transaction


def record_history(
    database_url: str,
    *,
    card_code: str | None = None,
    card_id: str | None = None,
    project_id: str | None = None,
    points: int = 0,
    redeemed_points: int = 0,
    redemptions: int = 0,
) -> list[Transaction]:
    """Record `points`, and `redeemed_points` in `redemptions`, on a published card, by its code or id; give the transactions.

    `project_id` may be left out where one project alone has such a card. A server on the same database must be idle meanwhile.
    """
    database = Database(database_url)
    engine = Engine(database, Ids(next(_nodes)), real_now)
    engine.start()
    try:
        key = card_id or card_code or ""
        project = project_id or _project_of(database, key)
        command = RecordHistory(
            project_id=project, card=key, points=points, redeemed_points=redeemed_points, redemptions=redemptions
        )
        result: list[Transaction] = engine.do(command)
        return result
    finally:
        engine.stop()
        database.close()


def _project_of(database: Database, key: str) -> str:
    c = cards.c
    with database.reading() as connection:
        found: Any = connection.scalars(select(c.project_id).where((c.id == key) | (c.code == key))).all()
    assert len(found) == 1, f"{len(found)} projects have a card {key}: name the project"
    return str(found[0])
