"""The disk is full under load, and then it is not: what was answered is there, the rest was refused, and it goes on by itself."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.process import running_server
from tests.postgres import Cluster, drop_database
from tests.receiver import Receiver
from tests.unbreakable.crowd import Told, Traffic
from tests.unbreakable.proof import open_shop, proved

MEMBERS = 10
MEGABYTES = 48
"""For each time it is filled up: by what is written meanwhile the book itself must not need all of it."""
PATIENCE_SECONDS = 300
"""For the first refusal: a log that has grown earlier has room of its own for a while."""


@pytest.fixture
def fills(times: Callable[[int, int], int]) -> int:
    """How often the disk is filled up."""
    return times(1, 20)


@pytest.fixture
def small_disk(fills: int) -> Iterator[Path]:
    """A file system of some megabytes, in a place where PostgreSQL's account may look."""
    folder = Path(tempfile.mkdtemp(prefix="tallybook-small-"))
    folder.chmod(0o755)
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        folder.rmdir()
        pytest.skip("only root may mount a small file system")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={MEGABYTES * fills}m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"no small file system here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, small_disk: Path) -> Iterator[str]:
    """A database whose tables are on the small disk. PostgreSQL keeps its log elsewhere: without room for that it stops."""
    if request.param == "sqlite":
        yield f"sqlite:///{small_disk / 'book.db'}"
        return
    cluster: Cluster = request.getfixturevalue("own_cluster")
    name = cluster.next_name()
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        kept = connection.execute("SHOW data_directory").fetchone()
        assert kept is not None
        tables = small_disk / "tables"
        tables.mkdir()
        os.chown(tables, Path(kept[0]).stat().st_uid, -1)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'".encode())
        connection.execute(f"CREATE DATABASE {name} TABLESPACE small".encode())
        yield cluster.url(name)
        drop_database(cluster, cluster.url(name))
        connection.execute("DROP TABLESPACE small")


def test_no_room_under_load(
    database: str, small_disk: Path, receiver: Receiver, tmp_path: Path, fills: int, seed: int,
    note: Callable[[str], None],
) -> None:  # fmt: skip
    """Filled up and emptied again, at random moments."""
    ballast = small_disk / "ballast"
    with running_server(database, tmp_path) as server:
        told = Told(open_shop(server, receiver, MEMBERS), seed)
        with Traffic(server, told):
            for _ in range(fills):
                time.sleep(told.chance.uniform(0.1, 0.5))
                _fill(ballast)
                _until_more(told.refused)
                ballast.unlink()
                _until_more(told.done)
        found = proved(database, told, receiver)
    note(f"{fills} times full: {len(told.done)} answered, {len(told.refused)} refused; {found}")


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


def _until_more(answers: Mapping[str, object]) -> None:
    before, deadline = len(answers), time.monotonic() + PATIENCE_SECONDS
    while len(answers) == before:
        assert time.monotonic() < deadline, "nothing of the kind was answered"
        time.sleep(0.02)
