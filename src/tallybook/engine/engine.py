"""The engine: one thread that takes whatever waits and handles it in one transaction (group commit).

    waiting ──take off──▶ read, decided, written: in the air ──land──▶ durable, answered

It never waits for a batch to fill. While PostgreSQL writes one batch the next may take off, over another connection, if it
is worth it. A batch that loses is halved until the loser stands alone; a command alone is tried three times and then
answered 503 `try_again`. Nothing is answered before it is durable.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from tallybook import telemetry
from tallybook.domain.refusals import OutcomeUnknown, Refusal, TryAgain
from tallybook.engine.batch import Batch, Handled, Work
from tallybook.engine.work import Errand, Render, Reply, Submission
from tallybook.ids import Ids
from tallybook.store.database import Connection, Database, DataError, DBAPIError, IntegrityError, hang_up, lost_to_others
from tallybook.store.driver import Conflict, arrive
from tallybook.store.read_book import BookReader
from tallybook.store.write_facts import FactWriter, was_written
from tallybook.usecases.command import Command
from tallybook.usecases.page import NotRead

log = structlog.get_logger()

QUEUE_LIMIT = 2_000
"""Pieces of work that may wait; past it the answer is 503 with Retry-After."""
BATCH_LIMIT = 256
"""Pieces of work in one transaction."""
WORTH_A_RUNWAY = 8
"""Pieces of work that must wait for a batch to take off while another one is in the air; fewer wait for its end, to be more."""
TRIES = 3
"""How often a command alone is tried."""
LOOK_SECONDS = 0.6
LOOK_PAUSE_SECONDS = 0.05
"""For how long, and with which pause, it is asked whether a lost commit took place; everybody else waits meanwhile."""
HUNG_SECONDS = 30.0
"""A transaction that takes longer is cut off: the database's own limits are of no use when the database itself stands still."""
PAUSE_SECONDS = 0.01
"""Pause before a command alone is tried again, times the tries it has had."""

Deliver = Callable[[list[tuple[Any, Any]]], None]
AfterCommit = Callable[[Handled], None]


class Overloaded(Exception):
    """The queue is full: come back in a second."""


class Unavailable(Exception):
    """The database does not answer; nothing was done."""


class InDoubt(Exception):
    """The connection was lost in the commit, and the database could not be asked whether it took place."""


def _is_of_database(lost: Exception) -> bool:
    """Whether the database as a whole could not do it (busy, full, away), so that halving the batch would not help."""
    return isinstance(lost, DBAPIError) and not isinstance(lost, IntegrityError | DataError) and not lost_to_others(lost)


def _resolve(replies: list[tuple[Any, Any]]) -> None:
    for token, reply in replies:
        if isinstance(token, Future):
            token.set_result(reply)


class Runway:
    """A connection that batches take, one at a time. `since`: when what it is used for now began."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.since: float | None = None


@dataclass(slots=True)
class Flight:
    """A batch that was sent to the database and has not been heard of. `beside`: another one was in the air with it."""

    work: list[Work]
    runway: Runway
    connection: Connection
    batch_id: str
    handled: Handled
    tried: int
    beside: bool


class Engine:
    """The one road of every write of this process."""

    def __init__(
        self,
        database: Database,
        ids: Ids,
        real_now: Callable[[], datetime],
        deliver: Deliver = _resolve,
        after_commit: AfterCommit = lambda _: None,
        *,
        hung_seconds: float = HUNG_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._ids = ids
        self._batch = Batch(
            BookReader(sqlite=database.is_sqlite, ids=ids, locking=True), FactWriter(sqlite=database.is_sqlite), ids, real_now
        )
        self._real_now = real_now
        self._deliver = deliver
        self._after_commit = after_commit
        self._waiting: deque[Work] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._runways = [Runway()] if database.is_sqlite else [Runway(), Runway()]
        self._in_the_air: Flight | None = None
        self._hung_seconds = hung_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._watch = threading.Thread(target=self._watch_over, name="engine-watch", daemon=True)

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()
        self._watch.start()

    def stop(self, seconds: float = 30.0) -> None:
        """Finishes what waits and ends."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(seconds)
        if self._thread.is_alive():  # it has its connections, and the watch; what it is doing may yet be done
            return
        self._ended.set()
        for runway in self._runways:
            self._disconnect(runway)

    def submit(self, work: Work) -> None:
        """Queues a piece of work; its reply comes through `deliver`. Raises Overloaded when the queue is full."""
        with self._wake:
            if len(self._waiting) >= QUEUE_LIMIT or self._stopping:
                raise Overloaded
            self._waiting.append(work)
            self._wake.notify()

    @property
    def depth(self) -> int:
        """Pieces of work that wait now."""
        return len(self._waiting)

    def do(self, command: Command, render: Render = lambda _: (0, b"")) -> Any:
        """Does a command and waits: for the CLI, jobs and tests. Raises the Refusal, or whatever broke."""
        future: Future[Reply] = Future()
        self.submit(Submission(command, render, token=future))
        answer = future.result().answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def do_all(self, commands: Sequence[Command]) -> list[Any]:
        """Does many commands, together where they meet in a batch, and waits; a refusal or failure stands in its place."""
        futures: list[Future[Reply]] = [Future() for _ in commands]
        for command, future in zip(commands, futures, strict=True):
            self.submit(Submission(command, lambda _: (0, b""), token=future))
        return [future.result().answer for future in futures]

    def errand(self, run: Callable[[Connection], Any]) -> Any:
        """Runs a write of another room in the engine's transaction, and waits."""
        future: Future[Any] = Future()
        self.submit(Errand(run, token=future))
        result = future.result()
        if isinstance(result, Exception):
            raise result
        return result

    def _loop(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._stopping and self._in_the_air is None:
                    self._wake.wait()
                if not self._waiting and self._in_the_air is None:
                    return
                next_one = self._in_the_air is None or (len(self._runways) > 1 and len(self._waiting) >= WORTH_A_RUNWAY)
            self._guarded(self._begin_next if next_one else self._land_earlier)

    def run_waiting(self) -> None:
        """Handles what waits as one batch, to its end: where there are no threads, whoever has the turn does it."""
        self._guarded(self._begin_next)
        self._guarded(self._land_earlier)

    @staticmethod
    def _guarded(do: Callable[[], None]) -> None:
        try:
            do()
        except Exception:
            log.exception("engine_stumbled")

    def _watch_over(self) -> None:
        """Hangs up on a database that does not answer; the engine's thread then finds its connection lost."""
        while not self._ended.wait(self._hung_seconds / 10):
            for runway in self._runways:
                since, connection = runway.since, runway.connection
                if since is not None and connection is not None and self._monotonic() - since > self._hung_seconds:
                    log.error("database_hangs", seconds=self._hung_seconds)
                    runway.since = None
                    hang_up(connection)

    # --- take off and land ----------------------------------------------------------------------------------------------

    def _begin_next(self) -> None:
        """What waits takes off as one batch; the one before it, which was written meanwhile, lands."""
        with self._wake:
            work = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_LIMIT))]
        flight = self._take_off(work, beside=self._in_the_air is not None)
        if flight is not None:
            earlier, self._in_the_air = self._in_the_air, flight
            if earlier is not None:
                earlier.beside = True
                self._land(earlier)

    def _land_earlier(self) -> None:
        flight, self._in_the_air = self._in_the_air, None
        if flight is not None:
            self._land(flight)

    def _handle(self, work: list[Work], tried: int = 0) -> None:
        """A batch from its beginning to its end."""
        flight = self._take_off(work, tried)
        if flight is not None:
            self._land(flight)

    def _take_off(self, work: list[Work], tried: int = 0, *, beside: bool = False) -> Flight | None:
        """Has a batch decided and sent to the database. None when it was lost; then it has been answered in another way."""
        taken = self._in_the_air and self._in_the_air.runway
        free = [runway for runway in self._runways if runway is not taken]
        runway = next((runway for runway in free if runway.connection is not None), free[0])
        try:
            return self._sent(runway, work, tried, beside=beside)
        except Exception as lost:  # noqa: BLE001  # whatever made the batch lose, each of its commands gets an answer
            self._lost(work, tried, lost, beside=beside)
        return None

    def _land(self, flight: Flight) -> None:
        """Waits until a batch is durable, and answers it."""
        work, handled = flight.work, flight.handled
        try:
            self._arrive(flight)
        except Exception as lost:  # noqa: BLE001  # as above
            self._lost(work, flight.tried, lost, beside=flight.beside)
            return
        self._deliver([(one.token, reply) for one, reply in handled.replies])
        self._count(work, handled)
        self._after_commit(handled)

    def _lost(self, work: list[Work], tried: int, lost: Exception, *, beside: bool) -> None:
        """Answers a batch that lost, or has it tried again, alone: as it was, if it may have lost to the one it was beside."""
        self._guarded(self._land_earlier)
        if isinstance(lost, InDoubt):
            log.warning("batch_in_doubt", size=len(work), error=str(lost.__cause__))
            self._give_up(work, OutcomeUnknown())
            return
        if isinstance(lost, Unavailable) and not beside:
            self._give_up(work, TryAgain())
            return
        expected = isinstance(lost, Conflict | NotRead | DBAPIError | Unavailable)
        telemetry.RETRIES.labels(reason=type(getattr(lost, "orig", None) or lost).__name__).inc()
        if not expected:
            log.error("batch_broken", size=len(work), exc_info=lost)
        elif not isinstance(lost, Conflict | NotRead | IntegrityError):
            log.warning("batch_lost", size=len(work), error=str(getattr(lost, "orig", lost)))
        if beside:
            self._handle(work, tried)
        elif len(work) > 1 and not _is_of_database(lost):
            middle = len(work) // 2
            self._handle(work[:middle])
            self._handle(work[middle:])
        elif tried + 1 < TRIES:
            self._sleep(PAUSE_SECONDS * (tried + 1))
            self._handle(work, tried + 1)
        else:
            self._give_up(work, TryAgain() if expected else lost)

    def _sent(self, runway: Runway, work: list[Work], tried: int, *, beside: bool) -> Flight:
        connection = self._connected(runway)
        runway.since = self._monotonic()
        began = self._real_now()
        batch_id = self._ids.hex18(began, line="batches")
        try:
            with self._left_behind(runway, connection):
                connection.begin()
                handled = self._batch.run(connection, work, batch_id, began, beside=beside)
        except Exception:
            runway.since = None
            raise
        return Flight(work, runway, connection, batch_id, handled, tried, beside)

    def _arrive(self, flight: Flight) -> None:
        """Waits for the commit. Where it was lost with its connection, the database is asked whether it took place."""
        runway, began = flight.runway, time.perf_counter()
        try:
            with telemetry.stage("commit"), self._left_behind(runway, flight.connection):
                arrive(flight.connection)
                flight.connection.commit()
        except Exception as lost:
            if self._was_refused(lost):
                raise
            committed = self._was_committed(runway, flight.batch_id)
            if committed is None:
                raise InDoubt from lost
            if not committed:
                raise
            return
        finally:
            runway.since = None
        telemetry.COMMIT_SECONDS.observe(time.perf_counter() - began)

    @contextlib.contextmanager
    def _left_behind(self, runway: Runway, connection: Connection) -> Iterator[None]:
        """Leaves nothing of a transaction that fails in the block; a connection in an unknown state gives way to a new one."""
        try:
            yield
        except (Conflict, NotRead, IntegrityError):
            try:
                connection.rollback()
            except DBAPIError:
                self._disconnect(runway)
            raise
        except Exception:
            self._disconnect(runway)
            raise

    def _was_refused(self, lost: Exception) -> bool:
        """Whether the database itself said that it did not commit, over a connection that is still there."""
        if isinstance(lost, Conflict | IntegrityError):
            return True
        if not isinstance(lost, DBAPIError) or lost.connection_invalidated:
            return False
        return getattr(lost.orig, "sqlstate", None) is not None  # SQLite has none, and is asked

    def _was_committed(self, runway: Runway, batch_id: str) -> bool | None:
        """Whether the database has the batch; None when it could not be asked: then it must not be run again."""
        until = self._monotonic() + LOOK_SECONDS
        while self._monotonic() < until:
            try:
                runway.since = None
                connection = self._connected(runway)
                runway.since = self._monotonic()
                with connection.begin() as looking:
                    written = was_written(connection, batch_id)
                    looking.rollback()
            except (Unavailable, DBAPIError):
                self._disconnect(runway)
                self._sleep(LOOK_PAUSE_SECONDS)
            else:
                return written
        return None

    def _connected(self, runway: Runway) -> Connection:
        if runway.connection is None:
            try:
                runway.connection = self._database.batches.connect()
            except DBAPIError as lost:
                raise Unavailable from lost
        return runway.connection

    @staticmethod
    def _disconnect(runway: Runway) -> None:
        if runway.connection is not None:
            with contextlib.suppress(Exception):
                runway.connection.invalidate()  # not reset, which what is still under way would not allow
                runway.connection.close()
            runway.connection = None

    def _give_up(self, work: list[Work], why: Exception) -> None:
        replies: list[tuple[Any, Any]] = []
        for one in work:
            if isinstance(one, Submission):
                telemetry.COMMANDS.labels(outcome="given_up").inc()
                if isinstance(why, Refusal):
                    telemetry.REFUSALS.labels(key=why.key).inc()
                status, body = one.render(why)
                replies.append((one.token, Reply(status, body, answer=why)))
            else:
                replies.append((one.token, why))
        self._deliver(replies)

    @staticmethod
    def _count(work: Sequence[Work], handled: Handled) -> None:
        telemetry.BATCH_SIZE.observe(len(work))
        telemetry.ORDERS.inc(handled.orders)
        answers = [reply.answer for one, reply in handled.replies if isinstance(one, Submission)]
        broken = sum(isinstance(answer, Exception) and not isinstance(answer, Refusal) for answer in answers)
        telemetry.COMMANDS.labels(outcome="answered").inc(len(answers) - broken)
        telemetry.COMMANDS.labels(outcome="broken").inc(broken)
