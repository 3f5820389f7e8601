"""A private, real PostgreSQL for the tests: made in a temporary folder, gone at the end, whatever ends the run.

It is tuned to be fast and to lose everything at a crash; no figure may be measured on it.
"""

import contextlib
import itertools
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

BIN_VARIABLE = "TALLYBOOK_TEST_POSTGRES_BIN"
USER = "tallybook"
PORT_TRIES = 5

SETTINGS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "synchronous_commit": "off",
    "timezone": "UTC",
    "unix_socket_directories": "",  # a socket's path has a length limit that a temporary folder may pass
}

# Holds the server for as long as its standard input stays open. The pipe closes even when the test run is killed, so
# neither a server nor a folder is left behind. $1 binaries, $2 the folder of all this, $3 options of the server.
KEEPER = """
if "$1/pg_ctl" start -w -t 60 -D "$2/cluster" -l "$2/log" -o "$3" >"$2/start" 2>&1; then
    echo ready
    read -r _
    "$1/pg_ctl" stop -m immediate -D "$2/cluster" >/dev/null 2>&1
    rm -rf "$2"
else
    echo failed
fi
"""


@dataclass(frozen=True)
class Cluster:
    """A running server. Connections are trusted; every database made in it is UTF-8."""

    port: int
    control: Callable[..., None] = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def url(self, database: str) -> str:
        """Where `database` of this server is, as `postgresql://user@host:port/name`."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def crash(self) -> None:
        """Kill it at once, as a power cut does; every connection is lost."""
        self.control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again on its port after a crash; it recovers what was committed."""
        self.control("start", "-w", "-t", "60")

    def next_name(self) -> str:
        """Give a database name that this server has not had."""
        return f"test_{next(self._numbers)}"


def searched_places() -> str:
    """Say where `find_binaries` looks, for a person who wonders why PostgreSQL was left out."""
    return f"${BIN_VARIABLE}, /usr/lib/postgresql/*/bin and PATH"


def find_binaries() -> Path | None:
    """Find the folder that holds initdb, pg_ctl and postgres: the named one, else Debian's newest, else the one on PATH."""
    named = os.environ.get(BIN_VARIABLE)
    if named:
        folders = [Path(named)]
    else:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
        on_path = shutil.which("initdb")
        folders += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in folders if _complete(folder)), None)


def _version(folder: Path) -> int:
    number = re.match(r"\d+", folder.parent.name)
    return int(number[0]) if number else 0


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres"))


@contextlib.contextmanager
def running_cluster(binaries: Path, **settings: str) -> Iterator[Cluster]:
    """Make a cluster, start it, yield it, stop it and remove it. `settings` are changes of SETTINGS.

    PostgreSQL refuses to run as root: then it runs as the user `postgres`, or as `nobody` where there is none.
    """
    account = _unprivileged_account() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="tallybook-postgres-"))
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        _initialise(binaries, folder, account)
        with _started(binaries, folder, account, SETTINGS | settings) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL will not run as root, and there is neither a user postgres nor a user nobody: add one")


def _initialise(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    command: list[str | Path] = [
        binaries / "initdb",
        "-D",
        folder / "cluster",
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    made = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )
    if made.returncode:
        raise RuntimeError(f"initdb of {binaries} failed in {folder}:\n{made.stdout}{made.stderr}")


@contextlib.contextmanager
def _started(binaries: Path, folder: Path, account: pwd.struct_passwd | None, settings: dict[str, str]) -> Iterator[Cluster]:
    """Start the server on a free port of 127.0.0.1. Another program can take the port first: then on another one."""
    for _ in range(PORT_TRIES):
        port = _free_port()
        options = " ".join(f"-c {name}='{value}'" for name, value in (settings | {"port": str(port)}).items())
        keeper = _keeper(binaries, folder, account, options)
        assert keeper.stdin
        assert keeper.stdout
        try:
            if keeper.stdout.readline().strip() == "ready":
                yield Cluster(port, partial(_control, binaries, folder, account, options))
                return
        finally:
            keeper.stdin.close()
            keeper.stdout.close()
            keeper.wait(60)
    raise RuntimeError(f"PostgreSQL of {binaries} did not start:\n{(folder / 'start').read_text()}{(folder / 'log').read_text()}")


def _control(binaries: Path, folder: Path, account: pwd.struct_passwd | None, options: str, verb: str, *words: str) -> None:
    known = (
        ["-D", str(folder / "cluster"), "-l", str(folder / "log"), "-o", options]
        if verb == "start"
        else ["-D", str(folder / "cluster")]
    )
    subprocess.run(
        [binaries / "pg_ctl", verb, *words, *known],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _keeper(binaries: Path, folder: Path, account: pwd.struct_passwd | None, options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "keeper", binaries, folder, options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,  # Ctrl-C stops the tests, which then stop the server
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_database(cluster: Cluster) -> str:
    """Make an empty database and give its URL; `drop_database` removes it."""
    name = cluster.next_name()
    _administer(cluster, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return cluster.url(name)


def drop_database(cluster: Cluster, url: str) -> None:
    """Remove a database that `new_database` made, and cut whoever is still connected to it."""
    name = url.rpartition("/")[2]
    _administer(cluster, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _administer(cluster: Cluster, statement: sql.Composed) -> None:
    with contextlib.closing(psycopg.connect(cluster.url("postgres"), autocommit=True)) as connection:
        connection.execute(statement)
