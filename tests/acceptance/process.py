"""A real server of the command line, as a process of its own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

START_SECONDS = 120
STOP_SECONDS = 40


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its keys, and where its records are."""

    port: int
    database_url: str
    log: Path
    project_id: str = "proj_acceptance"
    app_id: str = "34fdc483-066d-478b-a707-be2c7a3d3698"
    app_token: str = "5a1f0d0b-6f3c-4f3f-9a57-2b6b0c8f9e11"
    management_id: str = "8c63e9eb-576f-4cc8-91df-b6797b6de8c6"
    management_token: str = "a713187b-792f-47b6-993c-c83bd340ffd9"
    webhook_secret: str = "acceptance-secret"
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, time_zone: str, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the process; its output goes to `log`. It is remembered, for a test that wants to kill it."""
        command = [sys.executable, "-m", "tallybook", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        process = subprocess.Popen(
            [*command, "--database", self.database_url, "--workers", str(self.workers)],
            env=self.environment(time_zone),
            cwd=self.log.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C stops the tests, which then stop the server
        )
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """End the process as a power cut does."""
        self.processes[-1].kill()
        self.processes[-1].wait()

    def kill_all(self) -> None:
        """End everything that the process started with it, in one moment."""
        for pid in tree(self.processes[-1].pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes[-1].wait()

    def environment(self, time_zone: str) -> dict[str, str]:
        """Give what the process is started with: the keys, a sandbox, webhooks to this machine."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
        return own | {
            "TALLYBOOK_PROJECT_ID": self.project_id,
            "TALLYBOOK_APP_ID": self.app_id,
            "TALLYBOOK_APP_TOKEN": self.app_token,
            "TALLYBOOK_MANAGEMENT_ID": self.management_id,
            "TALLYBOOK_MANAGEMENT_TOKEN": self.management_token,
            "TALLYBOOK_WEBHOOK_SECRET": self.webhook_secret,
            "TALLYBOOK_SANDBOX": "1",
            "TALLYBOOK_TIME_ZONE": time_zone,
            "TALLYBOOK_NOTICE_SECONDS": "0",
            "TALLYBOOK_ALLOW_PRIVATE_WEBHOOKS": "1",
            "TALLYBOOK_EXPORTS_FOLDER": str(self.log.parent / "exports"),
            **self.settings,
        }


def tree(pid: int) -> list[int]:
    """A process and all that it started, and they."""
    started = [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    return [pid, *(one for child in started for one in tree(child))]


@contextlib.contextmanager
def running_server(
    database_url: str, folder: Path, time_zone: str = "UTC", *, workers: int = 1, settings: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start `tallybook serve` on a free port of 127.0.0.1, yield it when it answers, stop it with SIGTERM.

    `settings` are variables of its environment.
    """
    server = Server(free_port(), database_url, folder / "server.log", workers=workers, settings=settings or {})
    with server.log.open("ab") as log:
        server.start(time_zone, log)
        try:
            wait_until_it_answers(server)
            yield server
        finally:
            stop(server.processes[-1])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(server: Server) -> None:
    """Ask until any HTTP answer comes. RuntimeError with the server's log if it ends or stays silent."""
    process = server.processes[-1]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError(f"the server did not start (exit code {process.poll()}):\n{server.log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it with SIGTERM, or at last as a power cut does."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
