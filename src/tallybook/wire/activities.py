"""Activities: events as lists show them, with the payload that a webhook would get (webhooks.md 1.6)."""

from collections.abc import Iterable
from typing import Any

from msgspec import Raw

from tallybook.domain.occurrence import decode_subjects
from tallybook.domain.records import Event, Occurrence
from tallybook.wire.envelope import event_source
from tallybook.wire.events import History, render
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def activities(told: Iterable[tuple[Event, Occurrence]], history: History, public_url: str) -> list[Object]:
    """A row for each event, rendered as it was when it happened."""
    subjects: dict[str, list[Any]] = {}
    rows = []
    for event, occurrence in told:
        if occurrence.id not in subjects:
            subjects[occurrence.id] = decode_subjects(occurrence.subjects)
        rows.append(_row(event, occurrence, render(event, occurrence, subjects[occurrence.id], history, public_url)))
    return rows


def _row(event: Event, occurrence: Occurrence, data: bytes) -> Object:
    return {
        "id": event.id,
        "type": event.name,
        "data": {"data": Raw(data), "event_source": event_source(occurrence)},
        "created_at": instant_text(event.created_at),
        "group_id": occurrence.id,
    }
