"""The server is killed at random moments under load; nothing that was answered is lost, and nothing is there twice."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.process import running_server
from tests.receiver import Receiver
from tests.unbreakable.crowd import Told, Traffic
from tests.unbreakable.proof import open_shop, proved

MEMBERS = 10
LONGEST_SECONDS = 1.5
"""The load before a kill lasts up to so long."""
FREE_SECONDS = 60


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_under_load(
    workers: int,
    request: pytest.FixtureRequest,
    receiver: Receiver,
    tmp_path: Path,
    times: Callable[[int, int], int],
    seed: int,
    note: Callable[[str], None],
) -> None:
    """One worker on SQLite, two on PostgreSQL: with the processes it started, or alone, which must not leave them behind."""
    url = f"sqlite:///{tmp_path / 'book.db'}" if workers == 1 else request.getfixturevalue("postgres_url")
    with running_server(url, tmp_path, workers=workers) as server:
        told = Told(open_shop(server, receiver, MEMBERS), seed)
    kills = times(2, 50)
    for number in range(kills):
        with running_server(url, tmp_path, workers=workers) as server, Traffic(server, told):
            time.sleep(told.chance.uniform(0.1, LONGEST_SECONDS))
            (server.kill if number % 2 else server.kill_all)()
            _wait_until_free(server.port)
    with running_server(url, tmp_path, workers=workers) as server:
        repeated = told.repeat(server)
        found = proved(url, told, receiver)
    assert len(told.done) > kills
    note(f"{kills} kills: {len(told.done)} answered, {repeated} of them the second time; {found}")


def _wait_until_free(port: int) -> None:
    """Workers whose starter was killed end too: else nobody could be started in its place."""
    deadline = time.monotonic() + FREE_SECONDS
    while not _is_free(port):
        assert time.monotonic() < deadline, "somebody still listens"
        time.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
