"""The server process: migrate, make the first project, answer until asked to end."""

import os
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import typer
import uvicorn

from tallybook.app import Process, prepare
from tallybook.cli.connections import Connection, Crowd, Limits
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


WATCH_SECONDS = 1.0
"""How often it is looked whether a worker has ended by itself."""


class Server(uvicorn.Server):
    """A server that says it is not ready as soon as it is asked to end."""

    def __init__(self, config: uvicorn.Config, process: Process) -> None:
        super().__init__(config)
        self._process = process

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM or SIGINT: no new requests; running ones are answered."""
        self._process.health.draining = True
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


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
    sock = listen(settings)
    if settings.workers == 1:
        work(settings, sock)
    else:
        Workers(settings, sock).run()


def work(settings: Settings, sock: socket.socket) -> None:
    """One worker: answers what comes over the socket until it is asked to end."""
    process = Process(settings)
    crowd = Crowd(Limits(settings.connections, settings.head_seconds, settings.body_seconds), process.refused)
    config = uvicorn.Config(
        process.application,
        http=partial(Connection, crowd),  # type: ignore[arg-type]  # it only has to make a protocol
        timeout_graceful_shutdown=int(settings.drain_seconds),
        forwarded_allow_ips=settings.trusted_proxies,
        **HTTP,
    )
    Server(config, process).run(sockets=[sock])


class Workers:
    """Worker processes of one listening socket: one that ends by itself is started again."""

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings = settings
        self._sock = sock
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until it is asked to end; then every worker answers what it has begun, and ends."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self._stopping.set())
        children = [self._start() for _ in range(self._settings.workers)]
        while not self._stopping.wait(WATCH_SECONDS):
            children = [child if child.poll() is None else self._start() for child in children]
        for child in children:
            child.terminate()
        for child in children:
            child.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        said = {"DATABASE_URL": self._settings.database_url, "PUBLIC_URL": self._settings.public_url}
        environment = {**os.environ, **{PREFIX + name: value for name, value in said.items()}}
        fd = self._sock.fileno()
        words = [sys.executable, "-m", "tallybook.cli.server", str(fd)]
        return subprocess.Popen(words, pass_fds=[fd], env=environment)  # noqa: S603  # our own program


def listen(settings: Settings) -> socket.socket:
    """The listening socket."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((settings.host, settings.port))
    sock.listen(2048)
    sock.setblocking(False)
    return sock


if __name__ == "__main__":
    worker_settings = read_settings().with_changes()
    configure_log(worker_settings.log_level)
    work(worker_settings, socket.socket(fileno=int(sys.argv[1])))
