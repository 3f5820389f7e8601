"""Pending points on the wire: an entry as listings and events show it."""

from tallybook.domain.records import PendingEntry
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object, spliced


def entry_full(entry: PendingEntry) -> Object:
    """An entry: nine keys (seeds 001 and 004), ten once it was adjusted. Its details are as they were when it was made."""
    shown: Object = {
        "id": entry.id,
        "voucher_id": entry.card_id,
        "campaign_id": entry.campaign_id,
        "customer_id": entry.customer_id,
        "order_id": entry.order_id,
        "points": entry.points,
        "activates_at": date_text(entry.activates_on),
        "details": spliced(entry.details),
        "created_at": instant_text(entry.created_at),
    }
    if entry.updated_at is not None and entry.status == "PENDING":
        shown["updated_at"] = instant_text(entry.updated_at)
    return shown
