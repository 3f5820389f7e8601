"""PostgreSQL goes away under load and comes back: meanwhile 503, afterwards everything as it was said, by itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.process import Server, running_server
from tests.postgres import Cluster, drop_database, new_database
from tests.proxy import Proxy
from tests.receiver import Receiver
from tests.unbreakable.crowd import Answer, Told, Traffic, at_once, get
from tests.unbreakable.proof import open_shop, proved

MEMBERS = 10
HEALED_SECONDS = 60
CUT_SECONDS = 60
Times = Callable[[int, int], int]
Note = Callable[[str], None]


@pytest.fixture
def database(own_cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database of the cluster that may be crashed."""
    url = new_database(own_cluster)
    yield url
    drop_database(own_cluster, url)


@contextmanager
def _under_load(url: str, folder: Path, receiver: Receiver, seed: int) -> Iterator[tuple[Server, Told]]:
    with running_server(url, folder) as server:
        told = Told(open_shop(server, receiver, MEMBERS), seed)
        with Traffic(server, told):
            yield server, told


def _ask(server: Server, told: Told) -> Answer:
    name, request = told.wish(server)
    (answer,) = at_once(server, [request])
    told.keep(name, answer)
    return answer


def _refused(server: Server, told: Told) -> float:
    """While the database is away: asked four times, once for a list, it says "try again". The seconds of the slowest answer."""
    answers = [_ask(server, told) for _ in range(3)] + at_once(server, [get(server, "/v1/loyalties")])
    assert [(answer.status, answer.headers.get("retry-after")) for answer in answers] == [(503, "1")] * 4
    return max(answer.seconds for answer in answers)


def _heals(server: Server, told: Told) -> None:
    deadline = time.monotonic() + HEALED_SECONDS
    while _ask(server, told).status != 200:
        assert time.monotonic() < deadline, "it does not find its database again"
        time.sleep(0.1)


def test_crashed_under_load(
    database: str, own_cluster: Cluster, receiver: Receiver, tmp_path: Path, times: Times, seed: int, note: Note
) -> None:
    """Shut down at once and started again, at random moments."""
    crashes, patience = times(1, 20), times(30, 1)
    slowest = 0.0
    with _under_load(database, tmp_path, receiver, seed) as (server, told):
        for _ in range(crashes):
            time.sleep(told.chance.uniform(0.1, 1))
            own_cluster.crash()
            slowest = max(slowest, _refused(server, told))
            own_cluster.start()
            _heals(server, told)
    with running_server(database, tmp_path) as server:
        unknown = told.repeat(server)
        found = proved(database, told, receiver)
    assert slowest < patience
    note(f"{crashes} crashes: {_summary(told, unknown)}, slowest 503 {slowest:.2f} s; {found}")


@pytest.mark.parametrize("where", ["there", "back"])
def test_cut_in_the_commit(
    where: str, database: str, own_cluster: Cluster, receiver: Receiver, tmp_path: Path, times: Times, seed: int, note: Note
) -> None:
    """The wire is cut when a COMMIT goes by, before it reaches the database or before its answer comes back; for a while,
    or every other time just then.
    """
    cuts, patience = times(2, 20), times(30, 1)
    slowest = 0.0
    with Proxy(own_cluster.port) as proxy:
        url = database.replace(f":{own_cluster.port}/", f":{proxy.port}/")
        with _under_load(url, tmp_path, receiver, seed) as (server, told):
            for number in range(cuts):
                time.sleep(told.chance.uniform(0.1, 0.5))
                assert proxy.cut_next(where).wait(CUT_SECONDS)
                if number % 2 == 0:
                    slowest = max(slowest, _refused(server, told))
                proxy.mend()
                _heals(server, told)
        with running_server(url, tmp_path) as server:
            unknown = told.repeat(server)
            found = proved(database, told, receiver)
    assert slowest < patience
    note(f"{cuts} cuts: {_summary(told, unknown)}, slowest 503 {slowest:.2f} s; {found}")


def _summary(told: Told, unknown: int) -> str:
    return f"{len(told.done)} answered, {len(told.refused)} refused, {unknown} unknown and repeated"
