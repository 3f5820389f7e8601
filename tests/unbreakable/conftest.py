"""How often things are broken: a few times with fixed seeds in every test run, and for hours' worth with `--soak`."""

from collections.abc import Callable, Iterator

import pytest

from tests.postgres import Cluster, find_binaries, running_cluster
from tests.receiver import Receiver

DEPRECATED = "ignore:[A-Z]+ /v1/loyalties.* is deprecated:DeprecationWarning"
Row = tuple[str, str]
ROWS = pytest.StashKey[list[Row]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the official client say that its loyalty API is a legacy one."""
    for item in items:
        if "unbreakable" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings(DEPRECATED))


@pytest.fixture
def times(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Choose between the number for every run and the full one."""
    soaking = bool(request.config.getoption("--soak"))
    return lambda short, full: full if soaking else short


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What chance begins with: the same in every run, or as `--soak-seed` says."""
    return int(request.config.getoption("--soak-seed"))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Put a line into the table at the end of the run."""
    rows = request.config.stash.setdefault(ROWS, [])
    return lambda said: rows.append((request.node.name.removeprefix("test_").replace("_", " "), said))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    rows = terminalreporter.config.stash.get(ROWS, [])
    wide = max((len(name) for name, _ in rows), default=0)
    for name, said in rows:
        terminalreporter.write_line(f"{name:<{wide}}  {said}")


@pytest.fixture(scope="module")
def own_cluster(postgres_cluster: Cluster) -> Iterator[Cluster]:
    """A PostgreSQL that may be crashed: nobody else uses it, and what it committed outlives that."""
    binaries = find_binaries()
    assert binaries is not None, "there is one already"
    with running_cluster(binaries, synchronous_commit="on") as cluster:
        assert cluster.port != postgres_cluster.port
        yield cluster


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local web server that takes what is sent to it."""
    with Receiver() as receiver:
        yield receiver
