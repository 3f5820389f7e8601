"""The test database itself: what it promises to the tests that use it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.postgres import Cluster, drop_database, find_binaries, new_database

HOLDER = """
import sys, time
from tests.postgres import find_binaries, running_cluster
with running_cluster(find_binaries()) as cluster:
    print(cluster.url("postgres"), flush=True)
    sys.stdin.read()
"""


def test_a_database_url_opens_an_empty_database(database_url: str) -> None:
    """Both kinds start without a table and take one."""
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        before = sa.inspect(connection).get_table_names()
        connection.execute(sa.text("CREATE TABLE card (points INTEGER)"))
    after = sa.inspect(engine).get_table_names()
    engine.dispose()
    assert (before, after) == ([], ["card"])


def test_a_dropped_database_is_gone_though_somebody_is_connected(postgres_cluster: Cluster) -> None:
    """Dropping cuts the connections that a failing test left open."""
    url = new_database(postgres_cluster)
    with contextlib.closing(psycopg.connect(url)):
        drop_database(postgres_cluster, url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


@pytest.mark.skipif(find_binaries() is None, reason="no PostgreSQL found")
def test_a_killed_run_leaves_no_server_behind() -> None:
    """SIGKILL gives Python no chance to clean up; the server stops all the same."""
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as run:
        assert run.stdout
        url = run.stdout.readline().strip()
        with contextlib.closing(psycopg.connect(url)) as connection:
            os.kill(run.pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError, match=r"immediate shutdown|closed the connection"):
                connection.execute("SELECT pg_sleep(60)")
