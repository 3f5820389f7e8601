"""Which parcel may start next: fairness between webhooks, order within a customer's stream. No I/O, no clock.

A parcel in hand is `ready` (its lane may start it), in line (behind another one of its stream), `flying`, or landed and
not yet recorded.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from tallybook.delivery.outbox import Parcel, holds_back
from tallybook.delivery.policy import RetryAt, Step


class Limits(msgspec.Struct, frozen=True):
    """How much the courier does at once."""

    flights: int = 256
    """Requests in the air, all webhooks together."""
    flights_per_webhook: int = 64
    first_flights: int = 4
    """Of a webhook of which no answer has been seen: dozens of dead ones leave room for a live one."""
    in_hand: int = 2048
    """Parcels claimed and not yet recorded; at 3 kB each, 6 MB."""
    in_hand_per_flight: int = 4
    """Of one webhook, for each request it may have in the air: then it is busy. From twice that it is given no more."""
    claim: int = 256
    record: int = 1000
    """Results in one transaction. A recording waits for the engine; with fewer it would hold back the sending."""


class Lane:
    """The parcels in hand of one webhook. `allowed` is how many requests it may have in the air."""

    def __init__(self, allowed: int) -> None:
        self.ready: deque[Parcel] = deque()
        self.lines: dict[str, deque[Parcel]] = {}
        self.flying = 0
        self.unanswered = 0
        self.allowed = allowed


class Lanes:
    """All parcels in hand that have not been answered, and what each webhook is allowed; that is kept while it has none.

    A webhook is allowed one more request in the air by each answer, and half as many by each attempt without an answer.
    Besides, it takes no more than are left for the others, so a few slow webhooks cannot use up all flights.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lanes: dict[str, Lane] = {}
        self._turn: deque[str] = deque()
        self.flying = 0

    def admit(self, parcels: Iterable[Parcel]) -> list[Parcel]:
        """Take claimed parcels in hand. Returns those that are too many of their webhook: they must go back to the outbox."""
        surplus = []
        for parcel in sorted(parcels, key=attrgetter("position")):
            lane = self._lanes.setdefault(parcel.webhook_id, Lane(self._limits.first_flights))
            if lane.unanswered >= 2 * self._enough(lane):
                surplus.append(parcel)
                continue
            lane.unanswered += 1
            stream = _line_of(parcel)
            if stream in lane.lines:
                lane.lines[stream].append(parcel)
                continue
            if stream is not None:
                lane.lines[stream] = deque()
            self._make_ready(parcel, lane)
        return surplus

    def take_off(self) -> Iterator[Parcel]:
        """The parcels that may start now, one webhook after the other; each counts as flying from here on."""
        passed_over = 0
        while self._turn and passed_over < len(self._turn):
            webhook_id = self._turn.popleft()
            lane = self._lanes[webhook_id]
            if lane.flying >= min(lane.allowed, self._limits.flights - self.flying):
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

    def land(self, parcel: Parcel, step: Step, *, answered: bool) -> list[Parcel]:
        """End a flight; the next in its line becomes ready. `answered`: with any HTTP status.

        Returns those that must go back to the outbox, because this one failed and still holds them back.
        """
        lane = self._gone(parcel)
        lane.allowed = min(lane.allowed + 1, self._limits.flights_per_webhook) if answered else max(lane.allowed // 2, 1)
        stream = _line_of(parcel)
        behind: list[Parcel] = []
        if stream in lane.lines:
            if isinstance(step, RetryAt) and holds_back(parcel.attempts + 1, strict=parcel.strict):
                behind = self._dissolve(lane, stream)
            elif lane.lines[stream]:
                self._make_ready(lane.lines[stream].popleft(), lane)
            else:
                del lane.lines[stream]
        return behind

    def turn_back(self, parcel: Parcel) -> list[Parcel]:
        """End a flight that was not made. Returns the parcel and all that were in line behind it."""
        lane = self._gone(parcel)
        stream = _line_of(parcel)
        behind = self._dissolve(lane, stream) if stream in lane.lines else []
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

    def busy(self) -> set[str]:
        """The webhooks that have enough in hand for now."""
        return set(filter(self.is_busy, self._lanes))

    def is_busy(self, webhook_id: str) -> bool:
        """Whether this webhook has enough in hand for now."""
        lane = self._lanes[webhook_id]
        return lane.unanswered >= self._enough(lane)

    def _enough(self, lane: Lane) -> int:
        return lane.allowed * self._limits.in_hand_per_flight

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


def _line_of(parcel: Parcel) -> str | None:
    """The stream whose order it keeps; None once it has stepped out of line."""
    return parcel.stream if holds_back(parcel.attempts, strict=parcel.strict) else None
