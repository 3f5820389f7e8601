"""Cards: their numbers, their addresses, and the forms that no event of another test shows."""

import re
from datetime import date

import msgspec

from tallybook.domain.cards import numbers_of
from tallybook.domain.occurrence import CardNumbers
from tallybook.wire.cards import asset_ids, loyalty_card, voucher_full, voucher_got, voucher_simple19
from tests.wire.scenes import JOHNS_AFTER, JOHNS_CAMPAIGN, JOHNS_CARD, PUBLIC_URL

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_zeros_are_left_out() -> None:
    """Only points and balance are always shown; the rest when there is some, in the documented order (decision 2)."""
    assert loyalty_card(CardNumbers()) == {"points": 0, "balance": 0}
    full = CardNumbers(
        points=28786,
        balance=5156,
        redeemed_points=19630,
        subtracted_points=3000,
        expired_points=1000,
        pending_points=7,
        next_expiration_on=date(2026, 1, 31),
        next_expiration_points=25,
    )
    assert list(loyalty_card(full).items()) == [
        ("points", 28786),
        ("balance", 5156),
        ("next_expiration_date", "2026-01-31"),
        ("next_expiration_points", 25),
        ("pending_points", 7),
        ("expired_points", 1000),
        ("subtracted_points", 3000),
    ]


def test_numbers_of_a_card() -> None:
    """The numbers of a card record are all of its own."""
    card = msgspec.structs.replace(JOHNS_CARD, redeemed_quantity=2, redeemed_points=30, active=False)
    numbers = numbers_of(card)
    assert numbers == CardNumbers(
        points=210,
        balance=210,
        redeemed_points=30,
        redeemed_quantity=2,
        active=False,
        updated_at=JOHNS_CARD.updated_at,
    )


def test_images_have_lasting_ids() -> None:
    """Each card has two image ids of the form of a version 4 UUID: the same each time, others for each card and each key."""
    cards = [
        msgspec.structs.replace(JOHNS_CARD, id=id, asset_key=key) for id, key in (("v_1", "one"), ("v_1", "two"), ("v_2", "one"))
    ]
    ids = [id for card in cards for id in asset_ids(card)]
    assert ids == [id for card in cards for id in asset_ids(card)]
    assert len(set(ids)) == 6
    assert all(UUID4.fullmatch(id) for id in ids)


def test_images_outlive_what_happens_to_a_card() -> None:
    """Their addresses are in payloads that are rendered again for ever: nothing but the card's id and key decides them."""
    changed = msgspec.structs.replace(JOHNS_CARD, customer_id=None, points=0, active=False, metadata='{"a":1}')
    assert asset_ids(changed) == asset_ids(JOHNS_CARD)
    qr, barcode = asset_ids(JOHNS_CARD)
    assert voucher_full(JOHNS_CARD, JOHNS_CAMPAIGN, JOHNS_AFTER, PUBLIC_URL)["assets"] == {
        "qr": {"id": qr, "url": f"{PUBLIC_URL}/v1/assets/qr/{JOHNS_CARD.id}/{qr}.png"},
        "barcode": {"id": barcode, "url": f"{PUBLIC_URL}/v1/assets/barcode/{JOHNS_CARD.id}/{barcode}.png"},
    }


def test_a_cards_own_category_comes_before_its_campaigns() -> None:
    """A card that names none shows the campaign's (openapi update-voucher)."""
    campaign = msgspec.structs.replace(JOHNS_CAMPAIGN, category_id="cat_campaign")
    own = msgspec.structs.replace(JOHNS_CARD, category_id="cat_own")
    shown = [voucher_full(card, campaign, JOHNS_AFTER, PUBLIC_URL)["category_id"] for card in (JOHNS_CARD, own)]
    assert shown == ["cat_campaign", "cat_own"]


def test_code_is_escaped_in_addresses() -> None:
    """A code that needs escaping gives addresses that work."""
    card = msgspec.structs.replace(JOHNS_CARD, code="A/B 1")
    voucher = voucher_full(card, JOHNS_CAMPAIGN, JOHNS_AFTER, PUBLIC_URL)
    assert voucher["code"] == "A/B 1"
    assert voucher["publish"]["url"] == "/v1/vouchers/A%2FB%201/publications?page=1&limit=10"


def test_got_voucher_lists_no_assignments() -> None:
    """GET of a voucher adds an empty list of rule assignments before the redemption counters."""
    got = voucher_got(JOHNS_CARD, JOHNS_CAMPAIGN, JOHNS_AFTER, PUBLIC_URL)
    assert list(got)[-4:] == ["validation_rules_assignments", "redemption", "publish", "object"]
    assert got.pop("validation_rules_assignments") == {"object": "list", "data_ref": "data", "data": [], "total": 0}
    assert got == voucher_full(JOHNS_CARD, JOHNS_CAMPAIGN, JOHNS_AFTER, PUBLIC_URL)


def test_nineteen_keys_end_with_categories() -> None:
    """The form of the events of pending points ends with the categories."""
    voucher = voucher_simple19(JOHNS_CARD, JOHNS_CAMPAIGN, JOHNS_AFTER)
    assert list(voucher)[13:] == ["start_date", "expiration_date", "metadata", "object", "categories", "category"]


def test_disabled_card_is_shown_as_its_numbers_say() -> None:
    """Whether a card is active belongs to the moment that is shown."""
    numbers = msgspec.structs.replace(JOHNS_AFTER, active=False)
    assert voucher_full(JOHNS_CARD, JOHNS_CAMPAIGN, numbers, PUBLIC_URL)["active"] is False
