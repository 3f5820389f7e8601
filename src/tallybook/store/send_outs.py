"""Send-outs as a queue: what is due, what came of it. One courier at a time reads this queue (docs/adr)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, case, func, select, update

from tallybook.domain.config import Webhook
from tallybook.domain.records import Event, Occurrence, SendOut
from tallybook.store.among import Among
from tallybook.store.driver import all_rows, all_values, run
from tallybook.store.mapping import from_ms, mapping, to_ms
from tallybook.store.tables import attempts, documents, events, occurrences, send_outs, webhook_health
from tallybook.store.write_facts import postgres_insert, sqlite_insert

_send_out, _event, _occurrence = mapping(SendOut), mapping(Event), mapping(Occurrence)


class Due(msgspec.Struct, frozen=True):
    """A send-out that is due, with the event and the occurrence it speaks of."""

    send_out: SendOut
    event: Event
    occurrence: Occurrence


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt came to. `state` is DELIVERED, WAITING (until `next_attempt_at`) or FAILED."""

    send_out_id: str
    project_id: str
    webhook_id: str
    attempt: int
    at: datetime
    first_attempt_at: datetime
    state: str
    next_attempt_at: datetime | None = None
    status: int | None = None
    error: str | None = None
    receiver_failed: bool = True
    """False when it never got as far as the receiver, who is not to blame then."""


_WEBHOOKS = select(documents.c.id, documents.c.project_id).where(documents.c.kind == "webhook").order_by(documents.c.id)


def webhooks(connection: Connection) -> list[tuple[str, str]]:
    """Every webhook of every project, active or not: its id and its project's."""
    return [(webhook_id, project_id) for webhook_id, project_id in all_rows(connection, _WEBHOOKS, {})]


def _waiting(webhook_id: Any) -> list[Any]:
    return [send_outs.c.webhook_id == webhook_id, send_outs.c.state == "WAITING"]


def _not_held_back(*, strict: bool) -> Any:
    """No earlier send-out of the same stream has failed and waits: once, or, where the order is strict, however often."""
    earlier = send_outs.alias("earlier")
    second_chance = [] if strict else [earlier.c.attempts == 1]
    return (
        ~select(earlier.c.id)
        .where(
            earlier.c.webhook_id == send_outs.c.webhook_id,
            earlier.c.stream == send_outs.c.stream,
            earlier.c.state == "WAITING",
            earlier.c.attempts > 0,
            *second_chance,
            earlier.c.id < send_outs.c.id,
        )
        .exists()
    )


class _DueSelects:
    """The statements of `due`, made once."""

    def __init__(self, *, sqlite: bool, strict: bool) -> None:
        self.among = among = Among(sqlite=sqlite)
        webhook: Any = bindparam("webhook_id")
        self.due = (
            select(*_send_out.columns)
            .where(
                *_waiting(webhook),
                send_outs.c.next_attempt_at <= bindparam("now"),
                ~among(send_outs.c.id, "out"),
                ~among(send_outs.c.stream, "full"),
                _not_held_back(strict=strict),
            )
            .order_by(send_outs.c.next_attempt_at, send_outs.c.id)
            .limit(bindparam("most"))
        )
        self.events = select(*_event.columns).where(among(events.c.id))
        self.occurrences = select(*_occurrence.columns).where(among(occurrences.c.id))


@cache
def _due_selects(*, sqlite: bool, strict: bool) -> _DueSelects:
    return _DueSelects(sqlite=sqlite, strict=strict)


def due(
    connection: Connection,
    webhook_id: str,
    now: datetime,
    limit: int,
    out: Collection[str],
    full: Collection[str],
    *,
    strict: bool,
) -> list[Due]:
    """Up to `limit` send-outs to this webhook that are due, oldest first. `strict`: see Webhook.

    Not those that are `out` already, and none of the streams that are `full`.
    """
    s = _due_selects(sqlite=connection.dialect.name == "sqlite", strict=strict)
    wanted = {"webhook_id": webhook_id, "now": to_ms(now), "out": s.among.keys(out), "full": s.among.keys(full), "most": limit}
    found = [_send_out.record(row) for row in all_rows(connection, s.due, wanted)]
    if not found:
        return []
    told = {"keys": s.among.keys(one.event_id for one in found)}
    spoken = {row[0]: _event.record(row) for row in all_rows(connection, s.events, told)}
    groups = {"keys": s.among.keys(one.occurrence_id for one in spoken.values())}
    made = {row[0]: _occurrence.record(row) for row in all_rows(connection, s.occurrences, groups)}
    return [Due(one, spoken[one.event_id], made[spoken[one.event_id].occurrence_id]) for one in found]


_NEXT_DUE = select(func.min(send_outs.c.next_attempt_at)).where(
    *_waiting(bindparam("webhook_id")), send_outs.c.next_attempt_at > bindparam("now")
)


def next_due_at(connection: Connection, ids: Sequence[str], now: datetime) -> datetime | None:
    """The earliest instant after `now` at which a send-out to one of these webhooks becomes due."""
    asked = [all_values(connection, _NEXT_DUE, {"webhook_id": one, "now": to_ms(now)})[0] for one in ids]
    found = [at for at in asked if at is not None]
    return from_ms(min(found)) if found else None


class _Recording:
    """The statements that nearly every recording needs, made once."""

    def __init__(self, *, sqlite: bool) -> None:
        self.among = Among(sqlite=sqlite)
        self.delivered = (
            update(send_outs)
            .where(self.among(send_outs.c.id), send_outs.c.state != "DELIVERED")
            .values(
                state="DELIVERED",
                attempts=send_outs.c.attempts + 1,
                last_status=bindparam("status"),
                next_attempt_at=bindparam("at"),
            )
        )
        webhooks = select(documents.c.id).where(self.among(documents.c.id)).order_by(documents.c.id)
        self.webhooks = webhooks.with_for_update(read=True, key_share=True)
        make: Any = sqlite_insert if sqlite else postgres_insert
        latest: Any = bindparam("latest")
        seen = make(webhook_health).values(webhook_id=bindparam("webhook_id"), last_success_at=latest)
        self.seen = seen.on_conflict_do_update(index_elements=["webhook_id"], set_={"last_success_at": latest})


@cache
def _recording(*, sqlite: bool) -> _Recording:
    return _Recording(sqlite=sqlite)


def record(connection: Connection, results: Sequence[Result], *, sqlite: bool) -> None:
    """Writes what came of attempts: many delivered ones in one statement, an attempt row only where one failed.

    Done twice it is as done once; a send-out that was canceled meanwhile stays so. A failure counts for the attempt that it was:
    one that comes late, from a process that had lost the post room, undoes nothing of what its successor recorded. What came to
    its end keeps, as its `next_attempt_at`, when that was: how long it is kept counts from there.
    """
    s = _recording(sqlite=sqlite)
    if not sqlite:  # who deletes one of these webhooks is waited for: both change its send-outs, each in an order of its own
        all_rows(connection, s.webhooks, {"keys": s.among.keys(one.webhook_id for one in results)})
    delivered = [one for one in results if one.state == "DELIVERED"]
    failed = [one for one in results if one.state != "DELIVERED"]
    for status in {one.status for one in delivered}:
        alike = [one for one in delivered if one.status == status]
        at, keys = max(to_ms(one.at) for one in alike), s.among.keys(one.send_out_id for one in alike)
        run(connection, s.delivered, {"keys": keys, "status": status, "at": at})
    if failed:
        connection.execute(
            update(send_outs).where(
                send_outs.c.id == bindparam("key"), send_outs.c.state == "WAITING", send_outs.c.attempts == bindparam("before")
            ),
            [_changed(one) for one in failed],
        )
        make: Any = sqlite_insert if sqlite else postgres_insert
        connection.execute(make(attempts).on_conflict_do_nothing(), [_attempt(one) for one in failed])
    for webhook_id in sorted({one.webhook_id for one in delivered}):
        latest = max(to_ms(one.at) for one in delivered if one.webhook_id == webhook_id)
        run(connection, s.seen, {"webhook_id": webhook_id, "latest": latest})


def _changed(one: Result) -> dict[str, Any]:
    return {
        "key": one.send_out_id,
        "before": one.attempt - 1,
        "state": one.state,
        "attempts": one.attempt,
        "first_attempt_at": to_ms(one.first_attempt_at),
        "next_attempt_at": to_ms(one.next_attempt_at or one.at),
        "last_status": one.status,
        "last_error": one.error,
    }


def _attempt(one: Result) -> dict[str, Any]:
    return {
        "send_out_id": one.send_out_id,
        "number": one.attempt,
        "project_id": one.project_id,
        "at": to_ms(one.at),
        "status": one.status,
        "error": one.error,
    }


def last_success_at(connection: Connection, webhook_id: str) -> datetime | None:
    """When something was last delivered to this webhook."""
    ms = connection.scalar(select(webhook_health.c.last_success_at).where(webhook_health.c.webhook_id == webhook_id))
    return None if ms is None else from_ms(ms)


class Backlog(msgspec.Struct, frozen=True):
    """How many send-outs are not finished, and since when the oldest that is due has been due.

    Those of a webhook that is disabled are `paused`: nobody is late with them.
    """

    due: int = 0
    later: int = 0
    paused: int = 0
    oldest_due_at: datetime | None = None


def backlog(connection: Connection, now: datetime) -> Backlog:
    """What waits, over all projects."""
    c = send_outs.c
    due = func.sum(case((c.next_attempt_at <= to_ms(now), 1), else_=0))
    waiting = (
        select(c.webhook_id, func.count(), due, func.min(c.next_attempt_at)).where(c.state == "WAITING").group_by(c.webhook_id)
    )
    paused = _disabled(connection)
    rows = [tuple(row) for row in connection.execute(waiting)]
    going = [row for row in rows if row[0] not in paused]
    oldest = min((at for _, _, due, at in going if due), default=None)
    ready = sum(int(due) for _, _, due, _ in going)
    return Backlog(
        due=ready,
        later=sum(count for _, count, _, _ in going) - ready,
        paused=sum(count for key, count, _, _ in rows if key in paused),
        oldest_due_at=None if oldest is None else from_ms(oldest),
    )


def _disabled(connection: Connection) -> set[str]:
    told = connection.scalars(select(documents.c.doc).where(documents.c.kind == "webhook"))
    found = [msgspec.json.decode(doc, type=Webhook) for doc in told]
    return {one.id for one in found if not one.active}
