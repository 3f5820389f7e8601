"""The server process: migrate, make the first project, answer until asked to end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import structlog
import typer
import uvicorn

from tallybook.api.application import Health
from tallybook.app import Process, prepare
from tallybook.cli import door
from tallybook.cli.connections import Connection, Crowd, Limits
from tallybook.clock import monotonic
from tallybook.settings import PREFIX, Settings, read_settings
from tallybook.store.database import shown_url
from tallybook.store.projects import Keys
from tallybook.telemetry import configure_log

HTTP: dict[str, Any] = {
    "loop": "uvloop",
    "ws": "none",
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "timeout_keep_alive": 75,
}


DOOR_SECONDS = 0.2
"""Between keeping new connections out and closing the socket: two ticks, in which those that are in it are accepted."""
WATCH_SECONDS = 0.5
"""How often it is looked whether a worker has ended by itself, or whether it is time to end."""
RESTART_SECONDS = 5.0
"""Between two starts of one worker: one that cannot begin, as its database is away, does not keep a core busy."""

log = structlog.get_logger()


class Server(uvicorn.Server):
    """A server that ends in steps: it says so and goes on, shuts the door, and ends when it has answered all who came in.

    `shut` is what keeps new connections out; it is called once.
    """

    def __init__(self, config: uvicorn.Config, health: Health, notice_seconds: float, shut: Callable[[], None]) -> None:
        super().__init__(config)
        self._health = health
        self._notice_seconds = notice_seconds
        self._shut = shut
        self._is_shut = False
        self._asked: tuple[int, float] | None = None

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM or SIGINT: not ready any more, and everything is answered for a while yet. A second SIGINT hurries it."""
        self._health.draining = True
        if self._asked is None:
            self._asked = (sig, monotonic())
        elif sig == signal.SIGINT:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: the next step, when it is time."""
        if self._asked is not None and not self.should_exit:
            sig, since = self._asked
            passed = monotonic() - since
            if passed >= self._notice_seconds and not self._is_shut:
                self._is_shut = True
                self._shut()
            if passed >= self._notice_seconds + DOOR_SECONDS:
                super().handle_exit(sig, None)
        return await super().on_tick(counter)


def show_keys(keys: Keys) -> None:
    """Prints the keys of a new project, once."""
    typer.echo("A project was made. These are its keys; they are not shown again:\n")
    for name in keys.__struct_fields__:
        typer.echo(f"  {name.replace('_', ' '):<18}{getattr(keys, name)}")
    typer.echo("")


def start(settings: Settings) -> Keys | None:
    """Prepares the database and says where everything is; the keys when a project was made. Refuses: AlreadyServed."""
    configure_log(settings.log_level)
    keys = prepare(settings)
    if keys is not None:
        show_keys(keys)
    typer.echo(f"Book:  {shown_url(settings.database_url)}\nAPI:   {settings.public_url}   (documentation at /docs)")
    return keys


def run(settings: Settings) -> None:
    """Serves until it is asked to end: in this process, or in several that share the listening socket."""
    sock = door.listen(settings)
    if settings.workers == 1:
        work(settings, sock, partial(door.shut, sock))
    else:
        Workers(settings, sock).run()


def work(settings: Settings, sock: socket.socket, shut: Callable[[], None] = lambda: None) -> None:
    """One worker: answers what comes over the socket until it is asked to end. `shut`: see Server."""
    process = Process(settings)
    crowd = Crowd(Limits(settings.connections, settings.head_seconds, settings.body_seconds), process.refused)
    config = uvicorn.Config(
        process.application,
        http=partial(Connection, crowd),  # type: ignore[arg-type]  # it only has to make a protocol
        timeout_graceful_shutdown=int(settings.drain_seconds),
        forwarded_allow_ips=settings.trusted_proxies,
        **HTTP,
    )
    Server(config, process.health, settings.notice_seconds, shut).run(sockets=[sock])


class Worker(NamedTuple):
    """A worker process, and when it was started, as `monotonic` tells it."""

    process: subprocess.Popen[bytes]
    since: float


class Workers:
    """Worker processes of one listening socket: one that ends by itself is started again.

    They read from a pipe into which nothing is ever written: when this process is gone, however it went, the pipe ends and so do
    they. Else they would keep the port from whoever is started next.
    """

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings = settings
        self._sock = sock
        self._stopping = False
        self._life, self._held = os.pipe()

    def run(self) -> None:
        """Until it is asked to end; then every worker answers what it has begun, and ends."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        workers = [self._start() for _ in range(self._settings.workers)]
        while not self._stopping:
            time.sleep(WATCH_SECONDS)
            workers = [self._kept(worker) for worker in workers]
        for worker in workers:
            worker.process.terminate()
        time.sleep(self._settings.notice_seconds)
        door.shut(self._sock)
        self._sock.close()  # it would go on listening with nobody there
        for worker in workers:
            worker.process.wait()

    def _stop(self, *_: object) -> None:
        """A flag and no more: this may run in the middle of anything."""
        self._stopping = True

    def _kept(self, worker: Worker) -> Worker:
        if worker.process.poll() is None or self._stopping or monotonic() - worker.since < RESTART_SECONDS:
            return worker
        log.error("worker_ended", code=worker.process.returncode)
        return self._start()

    def _start(self) -> Worker:
        said = {"DATABASE_URL": self._settings.database_url, "PUBLIC_URL": self._settings.public_url}
        environment = {**os.environ, **{PREFIX + name: value for name, value in said.items()}}
        fd = self._sock.fileno()
        words = [sys.executable, "-m", "tallybook.cli.server", str(fd), str(self._life)]
        process = subprocess.Popen(words, pass_fds=[fd, self._life], env=environment)  # noqa: S603  # our own program
        return Worker(process, monotonic())


def end_with(life: int) -> None:
    """Ends this process as SIGTERM does when the other end of this pipe is gone. For a thread of its own."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    worker_settings = read_settings().with_changes()
    configure_log(worker_settings.log_level)
    threading.Thread(target=end_with, args=(int(sys.argv[2]),), daemon=True).start()
    work(worker_settings, socket.socket(fileno=int(sys.argv[1])))
