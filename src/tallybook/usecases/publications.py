"""Publications asked for by name: of a campaign's next card, or of one card, to a customer."""

from typing import Any

import msgspec

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Campaign, Category
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import CardNumbers
from tallybook.domain.records import Card, Customer, Publication
from tallybook.domain.refusals import (
    CannotBePublished,
    DuplicateSourceId,
    MissingCustomer,
    MissingVouchers,
    NotFound,
    NoVoucherSuitable,
    TooManyVouchers,
    VoucherAlreadyPublished,
)
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.customers import CustomerRef, ensure_customer, key_of
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page
from tallybook.usecases.publish import Terms, pick_card, publish


class PublicationView(msgspec.Struct, frozen=True):
    """A publication with all that is shown beside it: the answer of the command."""

    publication: Publication
    customer: Customer
    card: Card
    numbers: CardNumbers
    campaign: Campaign
    category: Category | None


class PublishCard(Command, frozen=True, kw_only=True):
    """Give a customer a card of a campaign, or the card that is named.

    Asked again with the same `source_id`, customer and campaign, it answers with the first publication (decision 16); with
    `join_once` a member gets the publication of the card that is held already (decision 11).
    """

    customer: CustomerRef | None = None
    campaign: str | None = None
    count: int = 1
    voucher: str | None = None
    join_once: bool = False
    source_id: str | None = None
    channel: str | None = None
    metadata: dict[str, Any] | None = None

    def needs(self, configuration: Configuration) -> Needs:
        """The customer with the cards and their publications, the named card, or one to give."""
        campaign = configuration.campaign(self.campaign) if self.campaign else None
        return Needs(
            customers=key_of(self.customer),
            cards=(self.voucher,) if self.voucher else (),
            publications=(self.source_id,) if self.source_id else (),
            publications_of_cards=self.join_once,
            joins=(campaign.id,) if campaign and not self.voucher else (),
        )

    def decide(self, page: Page) -> PublicationView:
        """Refuses: MissingCustomer, MissingVouchers, TooManyVouchers (decision 51); NotFound for campaign, card or customer id;
        DuplicateSourceId; VoucherAlreadyPublished; CannotBePublished for a member; NoVoucherSuitable, for a disabled card too.
        """
        if self.customer is None:
            raise MissingCustomer
        if not self.campaign and not self.voucher:
            raise MissingVouchers
        if self.count > 1:
            raise TooManyVouchers
        named, campaign = self._source(page)
        customer = ensure_customer(page, self.customer)
        before = self._known(page, named, campaign, customer)
        if before is not None:
            card, publication = before
        else:
            if named is not None and named.customer_id is not None:
                raise VoucherAlreadyPublished(named.id)
            if page.card_in(customer.id, campaign) is not None:
                raise CannotBePublished
            if named is not None and not named.active:
                raise NoVoucherSuitable
            card, publication = publish(page, customer, campaign, named or pick_card(page, campaign), self._terms())
        category = page.configuration.category(card.category_id or campaign.category_id)
        return PublicationView(publication, customer, card, page.numbers(card), campaign, category)

    def _source(self, page: Page) -> tuple[Card | None, Campaign]:
        """The named card, if any, and the campaign."""
        campaign = campaign_of(page.configuration, self.campaign) if self.campaign else None
        if not self.voucher:
            assert campaign is not None, "neither campaign nor card"
            return None, campaign
        named = page.card(self.voucher)
        if named is None or (campaign is not None and named.campaign_id != campaign.id):
            raise NotFound("voucher", self.voucher)
        return named, campaign or campaign_of(page.configuration, named.campaign_id)

    def _known(self, page: Page, named: Card | None, campaign: Campaign, customer: Customer) -> tuple[Card, Publication] | None:
        """The card and the publication of an earlier request that this one repeats."""
        held = page.card_in(customer.id, campaign)
        same = held is not None and (named is None or named.id == held.id)
        first = page.publication(self.source_id) if self.source_id else None
        if first is not None:
            if held is None or not same or first.card_id != held.id:
                raise DuplicateSourceId("Publication", first.source_id or "")
            return held, first
        publication = page.publication_of(held) if held is not None and same and self.join_once else None
        return (held, publication) if held is not None and publication is not None else None

    def _terms(self) -> Terms:
        return Terms(channel=self.channel or "API", source_id=self.source_id or None, metadata=canonical(self.metadata or {}))
