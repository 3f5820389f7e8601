"""What is read off cards: numbers, and the summary of a customer."""

from datetime import UTC, date, datetime

from tallybook.domain.cards import numbers_of, summary_of
from tallybook.domain.codes import code_config
from tallybook.domain.config import Campaign
from tallybook.domain.occurrence import CampaignPoints, CardNumbers, CustomerSummary
from tallybook.domain.records import NEVER, Card, Lot

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def card(campaign_id: str, balance: int) -> Card:
    """A card that holds so many points."""
    return Card(
        id=f"v_{campaign_id}",
        project_id="proj_1",
        campaign_id=campaign_id,
        customer_id="cust_1",
        code=campaign_id,
        points=balance + 5,
        redeemed_points=5,
        redeemed_quantity=1,
        balance=balance,
        asset_key="key",
        created_at=NOW,
    )


def campaign(id: str) -> Campaign:
    """A campaign named after its id."""
    return Campaign(id=id, name=f"The {id}", created_at=NOW, code_config=code_config(None, None, None, None, None))


def lot(expires_on: date, points: int) -> Lot:
    """A lot of the card of campaign `a`."""
    return Lot(
        id=f"lopb_{expires_on}",
        project_id="proj_1",
        customer_id="cust_1",
        card_id="v_a",
        campaign_id="a",
        expires_on=expires_on,
        points=points,
        created_at=NOW,
    )


def test_numbers_with_lots() -> None:
    """The numbers are those of the card, and what expires next is that of its earliest dated lot with points."""
    lots = [lot(NEVER, 4), lot(date(2025, 3, 1), 0), lot(date(2025, 6, 1), 6)]
    assert numbers_of(card("a", 10), lots) == CardNumbers(
        points=15,
        redeemed_points=5,
        redeemed_quantity=1,
        balance=10,
        next_expiration_on=date(2025, 6, 1),
        next_expiration_points=6,
    )


def test_a_summary_names_the_campaigns_that_there_are() -> None:
    """Campaigns stand in their order; a card of a deleted one counts in the total, and is not named."""
    cards = [card("gone", 1), card("b", 20), card("a", 300)]
    assert summary_of("cust_1", cards, [campaign("a"), campaign("other"), campaign("b")], {"b": "ltr_1"}) == CustomerSummary(
        customer_id="cust_1",
        points=321,
        redeemed_points=15,
        redemptions=3,
        campaigns=(
            CampaignPoints(campaign_name="The a", points=300),
            CampaignPoints(campaign_name="The b", points=20, tier_id="ltr_1"),
        ),
    )
