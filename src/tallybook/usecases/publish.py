"""Publishing: a customer becomes a member of a campaign by being given a card."""

from datetime import datetime
from typing import Any

import msgspec

from tallybook.domain.config import Campaign
from tallybook.domain.dates import Duration, expires_on, local_date
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import Card, Customer, Publication
from tallybook.domain.refusals import NoVoucherSuitable
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.points import grant_initial_points, judge_tier, version_of

ASSET_KEY_LENGTH = 22
"""Characters of the secret in the addresses of a card's images: 130 bits, which nobody guesses."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a card is published: the channel, and what the caller wants remembered."""

    channel: str = "API"
    source_id: str | None = None
    metadata: str = "{}"


def generate_card(page: Page, campaign: Campaign, at: datetime, code: str | None = None, **said: Any) -> Card:
    """A new unpublished card, with the campaign's initial points on it, and with what is `said` of it in place of what the
    campaign says. Says voucher.created.

    Refuses: NoVoucherSuitable when the code pattern has no free code left.
    """
    code = code or page.take_new_code(campaign)
    if code is None:
        raise NoVoucherSuitable
    card = msgspec.structs.replace(new_card(page, campaign, code, at), **said)
    page.count(counter_of(campaign), 1)
    refs = Refs(card=page.subject(card), after=page.numbers(card), campaign=version_of(campaign))
    page.emit("voucher.created", card.id, refs, at=at)
    return page.put(card)


def counter_of(campaign: Campaign) -> str:
    """The counter of the cards of a campaign."""
    return f"vouchers:{campaign.id}"


def new_card(page: Page, campaign: Campaign, code: str, at: datetime) -> Card:
    """A new unpublished card as the campaign makes them; the caller writes it, and counts it."""
    return Card(
        id=page.random_id("v_", 32),
        project_id=page.project_id,
        campaign_id=campaign.id,
        code=code,
        points=campaign.card_points,
        balance=campaign.card_points,
        initial_points=campaign.card_points,
        redemption_limit=campaign.redemption_quantity,
        start_date=campaign.validity.start_date,
        expiration_date=campaign.validity.expiration_date,
        metadata=campaign.metadata if campaign.use_voucher_metadata_schema else "{}",
        asset_key=page.random_id("", ASSET_KEY_LENGTH),
        created_at=at,
    )


def pick_card(page: Page, campaign: Campaign) -> Card:
    """A card to publish: any that waits; an AUTO_UPDATE campaign makes one when none does.

    Refuses: NoVoucherSuitable when there is none and none can be made.
    """
    card = page.take_free_card(campaign)
    if card is not None:
        return card
    code = page.take_new_code(campaign) if campaign.type == "AUTO_UPDATE" else None
    if code is None:
        page.check_supply(campaign)
        raise NoVoucherSuitable
    return generate_card(page, campaign, page.tick(), code)


def publish(page: Page, customer: Customer, campaign: Campaign, card: Card, terms: Terms) -> tuple[Card, Publication]:
    """Gives the card to the customer; says voucher.published and publication.succeeded, then judges the tier (decision 38)."""
    at = page.tick()
    lasting = campaign.activity_duration_after_publishing
    publication = Publication(
        id=page.random_id("pub_", 32),
        project_id=page.project_id,
        customer_id=customer.id,
        campaign_id=campaign.id,
        card_id=card.id,
        channel=terms.channel,
        source_id=terms.source_id,
        tracking_id=customer.source_id,
        metadata=terms.metadata,
        created_at=at,
    )
    if terms.metadata != "{}":
        check_metadata(page.configuration, "publication", terms.metadata)
    page.add(publication)
    card = page.put(
        msgspec.structs.replace(
            card,
            customer_id=customer.id,
            published_count=card.published_count + 1,
            expiration_date=Duration(lasting).after(at) if lasting else card.expiration_date,
            updated_at=at,
        )
    )
    grant_initial_points(page, card, publication.id, expires_on(campaign.expiration_rules, local_date(at, page.zone)), at)
    _tell(page, customer, campaign, card, publication)
    judge_tier(page, customer, campaign, card, at)
    return card, publication


def _tell(page: Page, customer: Customer, campaign: Campaign, card: Card, publication: Publication) -> None:
    refs = Refs(
        customer=page.subject(customer),
        campaign=version_of(campaign),
        card=page.subject(card),
        after=page.numbers(card),
        publication=page.subject(publication),
    )
    page.emit("voucher.published", card.id, refs, customer.id)
    page.emit("publication.succeeded", publication.id, refs, customer.id)
    page.emit("customer.publication.succeeded", customer.id, refs, customer.id)
