"""What the courier asks of whoever stores the send-outs, and the words that go between them.

States of a send-out as the courier sees it: `Parcel` (claimed, in hand) → `Attempted` (sent, with its next step) → recorded;
or a parcel that was not sent → released.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from tallybook.delivery.policy import Step

HELD_BACK_UNTIL = 2
"""A send-out that failed so many times steps out of line, and no longer holds back the later ones of its stream."""


class OutboxUnavailable(Exception):
    """The outbox could not do it now (a full queue, a lost connection); asking again in a moment may work."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One send-out in hand. `body` is sent and signed byte for byte.

    Parcels of one `webhook_id` and one `stream` (a customer) start in the order of `position`; a stream of None has no order.
    `attempts` were made before; `first_attempt_at` is None until the first one. In a `strict` one's stream nothing starts
    before it was delivered or has failed for good. `held_until` is the end of the lease of whoever took it in hand. `sequence`
    counts the events of its customer, from 1; 0: it has none.
    """

    send_out_id: str
    webhook_id: str
    stream: str | None
    position: int
    url: str
    body: bytes
    secret: str
    attempts: int = 0
    first_attempt_at: datetime | None = None
    held_until: datetime
    strict: bool = False
    sequence: int = 0


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call that was made, and what follows. `attempt` counts from 1. No answer: `status` None, and `error` says why."""

    send_out_id: str
    webhook_id: str
    attempt: int
    first_attempt_at: datetime
    started_at: datetime
    status: int | None
    error: str | None
    step: Step


def holds_back(attempts: int, *, strict: bool) -> bool:
    """Whether an undelivered send-out with so many failed attempts holds back the later ones of its stream."""
    return strict or attempts < HELD_BACK_UNTIL


class Outbox(Protocol):
    """Stores the send-outs. Every method may raise `OutboxUnavailable`; `wake` may be called from any thread."""

    async def claim(self, limit: int, busy_webhooks: Collection[str]) -> list[Parcel]:
        """Take up to `limit` send-outs that are due, the earliest positions of each stream first, none of a busy webhook.

        Never one whose stream has an earlier unfinished send-out that still holds it back (`holds_back`), unless that one is
        given in the same answer: so one that is in hand, or waits for its retry, holds back those behind it here. Some may be
        released at once, when they are more of one webhook than it can take; it is busy then.
        """
        ...

    async def next_due_at(self, busy_webhooks: Collection[str]) -> datetime | None:
        """The earliest instant at which something of another webhook may be claimed, if nothing new is committed.

        Somebody else's lease counts by its end; send-outs that are held back do not count. None: not before the next `wake`.
        """
        ...

    async def record(self, attempts: Sequence[Attempted]) -> None:
        """Store what came out of these attempts, all or none. A webhook may be disabled by it."""
        ...

    async def release(self, send_out_ids: Sequence[str]) -> None:
        """Give back send-outs that were not sent: they are due as before, and no attempt is counted."""
        ...

    async def wait(self, until: datetime | None) -> None:
        """Return when `wake` was called since the last return, or at `until` (None: never). Costs no CPU meanwhile."""
        ...

    def wake(self) -> None:
        """End the current `wait`, or the next one at once: a commit added send-outs, or the courier has news for itself."""
        ...
