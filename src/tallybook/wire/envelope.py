"""The envelope of a webhook call (webhooks.md 1.1)."""

from msgspec import Raw

from tallybook.domain.config import Webhook
from tallybook.domain.records import Event, Occurrence
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, encode


def envelope(send_out_id: str, webhook: Webhook, event: Event, occurrence: Occurrence, data: bytes) -> bytes:
    """The body of a call: seven keys around the rendered `data`, which goes in untouched.

    The same arguments give the same bytes, so every attempt of a send-out has the same body and the same signature.
    """
    created_at = instant_text(event.created_at)
    return encode(
        {
            "id": send_out_id,
            "project_id": event.project_id,
            "created_at": created_at,
            "type": event.name,
            "data": Raw(data),
            "source": {"id": webhook.id, "object": "webhook", "target_url": webhook.target_url},
            "event": {
                "id": event.id,
                "type": event.name,
                "created_at": created_at,
                "entity_id": event.entity_id,
                "group_id": occurrence.id,
                "event_source": event_source(occurrence),
            },
        },
    )


def event_source(occurrence: Occurrence) -> Object:
    """Who caused an event: the API with the name of its key, or nobody outside (webhooks.md 1.3)."""
    if occurrence.channel != "API":
        return {"channel": occurrence.channel}
    return {"channel": "API", "api_key": {"name": occurrence.key_name, "app_id": occurrence.app_id}}
