"""Which parcel may start next: fairness between webhooks, order within a customer's stream. No I/O, no clock.

A parcel in hand is `ready` (its lane may start it), in line (behind another one of its stream), `flying`, or landed and
not yet recorded.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from tallybook.delivery.outbox import Parcel, holds_back


class Limits(msgspec.Struct, frozen=True):
    """How much the courier does at once. Each bound that webhooks share leaves room for the next one to be served."""

    flights: int = 256
    """Requests in the air, all webhooks together."""
    flights_per_webhook: int = 64
    in_hand: int = 2048
    """Parcels claimed and not yet recorded; at 3 kB each, 6 MB."""
    in_hand_per_webhook: int = 192
    """From here on the claim passes a webhook over. Three times its flights: enough to last through a claim."""
    claim: int = 256
    record: int = 200


class Lane:
    """The parcels in hand of one webhook."""

    def __init__(self) -> None:
        self.ready: deque[Parcel] = deque()
        self.lines: dict[str, deque[Parcel]] = {}
        self.flying = 0
        self.unanswered = 0


class Lanes:
    """All parcels in hand that have not been answered."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lanes: dict[str, Lane] = {}
        self._turn: deque[str] = deque()
        self.flying = 0

    def admit(self, parcels: Iterable[Parcel]) -> None:
        """Take claimed parcels in hand."""
        for parcel in sorted(parcels, key=attrgetter("position")):
            lane = self._lanes.setdefault(parcel.webhook_id, Lane())
            lane.unanswered += 1
            stream = _line_of(parcel)
            if stream in lane.lines:
                lane.lines[stream].append(parcel)
                continue
            if stream is not None:
                lane.lines[stream] = deque()
            self._make_ready(parcel, lane)

    def take_off(self) -> Iterator[Parcel]:
        """The parcels that may start now, one webhook after the other; each counts as flying from here on."""
        passed_over = 0
        while self._turn and passed_over < len(self._turn):
            webhook_id = self._turn.popleft()
            lane = self._lanes[webhook_id]
            if lane.flying >= min(self._limits.flights_per_webhook, self._limits.flights - self.flying):
                self._turn.append(webhook_id)
                passed_over += 1
                continue
            parcel = lane.ready.popleft()
            if lane.ready:
                self._turn.append(webhook_id)
            lane.flying += 1
            self.flying += 1
            passed_over = 0
            yield parcel

    def land(self, parcel: Parcel, *, delivered: bool, over: bool) -> list[Parcel]:
        """End a flight; the next in its line becomes ready. `over`: it is not tried again.

        Returns those that must go back to the outbox, because this one failed and still holds them back.
        """
        lane = self._gone(parcel)
        stream = _line_of(parcel)
        behind: list[Parcel] = []
        if stream in lane.lines:
            if not delivered and not over and holds_back(parcel.attempts + 1, strict=parcel.strict):
                behind = self._dissolve(lane, stream)
            elif lane.lines[stream]:
                self._make_ready(lane.lines[stream].popleft(), lane)
            else:
                del lane.lines[stream]
        self._forget(parcel.webhook_id)
        return behind

    def turn_back(self, parcel: Parcel) -> list[Parcel]:
        """End a flight that was not made. Returns the parcel and all that were in line behind it."""
        lane = self._gone(parcel)
        stream = _line_of(parcel)
        behind = self._dissolve(lane, stream) if stream in lane.lines else []
        self._forget(parcel.webhook_id)
        return [parcel, *behind]

    def clear(self) -> list[Parcel]:
        """Give up all that has not started."""
        left: list[Parcel] = []
        for lane in self._lanes.values():
            left += [*lane.ready, *(parcel for line in lane.lines.values() for parcel in line)]
            lane.ready.clear()
            lane.lines.clear()
        self._turn.clear()
        return left

    def busy(self, bound: int) -> set[str]:
        """The webhooks with at least `bound` parcels in hand that have not been answered."""
        return {webhook_id for webhook_id, lane in self._lanes.items() if lane.unanswered >= bound}

    def _gone(self, parcel: Parcel) -> Lane:
        lane = self._lanes[parcel.webhook_id]
        lane.flying -= 1
        lane.unanswered -= 1
        self.flying -= 1
        return lane

    def _make_ready(self, parcel: Parcel, lane: Lane) -> None:
        if not lane.ready:
            self._turn.append(parcel.webhook_id)
        lane.ready.append(parcel)

    def _dissolve(self, lane: Lane, stream: str) -> list[Parcel]:
        behind = lane.lines.pop(stream)
        lane.unanswered -= len(behind)
        return list(behind)

    def _forget(self, webhook_id: str) -> None:
        if not self._lanes[webhook_id].unanswered:
            del self._lanes[webhook_id]


def _line_of(parcel: Parcel) -> str | None:
    """The stream whose order it keeps; None once it has stepped out of line."""
    return parcel.stream if holds_back(parcel.attempts, strict=parcel.strict) else None
