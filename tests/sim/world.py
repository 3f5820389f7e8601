"""The simulated world: one thread, its own time, and one worker process of the product that lives, dies and is started again."""

import asyncio
import hashlib
import selectors
import tempfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert
from structlog.testing import capture_logs

from tallybook.delivery.clerk import EngineClerk
from tallybook.delivery.courier import Courier
from tallybook.delivery.post_room import PostRoom
from tallybook.domain.records import Project
from tallybook.engine.batch import Work
from tallybook.engine.engine import Engine
from tallybook.engine.work import Idempotency, Reply, Submission
from tallybook.ids import Ids
from tallybook.jobs import generation, midnight
from tallybook.jobs.leases import Leases
from tallybook.jobs.runner import Job, Runner
from tallybook.store.database import Database, DBAPIError
from tallybook.store.mapping import mapping
from tallybook.store.migrate import migrate
from tallybook.store.projects import draw_node
from tallybook.store.tables import metadata, projects
from tests.books import PROJECT
from tests.sim.auditor import SECRET, ZONE, Auditor, Try, Wish, Wrong, demand
from tests.sim.faults import BadDatabase, Crash, Receivers
from tests.sim.shop import Shop

START = datetime(2026, 3, 27, 22, 50, tzinfo=UTC)
"""Ten minutes before a midnight where the shop is, in the last days before summer time begins there."""
CLIENTS, WISHES = 3, 8
PAUSES = {0: 4, 0.001: 4, 0.02: 4, 1: 4, 400: 3, 90_000: 1}
"""Seconds between two wishes of a client, and how often."""
LAST_STEPS = 40
PATIENCE = timedelta(days=6)
"""For the last send-out to be delivered when all is well again: longer than the longest retry."""


class Time(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is left to do now; and the trace of what was done in it."""

    def __init__(self, random: Random) -> None:
        self._passed = 0.0
        self._random = random
        self.steps = 0
        self.last: deque[str] = deque(maxlen=LAST_STEPS)
        self.digest = hashlib.sha256()
        self.alive: Callable[[], object] = lambda: None
        super().__init__(_Sleepless(self.pass_by))

    def time(self) -> float:
        """Seconds since the start."""
        return self._passed

    def pass_by(self, seconds: float) -> None:
        """Let time pass, with everything standing still."""
        self._passed += seconds

    def now(self) -> datetime:
        """The instant, in whole milliseconds like that of the real clock."""
        return START + timedelta(milliseconds=int(self._passed * 1000))

    def note(self, said: str) -> None:
        """One step more in the trace."""
        self.steps += 1
        line = f"{self.steps:6} {self.now():%d %H:%M:%S.%f} {said}"
        self.last.append(line)
        self.digest.update(line.encode())

    def call_soon_threadsafe(self, *args: Any, **more: Any) -> Any:  # type: ignore[override]
        """There are no other threads."""
        return self.call_soon(*args, **more)

    def run_in_executor(self, _: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """A helper thread: begins a little later, ends a little later than that, and dies with its process."""
        future = self.create_future()
        process = self.alive()

        def work() -> None:
            if self.alive() is not process:
                return
            try:
                result, wrong = func(*args), None
            except Exception as raised:  # noqa: BLE001  # it belongs to whoever waits
                result, wrong = None, raised
            self.call_later(self._moment(), _settle, future, result, wrong)

        self.call_later(self._moment(), work)
        return future

    def _moment(self) -> float:
        return self._random.choice((0, 0.001, 0.004, 0.3))


def _settle(future: "asyncio.Future[Any]", result: Any, wrong: Exception | None = None) -> None:
    if not future.done():
        future.set_exception(wrong) if wrong is not None else future.set_result(result)


class _Sleepless(selectors.SelectSelector):
    def __init__(self, pass_by: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_by = pass_by

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for somebody"
        self._pass_by(max(timeout, 0))
        return []


class SteppedEngine(Engine):
    """An engine without its thread: where somebody stands still until it is done, it is done at once."""

    called: asyncio.Event

    def submit(self, work: Work) -> None:
        """Queues a piece of work."""
        super().submit(work)
        if isinstance(work.token, Future):
            self.run_waiting()
        else:
            self.called.set()


class Server:
    """A worker process, put together as in `app.py` but without HTTP, threads and a child of its own."""

    def __init__(self, time: Time, path: Path, bad: BadDatabase, random: Random, receivers: Receivers) -> None:
        self._time = time
        self._random = random
        self.database = Database(f"sqlite:///{path}")
        bad.watch(self.database)
        try:
            with self.database.writing() as connection:
                ids = Ids(draw_node(connection, time.now()), random.randbytes)
        except BaseException:
            self.database.close()
            raise
        self.engine = SteppedEngine(
            self.database, ids, time.now, self._deliver, self._after_commit, monotonic=time.time, sleep=time.pass_by
        )
        self.engine.called = asyncio.Event()
        leases = Leases(self.database, self.engine)
        jobs: dict[str, Job] = {
            generation.NAME: generation.Generation(self.database, self.engine, leases, time.time),
            midnight.NAME: midnight.Midnight(self.database, self.engine, ids, time.now),
        }
        self.runner = Runner(jobs, leases, time.now)
        self._receivers = receivers
        self._requests: set[asyncio.Future[Any]] = set()
        self.tasks = [time.create_task(self._work()), time.create_task(self._do_jobs())]
        self.start_delivery()

    def start_delivery(self) -> None:
        """The child process that sends; it may die and be started again by itself."""
        clerk = EngineClerk(self.database, self.engine)
        self.room = PostRoom(self.database, clerk, Ids(0, self._random.randbytes), self._time.now, "https://points.example")
        self.courier = Courier(self.room, self._receivers, self._time.now)
        self.delivery = self._time.create_task(self.courier.run())

    async def _work(self) -> None:
        while True:
            await self.engine.called.wait()
            self.engine.called.clear()
            await asyncio.sleep(self._random.choice((0, 0.002, 0.02)))
            self.engine.run_waiting()

    async def _do_jobs(self) -> None:
        while True:
            again = await asyncio.to_thread(self.runner.turn)
            wanted = (again - self._time.now()).total_seconds()
            await asyncio.sleep(max(wanted, self._random.choice((1, 300, 4_000))))

    async def ask(self, submission: Submission) -> Reply | None:
        """The answer to a request; None when it is lost."""
        submission.token = self._time.create_future()
        self._requests.add(submission.token)
        self.engine.submit(submission)
        reply: Reply | None = await submission.token
        return reply

    def _deliver(self, replies: list[tuple[Any, Any]]) -> None:
        for token, reply in replies:
            if isinstance(token, Future):
                token.set_result(reply)
            elif token is not None:
                self._time.call_later(self._random.choice((0, 0.001, 0.01)), self._reply, token, reply)

    def _reply(self, token: "asyncio.Future[Any]", reply: Reply | None) -> None:
        self._requests.discard(token)
        _settle(token, reply)

    def _after_commit(self, handled: Any) -> None:
        if handled.has_send_outs:
            self._time.call_later(self._random.choice((0, 0.005)), self.room.wake)
        if handled.has_actions:
            self.runner.wake(generation.NAME)

    def die(self) -> None:
        """Nothing of it does anything any more, and nobody who waits gets an answer."""
        for task in (*self.tasks, self.delivery):
            task.cancel()
        for token in self._requests:
            _settle(token, None)
        for runway in self.engine._runways:
            self.engine._disconnect(runway)
        self.database.close()


@dataclass(frozen=True)
class Run:
    """What came of a seed."""

    seed: int
    digest: str
    steps: int
    figures: str
    failure: str | None = None
    last: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f"seed {self.seed}: {self.figures}, {self.steps} steps, digest {self.digest}"
        if self.failure is not None:
            said = "\n".join([*self.last, self.failure, said, f"See it again: ./tally sim {self.seed}"])
        return said


class Simulation:
    """One run: a shop with its clients, on a server that crashes, over a database that fails, with receivers in their moods."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._path = folder / "book.db"
        self._path.write_bytes(_empty_book())
        self._random = Random(f"{seed} world")
        self._time = Time(Random(f"{seed} time"))
        self._time.alive = lambda: self._server
        self._auditor = Auditor(self._path, self._time.now)
        self._bad = BadDatabase(Random(f"{seed} faults"), self._time, self._auditor.begun, self._auditor.committed)
        self._receivers = Receivers(Random(f"{seed} receivers"), self._time, self._auditor)
        self._shop = Shop(Random(f"{seed} shop"), self._auditor)
        self._server: Server | None = None
        self._wishes: list[Wish] = []
        self._deaths = 0
        self._wrong: BaseException | None = None

    def run(self) -> Run:
        """Lives through it, from crash to crash."""
        failure = None
        with capture_logs() as logged:
            try:
                self._live_on(self._time.create_task(self._live()))
                self._auditor.prove(self._wishes, [str(one["event"]) for one in logged])
            except Wrong as wrong:
                failure = str(wrong)
            finally:
                self._end()
        for table in metadata.sorted_tables:
            self._time.digest.update(repr(sorted(map(repr, self._auditor.ask(f"SELECT * FROM {table.name}")))).encode())
        digest = self._time.digest.hexdigest()[:16]
        sent = len(self._auditor.calls)
        figures = f"{len(self._wishes)} wishes, {self._deaths} deaths, {sent} send-outs"
        return Run(self._seed, digest, self._time.steps, figures, failure, tuple(self._time.last))

    def _live_on(self, life: "asyncio.Task[None]") -> None:
        while True:
            try:
                return self._time.run_until_complete(life)
            except Crash:
                self._bury()
                self._time.call_later(self._random.choice((0.5, 5, 600)), self._start)

    def _end(self) -> None:
        if self._server is not None:
            self._server.die()
        while left := asyncio.all_tasks(self._time):
            for task in left:
                task.cancel()
            with suppress(SystemExit):
                self._time.run_until_complete(asyncio.wait(left))
        self._time.close()

    def _bury(self) -> None:
        self._deaths += 1
        self._time.note("the process is gone")
        server, self._server = self._server, None
        if server is not None:
            server.die()

    def _start(self) -> None:
        self._time.note("a process starts")
        try:
            self._server = Server(self._time, self._path, self._bad, self._random, self._receivers)
        except DBAPIError:
            self._time.call_later(10, self._start)

    async def _live(self) -> None:
        self._start()
        assert self._server is not None
        self._shop.open(self._server.engine)
        while self._server.runner.turn() <= self._time.now():
            """The cards of the club are made."""
        self._bad.on, self._receivers.well = True, False
        mishaps = self._time.create_task(self._mishaps())
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))
        self._bad.on, self._receivers.well = False, True
        mishaps.cancel()
        await self._come_to_rest()

    async def _mishaps(self) -> None:
        """Now and then the child that sends is gone, or the whole process is stopped in peace and started again."""
        while True:
            await asyncio.sleep(self._random.choice((600, 10_000, 50_000)))
            server = self._server
            if server is None:
                continue
            if self._random.random() < 0.5:
                self._time.note("FAULT: the delivery process is gone")
                server.delivery.cancel()
                server.start_delivery()
            else:
                self._time.note("a stop in peace")
                server.courier.stop()
                await asyncio.wait([server.delivery])
                if server is self._server:
                    self._bury()
                    self._start()

    async def _client(self, number: int) -> None:
        for _ in range(WISHES):
            await asyncio.sleep(self._random.choices(list(PAUSES), list(PAUSES.values()))[0])
            wish = self._shop.wish()
            self._wishes.append(wish)
            await self._pursue(wish, Idempotency(f"key {len(self._wishes)}", "hash") if wish.keyed else None)

    async def _pursue(self, wish: Wish, key: Idempotency | None) -> None:
        """Asks until the answer is known, or, where asking again might do it twice, until it may have been done."""
        while True:
            attempt = Try(wish)
            reply = await self._request(attempt, key)
            if reply is not None and self._auditor.answered(attempt, reply):
                return
            if (reply is None or reply.status == 500) and not (wish.keyed or wish.repeatable):
                return
            await asyncio.sleep(self._random.choice((0.05, 1, 30)))

    async def _request(self, attempt: Try, key: Idempotency | None) -> Reply | None:
        if self._server is None:
            return None
        self._time.note(f"? {attempt.wish.name}")
        reply = await self._server.ask(Submission(attempt.wish.command, self._auditor.render(attempt), idempotency=key))
        if self._random.random() < 0.03:
            reply = None
        self._time.note(f"{reply.status if reply else 'no answer'} {attempt.wish.name}")
        return reply

    async def _come_to_rest(self) -> None:
        """Nothing goes wrong any more: until every day's points have come, and all is delivered."""
        latest = self._time.now() + PATIENCE
        while True:
            await asyncio.sleep(1800)
            if self._server is not None:
                self._shop.enable_webhooks(self._server.engine)
                waiting = self._auditor.ask("SELECT id FROM send_outs WHERE state = 'WAITING'")
                waiting += self._auditor.ask("SELECT id FROM pending_entries WHERE status = 'PENDING'")
                waiting += self._auditor.ask("SELECT id FROM async_actions WHERE status IN ('ACCEPTED', 'IN_PROGRESS')")
                if not waiting:
                    return
                demand(self._time.now() < latest, f"still waiting: {waiting}")


@cache
def _empty_book() -> bytes:
    """A database with the schema and a project."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        database = Database(f"sqlite:///{path}")
        migrate(database)
        project = Project(id=PROJECT, name="Test", time_zone=ZONE.key, webhook_secret=SECRET, created_at=START)
        with database.writing() as connection:
            connection.execute(insert(projects), [mapping(Project).row(project)])
        database.close()
        return path.read_bytes()


def simulate(seed: int) -> Run:
    """Runs a seed. The same seed does the same, step by step."""
    with tempfile.TemporaryDirectory() as folder:
        return Simulation(seed, Path(folder)).run()
