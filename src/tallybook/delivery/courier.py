"""Carries send-outs to their webhooks: claim → send → record, many at a time (DESIGN section 5).

    due ──claim──▶ in hand ──start──▶ flying ──land──▶ landed ──record──▶ delivered | due again later | failed
                      └──────────────────┴──release──▶ due as before

At least once: what a lost process had in hand is claimed again when its lease ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from tallybook.delivery import signature
from tallybook.delivery.lanes import Lanes, Limits
from tallybook.delivery.outbox import Attempted, Outbox, OutboxUnavailable, Parcel
from tallybook.delivery.policy import POLICY, Delivered, RetryAt, RetryPolicy
from tallybook.delivery.sender import Request, Sender, Sent

GATHER_SECONDS = 0.1
"""Results wait so long for company before they are recorded; a receiver does not notice, the database does."""

CLAIM_SECONDS = 0.02
"""From one claim to the next: what is committed meanwhile is claimed together. After a rest the first one is claimed at once."""

PAUSE_SECONDS = 1.0
"""Between two tries when the outbox is unavailable."""

LEAST_REST = timedelta(milliseconds=50)
"""Between two claims that nothing but the clock asked for, so that no mistake about the next due time can spin."""

SEQUENCE = "x-tallybook-sequence"
"""Header with the number of an event among those of its customer: a receiver can put them back into their order."""

LEASE_NEEDED = timedelta(seconds=11)
"""What is left of a lease when its parcel starts: a request takes at most ten seconds, recording it a moment."""

log = structlog.get_logger(__name__)


class Courier:
    """`run` delivers until `stop` is called. `now` is the only clock that it reads; it lives in one event loop."""

    def __init__(
        self, outbox: Outbox, sender: Sender, now: Callable[[], datetime], *, limits: Limits | None = None,
        policy: RetryPolicy = POLICY, drain_seconds: float = 10.0,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._sender = sender
        self._now = now
        self._limits = limits or Limits()
        self._policy = policy
        self._drain_seconds = drain_seconds
        self._lanes = Lanes(self._limits)
        self._passed_over: set[str] = set()
        self._in_hand = 0
        self._flights: dict[asyncio.Task[None], Parcel] = {}
        self._landed: list[Attempted] = []
        self._turned_back: list[Parcel] = []
        self._something_to_record = asyncio.Event()
        self._enough_to_record = asyncio.Event()
        self._stopping = False
        self._grounded = False

    async def run(self) -> None:
        """Deliver until stopped; then nothing is in hand any more. Raises what the outbox raises, but `OutboxUnavailable`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record_until_grounded())
            while not self._stopping:
                await self._claim_and_start(group)
            await self._ground()

    def stop(self) -> None:
        """Claim nothing more, give the flights `drain_seconds` to land, release the rest. Returns at once; `run` ends."""
        self._stopping = True
        self._outbox.wake()

    # --- due → in hand → flying -----------------------------------------------------------------------------------------

    async def _claim_and_start(self, group: asyncio.TaskGroup) -> None:
        # A share of what is free, so that no claim can fill the hands with the parcels of one webhook.
        limit = min(self._limits.claim, -(-(self._limits.in_hand - self._in_hand) // 4))
        busy = self._passed_over = self._lanes.busy()
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            parcels = await self._outbox.claim(limit, busy) if limit else []
            self._in_hand += len(parcels)
            self._turn_back(self._lanes.admit(parcels))
            self._start_ready(group)
            if len(parcels) == limit > 0:
                await asyncio.sleep(0)  # more is due: the flights get a turn, then the next claim
                return
            due = await self._outbox.next_due_at(busy) if limit else None
            await self._outbox.wait(due and max(due, self._now() + LEAST_REST))
            if not self._stopping:
                await asyncio.sleep(max(began + CLAIM_SECONDS - clock(), 0))
        except OutboxUnavailable as reason:
            log.warning("outbox_unavailable", doing="claim", reason=str(reason))
            await asyncio.sleep(PAUSE_SECONDS)

    def _start_ready(self, group: asyncio.TaskGroup) -> None:
        if self._stopping:
            return
        for parcel in self._lanes.take_off():
            now = self._now()
            if parcel.held_until - now < LEASE_NEEDED:
                self._turn_back(self._lanes.turn_back(parcel))
                continue
            flight = group.create_task(self._fly(parcel, now, group))
            self._flights[flight] = parcel
            flight.add_done_callback(self._flights.pop)

    # --- flying → landed ------------------------------------------------------------------------------------------------

    async def _fly(self, parcel: Parcel, started_at: datetime, group: asyncio.TaskGroup) -> None:
        try:
            sent = await self._sender.send(Request(parcel.url, _headers(parcel), parcel.body))
        except Exception as broken:
            # A bug of ours. It is this parcel's failure alone: the others must not wait for its repair.
            log.exception("sending_broke", send_out_id=parcel.send_out_id)
            sent = Sent(None, f"Tallybook could not send it: {broken!r}", None, 0)
        self._land(parcel, started_at, sent)
        self._start_ready(group)

    def _land(self, parcel: Parcel, started_at: datetime, sent: Sent) -> None:
        attempt = parcel.attempts + 1
        first_attempt_at = parcel.first_attempt_at or started_at
        step = self._policy.next_step(attempt, first_attempt_at, self._now(), sent.status, sent.retry_after)
        attempted = Attempted(
            send_out_id=parcel.send_out_id, webhook_id=parcel.webhook_id, attempt=attempt,
            first_attempt_at=first_attempt_at, started_at=started_at, status=sent.status, error=sent.error, step=step,
        )  # fmt: skip
        self._landed.append(attempted)
        if not isinstance(step, Delivered):
            _report(parcel, attempted, sent.duration_ms)
        behind = self._lanes.land(parcel, step, answered=sent.status is not None)
        self._turn_back(behind)
        self._call_recorder()
        if parcel.webhook_id in self._passed_over and not self._lanes.is_busy(parcel.webhook_id):
            self._passed_over = self._passed_over - {parcel.webhook_id}
            self._outbox.wake()  # the last claim left out what it can take now

    def _turn_back(self, parcels: list[Parcel]) -> None:
        if parcels:
            self._turned_back += parcels
            self._call_recorder()

    # --- landed → recorded, turned back → released ----------------------------------------------------------------------

    def _call_recorder(self) -> None:
        self._something_to_record.set()
        if self._grounded or len(self._landed) >= self._limits.record:
            self._enough_to_record.set()

    async def _record_until_grounded(self) -> None:
        while not self._grounded or self._landed or self._turned_back:
            await self._something_to_record.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._enough_to_record.wait()
            await self._record_gathered()

    async def _record_gathered(self) -> None:
        """Record before releasing: what is released was held back by what is recorded."""
        landed, self._landed = self._landed[: self._limits.record], self._landed[self._limits.record :]
        turned_back, self._turned_back = self._turned_back, []
        self._something_to_record.clear()
        self._enough_to_record.clear()
        if self._landed or self._grounded:
            self._call_recorder()
        if landed:
            await self._insist("record", lambda: self._outbox.record(landed))
        if turned_back:
            await self._insist("release", lambda: self._outbox.release([parcel.send_out_id for parcel in turned_back]))
        self._in_hand -= len(landed) + len(turned_back)
        self._outbox.wake()  # there is room in hand, and streams may go on

    async def _insist(self, doing: str, write: Callable[[], Awaitable[None]]) -> None:
        """Write it, however long the outbox is unavailable; when stopping, try once: the leases will end by themselves."""
        while True:
            try:
                return await write()
            except OutboxUnavailable as reason:
                log.warning("outbox_unavailable", doing=doing, reason=str(reason))
                if self._stopping:
                    return None
                await asyncio.sleep(PAUSE_SECONDS)

    # --- the end --------------------------------------------------------------------------------------------------------

    async def _ground(self) -> None:
        """Let the flights land, give up those that do not, and have everything recorded or released."""
        self._turn_back(self._lanes.clear())
        if self._flights:
            await asyncio.wait(self._flights, timeout=self._drain_seconds)
        self._turn_back(list(self._flights.values()))
        for flight in list(self._flights):
            flight.cancel()
        self._grounded = True
        self._call_recorder()


def _report(parcel: Parcel, attempted: Attempted, duration_ms: int) -> None:
    retry_at = attempted.step.at.isoformat() if isinstance(attempted.step, RetryAt) else None
    log.warning(
        "attempt_failed", send_out_id=parcel.send_out_id, webhook_id=parcel.webhook_id, attempt=attempted.attempt,
        status=attempted.status, error=attempted.error, duration_ms=duration_ms, retry_at=retry_at,
    )  # fmt: skip


def _headers(parcel: Parcel) -> dict[str, str]:
    headers = {signature.HEADER: signature.sign(parcel.body, parcel.secret)}
    if parcel.sequence > 0:
        headers[SEQUENCE] = str(parcel.sequence)
    return headers
