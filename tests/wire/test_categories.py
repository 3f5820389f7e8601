"""Categories: alone, and within the campaigns and cards that carry them."""

import msgspec

from tallybook.domain.config import Category
from tallybook.wire.campaigns import campaign_full, campaign_of_event
from tallybook.wire.cards import voucher_full, voucher_got, voucher_simple14, voucher_simple19
from tallybook.wire.categories import category_full
from tests.wire.scenes import JACKS_CAMPAIGN, JOHNS_AFTER, JOHNS_CAMPAIGN, JOHNS_CARD, PUBLIC_URL, at

PLATINUM = Category(id="cat_0e156dab8f2e43873a", name="Star Platinum", hierarchy=10, created_at=at("2024-01-03T10:03:24.092"))
WHOLE = {
    "id": "cat_0e156dab8f2e43873a",
    "name": "Star Platinum",
    "hierarchy": 10,
    "created_at": "2024-01-03T10:03:24.092Z",
    "object": "category",
}


def test_a_category_shows_when_it_was_changed() -> None:
    """Five keys until then."""
    assert category_full(PLATINUM) == WHOLE
    changed = msgspec.structs.replace(PLATINUM, updated_at=at("2024-01-04T00:00:00.000"))
    assert list(category_full(changed)) == ["id", "name", "hierarchy", "created_at", "updated_at", "object"]


def test_a_campaign_names_its_category() -> None:
    """By name, by id and whole; in lists, and where none is at hand, by id alone; an event has the name only with one."""
    campaign = msgspec.structs.replace(JACKS_CAMPAIGN, category_id=PLATINUM.id)
    full = campaign_full(campaign, 0, PLATINUM)
    assert (full["category"], full["category_id"], full["categories"]) == ("Star Platinum", PLATINUM.id, [WHOLE])
    listed = campaign_full(campaign, 0)
    assert (listed["category"], listed["category_id"], listed["categories"]) == (None, PLATINUM.id, [])
    assert campaign_of_event(campaign, 0, PLATINUM)["category"] == "Star Platinum"
    assert "category" not in campaign_of_event(campaign, 0)


def test_a_card_has_a_category_of_its_own_or_the_campaigns() -> None:
    """Seed 001 shows a card with one in a campaign without."""
    own = msgspec.structs.replace(JOHNS_CARD, category_id=PLATINUM.id)
    for card, campaign in (
        (own, JOHNS_CAMPAIGN),
        (own, msgspec.structs.replace(JOHNS_CAMPAIGN, category_id="cat_another")),
        (JOHNS_CARD, msgspec.structs.replace(JOHNS_CAMPAIGN, category_id=PLATINUM.id)),
    ):
        assert voucher_simple14(card, campaign, JOHNS_AFTER)["category_id"] == PLATINUM.id
        for shown in (
            voucher_simple19(card, campaign, JOHNS_AFTER, PLATINUM),
            voucher_full(card, campaign, JOHNS_AFTER, PUBLIC_URL, PLATINUM),
            voucher_got(card, campaign, JOHNS_AFTER, PUBLIC_URL, PLATINUM),
        ):
            assert (shown["category"], shown["category_id"], shown["categories"]) == ("Star Platinum", PLATINUM.id, [WHOLE])
