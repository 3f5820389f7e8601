"""Joining a loyalty campaign: the documented "add member"."""

from typing import Any

import msgspec

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Campaign, Category
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import CardNumbers
from tallybook.domain.records import Card
from tallybook.domain.refusals import CannotBePublished, NotFound, VoucherAlreadyPublished
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.customers import CustomerRef, ensure_customer, key_of
from tallybook.usecases.page import Page
from tallybook.usecases.publish import Terms, pick_card, publish


class CardView(msgspec.Struct, frozen=True):
    """A card with its numbers and campaign: the answer of the card commands."""

    card: Card
    numbers: CardNumbers
    campaign: Campaign
    category: Category | None = None
    """The card's, or else the campaign's, where it is shown by name."""


def campaign_of(configuration: Configuration, key: str) -> Campaign:
    """The campaign by id or name. Refuses: NotFound."""
    campaign = configuration.campaign(key)
    if campaign is None:
        raise NotFound("campaign", key)
    return campaign


class JoinCampaign(Command, frozen=True, kw_only=True):
    """Give a customer a card of the campaign: the named one, or any that waits, or a new one."""

    campaign: str
    customer: CustomerRef
    voucher: str | None = None
    channel: str | None = None
    metadata: dict[str, Any] | None = None

    def needs(self, configuration: Configuration) -> Needs:
        """The customer, the named card, and a card to give."""
        campaign = configuration.campaign(self.campaign)
        joins = (campaign.id,) if campaign and not self.voucher else ()
        return Needs(customers=key_of(self.customer), cards=(self.voucher,) if self.voucher else (), joins=joins)

    def decide(self, page: Page) -> CardView:
        """Refuses: NotFound for campaign, card or customer id; VoucherAlreadyPublished; CannotBePublished when the
        customer is a member already (decision 11); NoVoucherSuitable.
        """
        campaign = campaign_of(page.configuration, self.campaign)
        card = self._named_card(page, campaign) if self.voucher else None
        customer = ensure_customer(page, self.customer)
        if page.card_in(customer.id, campaign) is not None:
            raise CannotBePublished
        terms = Terms(channel=self.channel or "API", metadata=canonical(self.metadata or {}))
        card, _ = publish(page, customer, campaign, card or pick_card(page, campaign), terms)
        category = page.configuration.category(card.category_id or campaign.category_id)
        return CardView(card, page.numbers(card), campaign, category)

    def _named_card(self, page: Page, campaign: Campaign) -> Card:
        card = page.card(self.voucher)
        if card is None or card.campaign_id != campaign.id:
            raise NotFound("voucher", str(self.voucher))
        if card.customer_id is not None:
            raise VoucherAlreadyPublished(card.id)
        return card
