"""`tallybook demo`: the main job on real purchases, on a server of its own."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

from tallybook.cli.database import JsonOption, give_up
from tallybook.demo.options import Connection, DemoError, DemoOptions, VerifyResult

START_SECONDS = 30
"""How long the server may take until it answers."""


def demo(
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty database for it; without, a temporary SQLite file.")
    ] = None,
    orders: Annotated[Path | None, typer.Option(help="A file of purchases; without, a sample of CDNOW's.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Replay only so many purchases.")] = None,
    port: Annotated[int, typer.Option(help="Port of the server; 0 takes a free one.")] = 8080,
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the summary instead of serving on.")] = False,
    json: JsonOption = False,
) -> None:
    """Set up a programme, replay real purchases over HTTP, receive the webhooks, and prove that the book agrees."""
    folder = Path(tempfile.mkdtemp(prefix="tallybook-demo-"))
    url = database or f"sqlite:///{folder / 'demo.db'}"
    options = DemoOptions(orders=orders, limit=limit, once=once, json=json)
    connection = _connection(port or _free_port())
    server = _start(url, connection)
    try:
        _wait_until_ready(server, connection.base_url)
        good = _tell(options, connection, url)
        if not once and not json:
            typer.echo("\nThe server goes on. Ctrl-C ends it.")
            server.wait()
    except DemoError as wrong:
        give_up(str(wrong))
    except KeyboardInterrupt:
        good = True
    finally:
        _stop(server)
        shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(0 if good else 1)


def _tell(options: DemoOptions, connection: Connection, url: str) -> bool:
    from rich.console import Console

    from tallybook.demo.story import run
    from tallybook.demo.summary import curl_lines, print_summary

    summary = asyncio.run(run(options, connection, lambda: _verify(url)))
    print_summary(summary, Console(), as_json=options.json)
    if not options.once and not options.json:
        for name in ("app_id", "app_token", "management_id", "management_token"):
            typer.echo(f"{name.replace('_', ' '):<18}{getattr(connection, name)}")
        for line in curl_lines(connection, summary):
            typer.echo(f"\n  {line}")
    return summary.ok


def _verify(url: str) -> VerifyResult:
    from tallybook.store.opening import opened_book
    from tallybook.store.verify import verify

    with opened_book(url) as book, book.reading() as reading:
        proof = verify(reading)
    return VerifyResult(checked=proof.checked, findings=[str(one) for one in proof.findings])


def _connection(port: int) -> Connection:
    return Connection(
        base_url=f"http://127.0.0.1:{port}",
        project_id="proj_demo",
        app_id="demo",
        app_token=secrets.token_hex(16),
        management_id="demo-management",
        management_token=secrets.token_hex(16),
        webhook_secret=secrets.token_hex(16),
    )


def _start(url: str, connection: Connection) -> subprocess.Popen[bytes]:
    said = {name.upper(): getattr(connection, name) for name in connection.__struct_fields__ if name != "base_url"}
    said |= {"SANDBOX": "1", "ALLOW_PRIVATE_WEBHOOKS": "127.0.0.0/8", "LOG_LEVEL": "warning"}
    environment = {**os.environ, **{f"TALLYBOOK_{name}": value for name, value in said.items()}}
    port = connection.base_url.rsplit(":", 1)[1]
    words = [sys.executable, "-m", "tallybook", "serve", "--host", "127.0.0.1", "--port", port, "--database", url]
    return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603  # our own program


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], base_url: str) -> None:
    for _ in range(START_SECONDS * 10):
        if server.poll() is not None:
            raise DemoError("The server of the demo did not start; its words are above.")
        try:
            with urllib.request.urlopen(f"{base_url}/readyz", timeout=1):  # noqa: S310  # our own server
                return
        except OSError:
            time.sleep(0.1)
    raise DemoError(f"The server of the demo did not answer within {START_SECONDS} seconds.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
