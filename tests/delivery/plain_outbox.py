"""An outbox that is a plain list, with a clock that jumps: when nothing is in the air, waiting takes no time."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tallybook.delivery.outbox import Attempted, OutboxUnavailable, Parcel, holds_back
from tallybook.delivery.policy import RetryAt

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "secret"


class Clock:
    """Real time as the tests tell it."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def minutes(self) -> int:
        """Whole minutes since the start."""
        return (self.at - START) // timedelta(minutes=1)


class Row(msgspec.Struct):
    """A send-out."""

    webhook_id: str
    stream: str | None
    position: int
    url: str
    body: bytes
    strict: bool = False
    due_at: datetime = START
    attempts: int = 0
    first_attempt_at: datetime | None = None
    leased_until: datetime | None = None
    finished: bool = False


class PlainOutbox:
    """Keeps the promises of `Outbox`. `idle` is set when nothing is in the air and nothing is due by itself."""

    def __init__(self, clock: Clock, lease: timedelta = timedelta(seconds=20)) -> None:
        self.clock = clock
        self.lease = lease
        self.rows: dict[str, Row] = {}
        self.attempts: list[Attempted] = []
        self.released: list[str] = []
        self.claims = 0
        self.unavailable = 0
        self.idle = asyncio.Event()
        self._streams: defaultdict[tuple[str, str | None], list[str]] = defaultdict(list)
        self._woken = asyncio.Event()

    def add(self, rows: Iterable[Row]) -> None:
        """Commit new send-outs."""
        for row in rows:
            key = f"whs_{len(self.rows):018x}"
            self.rows[key] = row
            self._streams[row.webhook_id, row.stream].append(key)
        self.wake()

    async def claim(self, limit: int, busy_webhooks: Collection[str]) -> list[Parcel]:
        self.claims += 1
        self._fail_if_told()
        given: set[str] = set()
        for key, row in self._by_position():
            if len(given) == limit:
                break
            due = self._claimable(row) and row.due_at <= self.clock() and row.webhook_id not in busy_webhooks
            if due and not self._held_back(row, given):
                given.add(key)
        return [self._leased(key) for key, _ in self._by_position() if key in given]

    async def next_due_at(self, busy_webhooks: Collection[str]) -> datetime | None:
        rows = [row for _, row in self._by_position() if not row.finished and row.webhook_id not in busy_webhooks]
        return min((row.leased_until or row.due_at for row in rows if not self._held_back(row, [])), default=None)

    async def record(self, attempts: Sequence[Attempted]) -> None:
        self._fail_if_told()
        for attempt in attempts:
            row = self.rows[attempt.send_out_id]
            row.attempts, row.first_attempt_at, row.leased_until = attempt.attempt, attempt.first_attempt_at, None
            if isinstance(attempt.step, RetryAt):
                row.due_at = attempt.step.at
            else:
                row.finished = True
            self.attempts.append(attempt)

    async def release(self, send_out_ids: Sequence[str]) -> None:
        for key in send_out_ids:
            self.rows[key].leased_until = None
            self.released.append(key)

    async def wait(self, until: datetime | None) -> None:
        in_the_air = any(row.leased_until for row in self.rows.values())
        if until is not None and not in_the_air and not self._woken.is_set():
            self.clock.at = max(until, self.clock.at)
            return
        if not in_the_air and not self._woken.is_set():
            self.idle.set()
        await self._woken.wait()
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def _fail_if_told(self) -> None:
        if self.unavailable:
            self.unavailable -= 1
            raise OutboxUnavailable("told to be")

    def _by_position(self) -> list[tuple[str, Row]]:
        return sorted(self.rows.items(), key=lambda pair: pair[1].position)

    def _claimable(self, row: Row) -> bool:
        return not row.finished and (row.leased_until is None or row.leased_until <= self.clock())

    def _held_back(self, row: Row, given: Collection[str]) -> bool:
        return row.stream is not None and any(
            not other.finished and holds_back(other.attempts, strict=other.strict) and key not in given
            for key, other in ((key, self.rows[key]) for key in self._streams[row.webhook_id, row.stream])
            if other.position < row.position
        )

    def _leased(self, key: str) -> Parcel:
        row = self.rows[key]
        row.leased_until = self.clock() + self.lease
        return Parcel(
            send_out_id=key, webhook_id=row.webhook_id, stream=row.stream, position=row.position, url=row.url, body=row.body,
            secret=SECRET, attempts=row.attempts, first_attempt_at=row.first_attempt_at, held_until=row.leased_until,
            strict=row.strict,
        )  # fmt: skip
