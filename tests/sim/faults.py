"""What goes wrong in a simulated run: statements that fail, commits whose answer is lost, crashes at any step, bad receivers."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from tallybook.delivery.sender import TOTAL_SECONDS, Request, Sent
from tallybook.store.database import Database

RATES = (0.0, 0.0003, 0.001, 0.003)
"""How likely a step of the database goes wrong; each run draws one for each kind of fault, so that kinds meet and miss."""
AWAY_SECONDS = (0.05, 0.3, 1.5, 40.0)
MOOD_HOURS = {0.01: 6, 0.05: 6, 0.3: 6, 2: 1, 45: 1}
"""For how long a receiver stays as it is, and how often so long."""
MOST = 25
"""Faults of the database in one run: where each start meets the next crash, nothing else is ever seen."""
_COMPILED: dict[Any, Any] = {}
"""The statements of all processes of all runs: compiling them anew at each start would be most of the work."""


class Crash(SystemExit):
    """The process is gone, between two steps. Nothing catches it but the world."""


class Moment(Protocol):
    """Simulated time, and the trace of what happens in it."""

    def now(self) -> datetime: ...
    def note(self, said: str) -> None: ...


class BadDatabase:
    """Stands between SQLAlchemy and SQLite. `begun` and `committed` are told what SQLite really did."""

    def __init__(self, random: Random, moment: Moment, begun: Callable[[], None], committed: Callable[[], None]) -> None:
        self._random = random
        self._moment = moment
        self._begun = begun
        self._committed = committed
        self.on = False
        self._rates = {kind: random.choice(RATES) for kind in ("crash", "fail", "away")}
        self._commit_rates = {kind: 10 * random.choice(RATES) for kind in ("crash before", "crash after", "undone", "done")}
        self._away_until = moment.now()
        self._left = MOST

    def watch(self, database: Database) -> None:
        """Has every step of a process's connections pass here. Its writes need not survive the machine: fsync is left out."""
        for engine in (database.writer, database.readers):
            who = "write" if engine is database.writer else "read"
            self._watch(engine, who)

    def _watch(self, engine: Engine, who: str) -> None:
        def stepping(statement: str) -> None:
            self._step(f"{who}: {' '.join(statement.split())[:60]}")
            if statement.startswith("BEGIN"):
                self._begun()

        class Watched(sqlite3.Connection):
            """What `store/driver.py` runs, without SQLAlchemy."""

            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if not statement.startswith("PRAGMA"):
                    stepping(statement)
                return super().execute(statement, *values)

        def connecting(_: Any, __: Any, arguments: Any, options: Any) -> sqlite3.Connection:
            self._step(f"{who}: connect")
            return sqlite3.connect(*arguments, factory=Watched, **options)

        def executing(_: Any, statement: str, *__: Any) -> None:
            stepping(statement)

        engine.update_execution_options(compiled_cache=_COMPILED)
        event.listen(engine, "do_connect", connecting)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            event.listen(engine, name, executing)
        event.listen(engine, "commit", self._commit)

    def _step(self, what: str) -> None:
        """One step: it happens, or fails, or the process ends before it."""
        self._moment.note(what)
        if self._moment.now() < self._away_until:
            raise sqlite3.OperationalError("the database is away")
        for kind, rate in self._rates.items():
            if self.on and self._random.random() < rate:
                self._go_wrong(kind)

    def _go_wrong(self, kind: str) -> None:
        self._count(kind)
        if kind.startswith("crash"):
            raise Crash(kind)
        if kind == "away":
            self._go_away()
        raise sqlite3.OperationalError(f"injected: {kind}")

    def _count(self, kind: str) -> None:
        self._moment.note(f"FAULT: {kind}")
        self._left -= 1
        self.on = self.on and self._left > 0

    def _go_away(self) -> None:
        self._away_until = self._moment.now() + timedelta(seconds=self._random.choice(AWAY_SECONDS))

    def _commit(self, connection: Connection) -> None:
        """Commits in place of SQLAlchemy, which then finds nothing left to commit; or not; and the answer may be lost."""
        self._moment.note("commit")
        chance = {kind: self.on and self._random.random() < rate for kind, rate in self._commit_rates.items()}
        if chance["crash before"]:
            self._go_wrong("crash before commit")
        if not chance["undone"]:
            connection.connection.commit()
            self._committed()
        if chance["crash after"]:
            self._go_wrong("crash after commit")
        if chance["undone"] or chance["done"]:
            self._count(f"the answer of a commit is lost, {'un' * chance['undone']}done")
            if self._random.random() < 0.5:
                self._go_away()
            raise OperationalError("COMMIT", None, sqlite3.OperationalError("the answer is lost"))


class Receivers:
    """A sender without sockets: what the receivers of the webhooks answer, each in its mood. Tells `heard` of every call."""

    MOODS = ("well", "well", "well", "well", "failing", "gone", "slow", "hanging", "dead", "fickle")

    def __init__(self, random: Random, moment: Moment, heard: "Heard") -> None:
        self._random = random
        self._moment = moment
        self._heard = heard
        self._moods: dict[str, tuple[str, datetime]] = {}
        self.well = True

    def mood(self, url: str) -> str:
        """How a receiver is now; it changes with time."""
        if self.well:
            return "well"
        mood, until = self._moods.get(url, ("well", datetime.min.replace(tzinfo=self._moment.now().tzinfo)))
        if until <= self._moment.now():
            mood = self._random.choice(self.MOODS)
            (hours,) = self._random.choices(list(MOOD_HOURS), list(MOOD_HOURS.values()))
            self._moods[url] = (mood, self._moment.now() + timedelta(hours=hours))
            self._moment.note(f"FAULT: {url} is {mood} for {hours} hours")
        return mood if mood != "fickle" else self._random.choice(self.MOODS[:-1])

    async def send(self, request: Request) -> Sent:
        """One call: it arrives unless the receiver is dead, and is answered, or not in time."""
        mood = self.mood(request.url)
        if mood == "dead":
            await asyncio.sleep(self._random.choice((0, 4)))
            self._heard.failed(request)
            return Sent(None, "nobody is there", None, 0)
        self._heard.came(request)
        if mood == "hanging":
            await asyncio.sleep(TOTAL_SECONDS)
            self._heard.failed(request)
            return Sent(None, "no answer in time", None, 10_000)
        await asyncio.sleep(self._random.uniform(1, 9.5) if mood == "slow" else self._random.uniform(0.001, 0.05))
        status = {"failing": 500, "gone": 410}.get(mood, 200)
        self._moment.note(f"{status} from {request.url}")
        if status == 200:
            self._heard.took(request)
            return Sent(200, None, None, 5)
        self._heard.failed(request)
        return Sent(status, None, self._random.choice((None, None, "120", "7")), 5)


class Heard(Protocol):
    """Who listens at the receivers."""

    def came(self, request: Request) -> None: ...
    def took(self, request: Request) -> None: ...
    def failed(self, request: Request) -> None: ...
