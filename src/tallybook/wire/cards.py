"""Cards: on the wire `voucher`. The whole object (seed 003) and the three short forms of events (decision 46).

The numbers are given beside the card, because an event may speak of the card as it was before (decision 19).
"""

from hashlib import blake2b
from urllib.parse import quote

from tallybook.domain.config import Campaign, Category
from tallybook.domain.occurrence import CardNumbers
from tallybook.domain.records import Card
from tallybook.wire.categories import categories_of, category_name
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object, spliced

_NO_ASSIGNMENTS = {"object": "list", "data_ref": "data", "data": [], "total": 0}
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The two fixed bits of a UUID's variant (RFC 9562 4.1), over a random digit."""


def loyalty_card(numbers: CardNumbers) -> Object:
    """The points of a card. What is zero beyond points and balance is left out (decision 2)."""
    shown: Object = {"points": numbers.points, "balance": numbers.balance}
    if numbers.next_expiration_on is not None and numbers.next_expiration_points:
        shown["next_expiration_date"] = date_text(numbers.next_expiration_on)
        shown["next_expiration_points"] = numbers.next_expiration_points
    if numbers.pending_points:
        shown["pending_points"] = numbers.pending_points
    if numbers.expired_points:
        shown["expired_points"] = numbers.expired_points
    if numbers.subtracted_points:
        shown["subtracted_points"] = numbers.subtracted_points
    return shown


def voucher_simple14(card: Card, campaign: Campaign, numbers: CardNumbers) -> Object:
    """Fourteen keys: no dates, no metadata (seeds 000 and 002). `holder_id` only of a published card, in every form."""
    shown = _simple(card, campaign, numbers)
    shown["object"] = "voucher"
    return shown


def voucher_simple17(card: Card, campaign: Campaign, numbers: CardNumbers) -> Object:
    """Seventeen keys: dates and metadata too (seeds 001 and 004)."""
    shown = _simple(card, campaign, numbers)
    shown["start_date"] = instant_text(card.start_date)
    shown["expiration_date"] = instant_text(card.expiration_date)
    shown["metadata"] = spliced(card.metadata)
    shown["object"] = "voucher"
    return shown


def voucher_simple19(card: Card, campaign: Campaign, numbers: CardNumbers, category: Category | None = None) -> Object:
    """Nineteen keys: the seventeen, and the categories behind them."""
    shown = voucher_simple17(card, campaign, numbers)
    return {**shown, "categories": categories_of(category), "category": category_name(category)}


def voucher_full(
    card: Card, campaign: Campaign, numbers: CardNumbers, public_url: str, category: Category | None = None
) -> Object:
    """The voucher as REST answers it, and as transaction.created and voucher.created carry it (seed 003, 27 keys).

    `public_url` is where this server is reached; the images of the code live under it. Without `category` the category is
    shown by its id alone, as some of the documented answers do.
    """
    shown = _full_head(card, campaign, numbers, public_url, category)
    _add_full_tail(shown, card, numbers)
    return shown


def voucher_got(
    card: Card, campaign: Campaign, numbers: CardNumbers, public_url: str, category: Category | None = None
) -> Object:
    """The voucher as GET /v1/vouchers/{code} answers it: the whole one, and the empty list of rule assignments."""
    shown = _full_head(card, campaign, numbers, public_url, category)
    shown["validation_rules_assignments"] = _NO_ASSIGNMENTS
    _add_full_tail(shown, card, numbers)
    return shown


def asset_ids(card: Card) -> tuple[str, str]:
    """The ids of the QR and barcode images of a card's code: the same for ever, and of the form of version 4 UUIDs.

    They sign the addresses of the images: a code is a bearer secret (decision 35), and without the card's key, which is
    never shown, nobody can make them of the card's id.
    """
    text = blake2b(card.id.encode(), key=card.asset_key.encode(), digest_size=32).hexdigest()
    return _uuid(text[:32]), _uuid(text[32:])


def _uuid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:]}"


def _simple(card: Card, campaign: Campaign, numbers: CardNumbers) -> Object:
    shown: Object = {
        "id": card.id,
        "code": card.code,
        "loyalty_card": loyalty_card(numbers),
        "type": "LOYALTY_CARD",
        "campaign": campaign.name,
        "campaign_id": campaign.id,
        "is_referral_code": False,
    }
    if card.customer_id is not None:
        shown["holder_id"] = card.customer_id
    shown["category_id"] = card.category_id or campaign.category_id
    shown["active"] = numbers.active
    shown["created_at"] = instant_text(card.created_at)
    shown["updated_at"] = instant_text(numbers.updated_at)
    shown["redemption"] = {
        "quantity": card.redemption_limit,
        "redeemed_quantity": numbers.redeemed_quantity,
        "redeemed_points": numbers.redeemed_points,
    }
    return shown


def _full_head(card: Card, campaign: Campaign, numbers: CardNumbers, public_url: str, category: Category | None) -> Object:
    validity = campaign.validity
    shown: Object = {
        "id": card.id,
        "code": card.code,
        "campaign": campaign.name,
        "campaign_id": campaign.id,
        "category": category_name(category),
        "category_id": card.category_id or campaign.category_id,
        "categories": categories_of(category),
        "type": "LOYALTY_CARD",
        "discount": None,
        "gift": None,
        "loyalty_card": loyalty_card(numbers),
        "start_date": instant_text(card.start_date),
        "expiration_date": instant_text(card.expiration_date),
        "validity_timeframe": validity.validity_timeframe,
        "validity_hours": validity.validity_hours,
        "validity_day_of_week": validity.validity_day_of_week,
        "active": numbers.active,
        "additional_info": card.additional_info,
        "metadata": spliced(card.metadata),
        "assets": _assets(card, public_url),
        "is_referral_code": False,
        "created_at": instant_text(card.created_at),
        "updated_at": instant_text(numbers.updated_at),
    }
    if card.customer_id is not None:
        shown["holder_id"] = card.customer_id
    return shown


def _add_full_tail(shown: Object, card: Card, numbers: CardNumbers) -> None:
    path = f"/v1/vouchers/{quote(card.code, safe='')}"
    shown["redemption"] = {
        "quantity": card.redemption_limit,
        "redeemed_quantity": numbers.redeemed_quantity,
        "redeemed_points": numbers.redeemed_points,
        "object": "list",
        "url": f"{path}/redemptions?page=1&limit=10",
    }
    shown["publish"] = {"object": "list", "count": card.published_count, "url": f"{path}/publications?page=1&limit=10"}
    shown["object"] = "voucher"


def _assets(card: Card, public_url: str) -> Object:
    qr, barcode = asset_ids(card)
    return {
        "qr": {"id": qr, "url": f"{public_url}/v1/assets/qr/{card.id}/{qr}.png"},
        "barcode": {"id": barcode, "url": f"{public_url}/v1/assets/barcode/{card.id}/{barcode}.png"},
    }
