"""The measure: pgbench on a private PostgreSQL, and a database of the same server for Tallybook.

The figure is what this machine's disk and PostgreSQL give for a short durable write: built-in TPC-B, scale 32, prepared
statements, 32 clients, all durability on. A ratio to it means the same on any machine; orders per second do not.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

SCALE = 32
CLIENTS = 32
JOBS = 2
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",  # so that no run meets a checkpoint which the others do not
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


class NotInstalled(Exception):
    """PostgreSQL's server programs (initdb, pg_ctl, pgbench) were found neither in the PATH nor where Debian puts them."""


def programs() -> Path:
    """The directory of the newest PostgreSQL programs. Refuses: NotInstalled."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    places = [*([Path(found).parent] if found else []), *reversed(debian)]
    for place in places:
        if (place / "initdb").exists() and (place / "pgbench").exists():
            return place
    raise NotInstalled


def free_port() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A PostgreSQL server of our own in a directory that is deleted afterwards, as a context. Refuses: NotInstalled."""

    def __enter__(self) -> Self:
        self._bin = programs()
        self._home = Path(tempfile.mkdtemp(prefix="tallybook-bench-pg-"))
        self._port = free_port()
        self._password = secrets.token_hex(16)
        # PostgreSQL refuses to run as root; its package brings a user for it.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._home, self._user)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        if (self._home / "base" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._home / "base"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._home, ignore_errors=True)

    def database(self, name: str) -> str:
        """Make an empty database; its URL."""
        self._psql(f"CREATE DATABASE {name}")
        return self.url(name)

    def copy(self, name: str, of: str) -> str:
        """Make a copy of a database that nobody is connected to; its URL."""
        self._psql(f"CREATE DATABASE {name} TEMPLATE {of}")
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{name}"

    def drop(self, name: str) -> None:
        """Delete a database, so that its pages leave the cache before the next run."""
        self._psql(f"DROP DATABASE {name} WITH (FORCE)")

    def fill(self) -> None:
        """Write pgbench's own tables, once."""
        self._psql("CREATE DATABASE pgbench")
        self._run("pgbench", "-i", "-q", "-s", str(SCALE), *self._where(), "pgbench")
        self._psql("CHECKPOINT")

    def tps(self, seconds: int) -> float:
        """Transactions per second over so many seconds. Leaves the server idle: what it still had to write is written."""
        load = ["-M", "prepared", "-c", str(CLIENTS), "-j", str(JOBS), "-T", str(seconds)]
        said = self._run("pgbench", *load, *self._where(), "pgbench")
        self._psql("CHECKPOINT")
        found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
        if found is None:
            raise ValueError(said)
        return float(found[1])

    def _start(self) -> None:
        base = self._home / "base"
        secret = self._home / "password"
        secret.write_text(self._password)
        if self._user:
            shutil.chown(secret, self._user)
        self._run("initdb", "-D", str(base), "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8")
        lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
        lines += [f"port = {self._port}", f"unix_socket_directories = '{self._home}'"]
        with (base / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(lines) + "\n")
        self._run("pg_ctl", "-D", str(base), "-l", str(self._home / "log"), "-w", "start")

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self._port), "-U", "postgres"]

    def _psql(self, statement: str) -> None:
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", *self._where(), "-c", statement, "postgres")

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs; what it said. Its failure says what it said on its error output."""
        environment = {**os.environ, "PGPASSWORD": self._password, "LC_ALL": "C"}
        # To a file: the server that pg_ctl starts would hold a pipe open, and we would wait for it for ever.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [self._bin / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                user=self._user,
                check=False,
            )
            said.seek(0)
            text = said.read()
        if done.returncode:
            message = f"{program} failed: {text[-2000:]}"
            raise RuntimeError(message)
        return text
