"""Manual points: added to a card or taken from it by hand."""

from datetime import date, datetime

from tallybook.domain.config import Campaign
from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import expires_on, local_date
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import NEVER, Card, Customer, Transaction
from tallybook.domain.refusals import (
    InvalidAmount,
    InvalidExpirationDate,
    InvalidPayload,
    NotFound,
    NotPublished,
    PointsExceeded,
)
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page
from tallybook.usecases.points import Posting, credit, debit, held_tier, judge_tier, version_of


class AdjustBalance(Command, frozen=True, kw_only=True):
    """Add points (positive) or remove them (negative). Removal takes what expires first (semantics 6.7).

    `source` is null for the members' route and `API` for the vouchers' one (decision 39).
    """

    member: str
    points: int
    campaign: str | None = None
    expiration_type: str | None = None
    expiration_date: date | None = None
    reason: str | None = None
    source_id: str | None = None
    source: str | None = None

    def needs(self, configuration: Configuration) -> Needs:
        """The card with its holder."""
        return Needs(cards=(self.member,))

    def decide(self, page: Page) -> Transaction:
        """Refuses: NotFound; InvalidAmount for 0 or past the bound; NotPublished; PointsExceeded when more is taken than
        there is (decision 9); InvalidExpirationDate, InvalidPayload for the date.
        """
        card, campaign = self._card(page)
        customer = page.customer(card.customer_id)
        if customer is None:
            raise NotPublished
        if self.points == 0 or abs(self.points) > MAX_POINTS:
            raise InvalidAmount
        if card.balance + self.points < 0:
            raise PointsExceeded(card.code)
        at = page.tick()
        last_day = self._last_day(page, campaign, at)
        holder, membership = held_tier(page, customer.id, campaign.id), page.membership(customer.id, campaign.id)
        posting = Posting(
            type="POINTS_ADDITION" if self.points > 0 else "POINTS_REMOVAL",
            operation_type="MANUAL",
            source=self.source,
            reason=self.reason,
            source_id=self.source_id,
        )
        if self.points > 0:
            card, transaction = credit(page, card, self.points, last_day, posting, at)
        else:
            card, transaction = debit(page, card, -self.points, posting, at)
        refs = Refs(
            customer=page.subject(customer),
            card=page.subject(card),
            after=page.numbers(card),
            transaction=page.subject(transaction),
            campaign=version_of(campaign),
            holder_tier=version_of(holder) if holder else None,
            membership=page.subject(membership) if membership and holder else None,
        )
        self._tell(page, card, customer, refs, at)
        judge_tier(page, customer, campaign, card, at)
        return transaction

    def _card(self, page: Page) -> tuple[Card, Campaign]:
        card = page.card(self.member)
        if card is None:
            raise NotFound("voucher", self.member)
        if self.campaign is not None and campaign_of(page.configuration, self.campaign).id != card.campaign_id:
            raise NotFound("voucher", self.member)
        return card, campaign_of(page.configuration, card.campaign_id)

    def _last_day(self, page: Page, campaign: Campaign, at: datetime) -> date:
        today = local_date(at, page.zone)
        kind = self.expiration_type or "PROGRAM_RULES"  # decision 10
        if kind == "NON_EXPIRING":
            return NEVER
        if kind == "PROGRAM_RULES":
            return expires_on(campaign.expiration_rules, today)
        if self.expiration_date is None:
            raise InvalidPayload("Property .expiration_date is required with expiration_type CUSTOM_DATE")
        if self.expiration_date < today:
            raise InvalidExpirationDate
        return self.expiration_date

    def _tell(self, page: Page, card: Card, customer: Customer, refs: Refs, at: datetime) -> None:
        """Additions: seed 000 and its twin; removals: the twin only, with negative points (decision 26). Then the ledger row."""
        if self.points > 0:
            page.emit("voucher.loyalty_card.points_added", card.id, refs, customer.id, at)
        page.emit("customer.voucher.loyalty_card.points_added", customer.id, refs, customer.id, at)
        page.emit("voucher.loyalty_card.transaction.created", card.id, refs, customer.id, at)
