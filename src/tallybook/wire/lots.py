"""Lots on the wire: loyalty points buckets."""

from tallybook.domain.records import NEVER, Lot
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object


def bucket(lot: Lot) -> Object:
    """A lot as points-expiration lists it: no `expires_at` when its points do not expire."""
    shown: Object = {
        "id": lot.id,
        "voucher_id": lot.card_id,
        "campaign_id": lot.campaign_id,
        "bucket": {"total_points": lot.points},
        "status": lot.status,
    }
    if lot.expires_on != NEVER:
        shown["expires_at"] = date_text(lot.expires_on)
    shown["created_at"] = instant_text(lot.created_at)
    if lot.updated_at is not None:
        shown["updated_at"] = instant_text(lot.updated_at)
    shown["object"] = "loyalty_points_bucket"
    return shown
