"""The envelope: seven keys in the documented order around the very bytes of the data."""

import msgspec

from tallybook.domain.occurrence import Refs
from tallybook.wire.envelope import envelope
from tallybook.wire.json import encode, kept
from tests.wire.scenes import BASIC, OCCURRENCE, PROJECT, WEBHOOK, event

EVENT = event("customer.order.paid", Refs())


def test_envelope_of_a_request() -> None:
    """The envelope says which webhook, which event and which API key, and carries the data untouched."""
    body = envelope("whs_1", WEBHOOK, EVENT, OCCURRENCE, b'{"x":1.50}')
    assert b'"data":{"x":1.50},"source"' in body
    assert msgspec.json.decode(body) == {
        "id": "whs_1",
        "project_id": PROJECT,
        "created_at": "2024-07-24T10:51:31.000Z",
        "type": "customer.order.paid",
        "data": {"x": 1.5},
        "source": {"id": "wh_i45Uez369zzXgh6PXC0eyGmb", "object": "webhook", "target_url": "https://shop.example/hooks"},
        "event": {
            "id": "evcus_0f1ad36a884d1c7c69",
            "type": "customer.order.paid",
            "created_at": "2024-07-24T10:51:31.000Z",
            "entity_id": "cust_PL4iqfS8K5Ej2LuBNV1RqlfJ",
            "group_id": "v-0f1ad36a77025ce17c",
            "event_source": {
                "channel": "API",
                "api_key": {"name": "Primary", "app_id": "34fdc483-066d-478b-a707-be2c7a3d3698"},
            },
        },
    }


def test_envelope_of_midnight() -> None:
    """What nobody asked for has an internal source, and no key."""
    midnight = msgspec.structs.replace(OCCURRENCE, channel="INTERNAL", key_name=None, app_id=None)
    body = msgspec.json.decode(envelope("whs_1", WEBHOOK, EVENT, midnight, b"{}"))
    assert body["event"]["event_source"] == {"channel": "INTERNAL"}


def test_kept_piece_is_of_the_same_object_only() -> None:
    """A kept piece is used again for the very same document, and never for another of the same id."""
    calls = []

    def form(tier: object) -> dict[str, object]:
        calls.append(tier)
        return {"tier": tier}

    shown = kept(form, most=1)
    renamed = msgspec.structs.replace(BASIC, name="Bronze")
    other = msgspec.structs.replace(BASIC, id="ltr_other")
    pieces = [encode(shown(tier)) for tier in (BASIC, BASIC, renamed, BASIC, other, BASIC)]
    assert calls == [BASIC, renamed, BASIC, other, BASIC]
    assert pieces[0] == pieces[1] == pieces[3] == pieces[5] == encode({"tier": BASIC})
    assert pieces[2] == encode({"tier": renamed})
