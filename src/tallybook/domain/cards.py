"""What is read off cards: the numbers of one at a moment, and what all cards of a customer come to. Pure."""

from collections.abc import Iterable, Mapping

from tallybook.domain.config import Campaign
from tallybook.domain.lots import next_expiration
from tallybook.domain.occurrence import CampaignPoints, CardNumbers, CustomerSummary
from tallybook.domain.records import Card, Lot


def numbers_of(card: Card, lots: Iterable[Lot] = ()) -> CardNumbers:
    """The numbers of a card with these ACTIVE lots; without its lots, what expires next stays unset."""
    expires_on, points = next_expiration(lots)
    return CardNumbers(
        points=card.points,
        redeemed_points=card.redeemed_points,
        redeemed_quantity=card.redeemed_quantity,
        subtracted_points=card.subtracted_points,
        expired_points=card.expired_points,
        balance=card.balance,
        pending_points=card.pending_points,
        next_expiration_on=expires_on,
        next_expiration_points=points,
        active=card.active,
        updated_at=card.updated_at,
    )


def summary_of(
    customer_id: str, cards: Iterable[Card], campaigns: Iterable[Campaign], tiers: Mapping[str, str | None]
) -> CustomerSummary:
    """A customer's points: of all cards in total, and by campaign those of the campaigns that there are, in their order.

    `tiers` is the tier held in each campaign, by campaign id.
    """
    held = {card.campaign_id: card for card in cards}
    named = [(campaign, held[campaign.id]) for campaign in campaigns if campaign.id in held]
    return CustomerSummary(
        customer_id=customer_id,
        points=sum(card.balance for card in held.values()),
        redeemed_points=sum(card.redeemed_points for card in held.values()),
        redemptions=sum(card.redeemed_quantity for card in held.values()),
        campaigns=tuple(
            CampaignPoints(campaign_name=campaign.name, points=card.balance, tier_id=tiers.get(campaign.id))
            for campaign, card in named
        ),
    )
