"""The composition root: the only file that knows everything. One `Process` is one worker: engine, delivery, API."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from litestar import Litestar

from tallybook import __version__, telemetry
from tallybook.api import assets
from tallybook.api.application import Health, application
from tallybook.api.downloads import Downloads
from tallybook.api.front import Front
from tallybook.api.gateway import Gateway
from tallybook.api.guessing import Allowed
from tallybook.api.hot import HotRoute
from tallybook.api.routes import all_routes
from tallybook.api.slashes import SlashesKept
from tallybook.clock import real_now
from tallybook.delivery.clerk import EngineClerk
from tallybook.delivery.process import DeliveryProcess, Start
from tallybook.engine.batch import Handled
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.interpreter import set_for_serving
from tallybook.jobs import exports, generation, midnight, retention, statistics
from tallybook.jobs.leases import Leases
from tallybook.jobs.runner import Job, Runner
from tallybook.settings import Settings
from tallybook.store.checkpoints import Checkpoints
from tallybook.store.database import Database
from tallybook.store.export_files import ExportFiles
from tallybook.store.migrate import is_current, migrate
from tallybook.store.projects import Keys, draw_node, make_first_project
from tallybook.store.send_outs import backlog
from tallybook.wire.json import make_types_ready


def prepare(settings: Settings) -> Keys | None:
    """Brings the database up to date and makes the first project; its keys, or None when there is one already."""
    database = Database(settings.database_url)
    try:
        database.lock()
        migrate(database)
        with database.writing() as connection:
            return make_first_project(connection, Ids(0), real_now(), settings.first_project)
    finally:
        database.close()


class Process:
    """One worker process, from its database to its HTTP application."""

    def __init__(self, settings: Settings) -> None:
        make_types_ready()
        self._database = Database(settings.database_url)
        self._database.lock()
        with self._database.writing() as connection:
            ids = Ids(draw_node(connection, real_now()))
            request_ids = Ids(draw_node(connection, real_now()))  # its own: ids are not handed out to two threads at once
            recorder_ids = Ids(draw_node(connection, real_now()))
        self._engine = Engine(self._database, ids, real_now, self._deliver, self._after_commit)
        self._engines = [self._engine]
        if not self._database.is_sqlite:  # one more records what was delivered, beside the orders; a file has one writer
            self._engines.append(Engine(self._database, recorder_ids, real_now))
        self._checkpoints = Checkpoints(self._database)
        self._loop: asyncio.AbstractEventLoop | None = None
        start = Start(
            database_url=settings.database_url,
            public_url=settings.public_url,
            private_webhooks=settings.private_webhooks,
            user_agent=f"Tallybook/{__version__}",
            drain_seconds=settings.drain_seconds / 2,
            log_level=settings.log_level,
        )
        self._delivery = DeliveryProcess(start, EngineClerk(self._database, self._engines[-1]))
        self.health = Health(self._is_ready, self._observe)
        allowed = Allowed(settings.wrong_keys_per_minute, settings.unknown_codes_per_minute)
        gateway = Gateway(self._database, self._engine, request_ids, settings.public_url, allowed)
        self.refused = gateway.refused
        self._midnight = midnight.Midnight(self._database, self._engine, ids, real_now)
        leases, files = Leases(self._database, self._engine), ExportFiles(settings.exports_path(self._database.path))
        jobs: dict[str, Job] = {
            generation.NAME: generation.Generation(self._database, self._engine, leases),
            midnight.NAME: self._midnight,
            exports.NAME: exports.Exports(self._database, self._engine, ids, files, settings.public_url),
            retention.NAME: retention.Retention(self._database, self._engine, _kept(settings)),
        }
        if not self._database.is_sqlite:
            jobs[statistics.NAME] = statistics.Statistics(self._database)
        self._runner = Runner(jobs, leases, real_now)
        routes = all_routes(settings.public_url, self._midnight.sweep, partial(self._runner.wake, exports.NAME))
        litestar = application(gateway, request_ids, self.health, routes, self._lifespan, assets.handlers(self._database))
        hottest = next(route for route in routes if (route.method, route.path) == ("POST", "/v1/orders"))
        rest = SlashesKept(Downloads(litestar, self._database, files, request_ids, gateway.refused))
        self.application = Front(HotRoute(rest, gateway, hottest), self.health)

    def _observe(self) -> None:
        """Measures what is only known by looking: for a scrape of the metrics."""
        telemetry.QUEUE_DEPTH.set(self._engine.depth)
        telemetry.WAL_BYTES.set(self._database.wal_bytes())
        now = real_now()
        with self._database.reading() as connection:
            found = backlog(connection, now)
        for state in ("due", "later", "paused"):
            telemetry.SEND_OUTS_WAITING.labels(state=state).set(getattr(found, state))
        telemetry.OLDEST_UNSENT_SECONDS.set((now - found.oldest_due_at).total_seconds() if found.oldest_due_at else 0)
        telemetry.SWEEP_LAG_SECONDS.set(self._midnight.lag(now).total_seconds())

    def _is_ready(self) -> bool:
        with self._database.reading() as connection:
            return is_current(connection)

    @asynccontextmanager
    async def _lifespan(self, _: Litestar) -> AsyncIterator[None]:
        set_for_serving()
        self._loop = asyncio.get_running_loop()
        for engine in self._engines:
            engine.start()
        self._checkpoints.start()
        self._delivery.start()
        self._runner.start()
        try:
            yield
        finally:
            self.health.draining = True
            await asyncio.to_thread(self._runner.stop)
            await asyncio.to_thread(self._delivery.stop)
            await asyncio.gather(*(asyncio.to_thread(engine.stop) for engine in self._engines))
            await asyncio.to_thread(self._checkpoints.stop)
            self._database.close()

    def _after_commit(self, handled: Handled) -> None:
        self._checkpoints.committed()
        if handled.has_send_outs:
            self._delivery.wake()
        if handled.has_actions:
            self._runner.wake(generation.NAME)

    def _deliver(self, replies: list[tuple[Any, Any]]) -> None:
        """Hands answers to whoever waits: threads at once, requests together on the event loop."""
        requests = []
        for token, reply in replies:
            if isinstance(token, Future):
                token.set_result(reply)
            else:
                requests.append((token, reply))
        if requests and self._loop is not None:
            self._loop.call_soon_threadsafe(_resolve, requests)


def _kept(settings: Settings) -> retention.Kept:
    return retention.Kept(
        receipts=timedelta(hours=settings.keep_receipts_hours), send_outs=timedelta(days=settings.keep_send_outs_days)
    )


def _resolve(requests: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, reply in requests:
        if not future.done():
            future.set_result(reply)
