"""Names of events: which exist, which a webhook may subscribe to, what their ids look like."""

from functools import cache

PREFIXES = {
    "customer": "evcus_",
    "voucher": "evvou_",
    "campaign": "evcam_",
    "publication": "evpub_",
    "redemption": "evred_",
    "business_validation_rule": "evbvr_",
}
"""Prefix of an event's id, by the first word of its name (decisions 28 and 29)."""

MISSPELT = {
    "campaign.vouchers.aded": "campaign.vouchers.added",
    "voucher.gift.balance_aded": "voucher.gift.balance_added",
    "voucher.loyalty_card.pending_points.aded": "voucher.loyalty_card.pending_points.added",
    "voucher.loyalty_card.points_aded": "voucher.loyalty_card.points_added",
}
"""Names of the management API's own list that are misspelt there: accepted, stored under the right name (decision 50)."""

_GROUPS = {
    "business_validation_rule": ["assignment.created", "assignment.deleted", "created", "deleted", "updated"],
    "campaign": ["created", "deleted", "disabled", "enabled", "updated"],
    "campaign.earning_rule": ["assigned", "deleted", "disabled", "enabled", "updated"],
    "campaign.loyalty_tier": ["created", "deleted", "updated"],
    "campaign.promotion_stack": ["created", "updated"],
    "campaign.promotion_tier": ["created", "deleted", "disabled", "enabled", "updated"],
    "campaign.referral_tier": ["created", "deleted", "updated"],
    "campaign.reward.assignment": ["created", "deleted", "updated"],
    "campaign.vouchers": ["added", "generation.completed", "generation.failed", "generation.started"],
    "customer": ["confirmed", "created", "custom_event", "deleted", "rewarded", "rewarded.loyalty_points", "updated"],
    "customer.holder.assignment": ["created", "deleted"],
    "customer.loyalty.tier": ["downgraded", "joined", "left", "prolonged", "upgraded"],
    "customer.order": ["canceled", "created", "paid", "updated"],
    "customer.publication": ["succeeded"],
    "customer.redemption": ["rollback.succeeded", "succeeded"],
    "customer.reward_redemptions": ["completed", "created", "pending"],
    "customer.segment": ["entered", "left"],
    "customer.voucher": ["gift.balance_added"],
    "customer.voucher.loyalty_card": ["points_added", "points_expired"],
    "customer.voucher.loyalty_card.pending_points": ["activated", "added", "canceled", "updated"],
    "publication": ["succeeded"],
    "redemption": ["failed", "rollback.failed", "rollback.succeeded", "succeeded"],
    "voucher": ["created", "deleted", "disabled", "enabled", "published", "updated"],
    "voucher.gift": ["balance_added", "transaction.created"],
    "voucher.loyalty_card": ["points_added", "points_expired", "transaction.created"],
    "voucher.loyalty_card.pending_points": ["activated", "added", "canceled", "updated"],
}

SUBSCRIBABLE = frozenset(f"{group}.{word}" for group, words in _GROUPS.items() for word in words)
"""Every name that a webhook may ask for: project events and their customer twins (decision 28)."""


@cache
def event_id_prefix(name: str) -> str:
    """The prefix of the id of an event of this name."""
    return PREFIXES[name.split(".", 1)[0]]


def is_of_customer(name: str) -> bool:
    """Whether the event's entity is a customer."""
    return name.startswith("customer.")
