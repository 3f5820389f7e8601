"""The server process: migrate, make the first project, answer until asked to end."""

import logging
import os
import socket
import sys
from typing import Any

import structlog
import typer
import uvicorn

from tallybook.app import Process, prepare
from tallybook.settings import PREFIX, Settings
from tallybook.store.projects import Keys

HTTP: dict[str, Any] = {
    "http": "httptools",
    "loop": "uvloop",
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "timeout_keep_alive": 75,
}


class Server(uvicorn.Server):
    """A server that says it is not ready as soon as it is asked to end."""

    def __init__(self, config: uvicorn.Config, process: Process) -> None:
        super().__init__(config)
        self._process = process

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM or SIGINT: no new requests; running ones are answered."""
        self._process.health.draining = True
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


def configure_log(level: str) -> None:
    """One JSON line per fact, to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


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
    typer.echo(f"Book:  {settings.database_url}\nAPI:   {settings.public_url}   (documentation at /docs)")
    return keys


def run(settings: Settings) -> None:
    """Serves until it is asked to end."""
    if settings.workers == 1:
        process = Process(settings)
        config = uvicorn.Config(
            process.application,
            host=settings.host,
            port=settings.port,
            timeout_graceful_shutdown=int(settings.drain_seconds),
            **HTTP,
        )
        Server(config, process).run(sockets=[listen(settings)])
        return
    os.environ[PREFIX + "DATABASE_URL"] = settings.database_url
    os.environ[PREFIX + "PUBLIC_URL"] = settings.public_url
    uvicorn.run(
        "tallybook.app:create",
        factory=True,
        workers=settings.workers,
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        **HTTP,
    )


def listen(settings: Settings) -> socket.socket:
    """The listening socket."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((settings.host, settings.port))
    sock.listen(2048)
    sock.setblocking(False)
    return sock
