"""Webhooks: a subscription, as the management API answers it."""

from tallybook.domain.config import Webhook
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def webhook_full(webhook: Webhook) -> Object:
    """Six keys, and `strict_order` where it was asked for (ours).

    Event names are the right ones, whatever spelling came in (decision 50); the secret is never shown.
    """
    shown: Object = {
        "object": "webhook",
        "created_at": instant_text(webhook.created_at),
        "id": webhook.id,
        "events": webhook.events,
        "target_url": webhook.target_url,
        "active": webhook.active,
    }
    if webhook.strict_order:
        shown["strict_order"] = True
    return shown
