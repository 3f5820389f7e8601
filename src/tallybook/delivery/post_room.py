"""The outbox over the store: reads what is due, renders it, and has a clerk write what came of it.

One process at a time has the post room; on PostgreSQL a lease says which. So nothing has to be written to claim a send-out:
what is out is known here, and after a crash everything unfinished is due again (at least once).
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog

from tallybook import telemetry
from tallybook.delivery.clerk import Clerk
from tallybook.delivery.outbox import Attempted, OutboxUnavailable, Parcel, holds_back
from tallybook.delivery.policy import Delivered, RetryAt
from tallybook.domain.config import Document, Webhook
from tallybook.domain.occurrence import decode_subjects
from tallybook.domain.records import Occurrence
from tallybook.ids import Ids
from tallybook.store import queries, send_outs
from tallybook.store.database import Connection, Database, SQLAlchemyError
from tallybook.store.read_book import BookReader
from tallybook.store.send_outs import Due, Result
from tallybook.wire.envelope import envelope
from tallybook.wire.events import render

T = TypeVar("T")

log = structlog.get_logger()

LEASE = timedelta(seconds=20)
"""How long a process that went silent keeps the post room."""
NEVER_ENDS = datetime.max.replace(tzinfo=UTC)
"""The lease of the only process of a SQLite file."""
IN_HAND_PER_STREAM = 16
"""Send-outs of one customer to one webhook in hand at a time: they are sent one after the other anyway."""
KEPT_DOCUMENTS = 4096
"""Configuration versions kept in memory for rendering."""


class PostRoom:
    """Implements the courier's outbox. Reading and rendering happen in helper threads, never in the courier's loop."""

    def __init__(self, database: Database, clerk: Clerk, ids: Ids, now: Callable[[], datetime], public_url: str) -> None:
        self._database = database
        self._clerk = clerk
        self._now = now
        self._public_url = public_url
        self._reader = BookReader(sqlite=database.is_sqlite, ids=ids)
        self._owner = "post-" + ids.random(16)
        self._held_until: datetime | None = None
        self._lock = threading.Lock()
        self._out: dict[str, Due] = {}  # under the lock, as the courier's loop and its helper threads meet here
        self._looked_at = now()
        self._documents: dict[tuple[str, int], Document] = {}
        self._subjects: tuple[str, list[Any]] = ("", [])
        self._woken = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeup: asyncio.Event | None = None

    # --- the courier's side ---

    async def claim(self, limit: int, busy_webhooks: Collection[str]) -> list[Parcel]:
        """Up to `limit` parcels that are due, none of a busy or disabled webhook, streams in order."""
        return await asyncio.to_thread(_available, lambda: self._claim(limit, busy_webhooks))

    async def next_due_at(self, busy_webhooks: Collection[str]) -> datetime | None:
        """When to look again if nobody calls: the next retry, or the end of somebody else's lease."""
        return await asyncio.to_thread(_available, lambda: self._next_due_at(busy_webhooks))

    async def record(self, attempts: Sequence[Attempted]) -> None:
        """Writes what came of these attempts, all or none."""
        await asyncio.to_thread(_available, lambda: self._record(attempts))

    async def release(self, send_out_ids: Sequence[str]) -> None:
        """Parcels that were not sent are due as before."""
        self._back(send_out_ids)

    async def wait(self, until: datetime | None) -> None:
        """Until `wake` was called, or that instant."""
        if self._wakeup is None:
            self._loop, self._wakeup = asyncio.get_running_loop(), asyncio.Event()
        if self._woken.is_set():
            self._wakeup.set()
        seconds = None if until is None else max((until - self._now()).total_seconds(), 0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wakeup.wait(), seconds)
        self._wakeup.clear()
        self._woken.clear()

    def wake(self) -> None:
        """Something was committed: look again. From any thread."""
        if not self._woken.is_set():
            self._woken.set()
            if self._loop is not None and self._wakeup is not None:
                self._loop.call_soon_threadsafe(self._wakeup.set)

    def close(self) -> None:
        """Gives the post room to whoever wants it."""
        if self._held_until is not None:
            self._clerk.drop_lease(self._owner)

    # --- reading and rendering ---

    def _claim(self, limit: int, busy: Collection[str]) -> list[Parcel]:
        if not self._has_post_room():
            return []
        with self._lock:  # before the transaction begins: what is recorded meanwhile must not look like new work
            out = dict(self._out)
        self._looked_at = self._now()
        with self._database.reading() as connection:
            active = self._active(connection)
            found: list[Due] = []
            for webhook_id, (webhook, _) in active.items():
                if webhook_id not in busy and len(found) < limit:
                    found += self._due(connection, webhook, limit - len(found), out)
        # Rendered when nothing is read any more: a log of SQLite that is being read cannot begin anew.
        held = {_line(one) for one in out.values() if self._holds_back(one, active)}
        going = [one for one in found if _line(one) not in held or not self._holds_back(one, active)]
        with telemetry.stage("render"):
            made = [(one, self._rendered(one, *active[one.send_out.webhook_id])) for one in going]
        self._give_up([one for one, parcel in made if parcel is None])
        with self._lock:  # last: what nobody is given, as the database went away meanwhile, must not count as out
            self._out |= {one.send_out.id: one for one, parcel in made if parcel is not None}
        return [parcel for _, parcel in made if parcel is not None]

    def _due(self, connection: Connection, webhook: Webhook, limit: int, out: Mapping[str, Due]) -> list[Due]:
        """What is due for a webhook, of no customer more than a few at a time: thousands of one hold up nobody else."""
        ours = [one for one in out.values() if one.send_out.webhook_id == webhook.id]
        in_hand = Counter(one.send_out.stream for one in ours)
        taken: list[Due] = []
        while len(taken) < limit:
            full = [stream for stream, count in in_hand.items() if count >= IN_HAND_PER_STREAM]
            known = [one.send_out.id for one in (*ours, *taken)]
            wanted = limit - len(taken)
            found = send_outs.due(connection, webhook.id, self._looked_at, wanted, known, full, strict=webhook.strict_order)
            for one in found:
                if in_hand[one.send_out.stream] < IN_HAND_PER_STREAM:
                    in_hand[one.send_out.stream] += 1
                    taken.append(one)
            if len(found) < wanted:  # nothing more is due to anybody else
                break
        return taken

    @staticmethod
    def _holds_back(one: Due, active: Mapping[str, tuple[Webhook, str]]) -> bool:
        webhook, _ = active.get(one.send_out.webhook_id, (None, ""))
        return holds_back(one.send_out.attempts, strict=webhook is not None and webhook.strict_order)

    def _rendered(self, one: Due, webhook: Webhook, secret: str) -> Parcel | None:
        """The parcel; None for an event that cannot be rendered, which must not hold up the others."""
        try:
            return self._parcel(one, webhook, secret)
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("event_not_rendered", event_id=one.event.id, name=one.event.name)
            return None

    def _give_up(self, broken: Sequence[Due]) -> None:
        """Send-outs that can never be sent fail for good, with the reason."""
        if not broken:
            return
        now = self._now()
        results = [
            Result(
                send_out_id=one.send_out.id,
                project_id=one.send_out.project_id,
                webhook_id=one.send_out.webhook_id,
                attempt=one.send_out.attempts + 1,
                at=now,
                first_attempt_at=one.send_out.first_attempt_at or now,
                state="FAILED",
                error="The event cannot be rendered; the log says why.",
                receiver_failed=False,
            )
            for one in broken
        ]
        self._clerk.record(results)

    def _active(self, connection: Connection) -> dict[str, tuple[Webhook, str]]:
        """The webhooks that may be sent to, each with its project's secret."""
        projects = dict(send_outs.webhooks(connection))
        configurations = self._reader.configurations(connection, set(projects.values()))
        active = {}
        for webhook_id, project_id in projects.items():
            configuration = configurations.get(project_id)
            webhook = configuration.webhook(webhook_id) if configuration else None
            if configuration is not None and webhook is not None and webhook.active:
                active[webhook_id] = (webhook, configuration.project.webhook_secret)
        return active

    def _parcel(self, one: Due, webhook: Webhook, secret: str) -> Parcel:
        data = render(one.event, one.occurrence, self._subjects_of(one.occurrence), self._document, self._public_url)
        return Parcel(
            send_out_id=one.send_out.id,
            webhook_id=webhook.id,
            stream=one.send_out.stream,
            position=int(one.send_out.id.removeprefix("whs_"), 16),
            url=webhook.target_url,
            body=envelope(one.send_out.id, webhook, one.event, one.occurrence, data),
            secret=secret,
            attempts=one.send_out.attempts,
            sequence=one.event.sequence,
            first_attempt_at=one.send_out.first_attempt_at,
            strict=webhook.strict_order,
            held_until=NEVER_ENDS if self._database.is_sqlite else (self._held_until or self._now()),
        )

    def _subjects_of(self, occurrence: Occurrence) -> list[Any]:
        if self._subjects[0] != occurrence.id:
            self._subjects = (occurrence.id, decode_subjects(occurrence.subjects))
        return self._subjects[1]

    def _document(self, document_id: str, version: int) -> Document:
        kept = self._documents.get((document_id, version))
        if kept is None:
            with self._database.reading() as connection:
                kept = queries.get_document(connection, document_id, version)
            if len(self._documents) >= KEPT_DOCUMENTS:
                self._documents.clear()
            self._documents[document_id, version] = kept
        return kept

    def _next_due_at(self, busy: Collection[str]) -> datetime | None:
        if not self._has_post_room():
            return self._now() + LEASE / 2
        with self._database.reading() as connection:
            ids = [one for one in self._active(connection) if one not in busy]
            at = send_outs.next_due_at(connection, ids, self._looked_at)
        if self._database.is_sqlite:
            return at
        renewal = self._now() + LEASE / 4
        return renewal if at is None else min(at, renewal)

    def _has_post_room(self) -> bool:
        if self._database.is_sqlite:
            return True
        now = self._now()
        if self._held_until is None or self._held_until - now < LEASE * 3 / 4:
            self._held_until = now + LEASE if self._clerk.take_lease(self._owner, now, now + LEASE) else None
        return self._held_until is not None

    # --- writing ---

    def _record(self, attempts: Sequence[Attempted]) -> None:
        with self._lock:
            projects = {one.send_out_id: self._out[one.send_out_id].send_out.project_id for one in attempts}
        results = [_result(one, projects[one.send_out_id]) for one in attempts]
        self._clerk.record(results)
        self._back([one.send_out_id for one in results])

    def _back(self, send_out_ids: Sequence[str]) -> None:
        with self._lock:
            for send_out_id in send_out_ids:
                self._out.pop(send_out_id, None)


def _available(work: Callable[[], T]) -> T:
    try:
        return work()
    except SQLAlchemyError as away:
        raise OutboxUnavailable(str(away)) from away


def _line(one: Due) -> tuple[str, str]:
    """The line a send-out stands in: one customer's events to one webhook."""
    return (one.send_out.webhook_id, one.send_out.stream)


def _result(one: Attempted, project_id: str) -> Result:
    step = one.step
    return Result(
        send_out_id=one.send_out_id,
        project_id=project_id,
        webhook_id=one.webhook_id,
        attempt=one.attempt,
        at=one.started_at,
        first_attempt_at=one.first_attempt_at,
        state="DELIVERED" if isinstance(step, Delivered) else "WAITING" if isinstance(step, RetryAt) else "FAILED",
        next_attempt_at=step.at if isinstance(step, RetryAt) else None,
        status=one.status,
        error=one.error,
    )
