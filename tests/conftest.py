"""What every test may ask for: a fresh database of each kind. Tests of PostgreSQL run against a real one or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.postgres import Cluster, drop_database, find_binaries, new_database, running_cluster, searched_places

REQUIRED_VARIABLE = "TALLYBOOK_TEST_POSTGRES_REQUIRED"

# `ci` gives every run the same examples, so that a red test is red for everybody;
# `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2_000, print_blob=True)
hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of `./tally soak`."""
    parser.addoption("--soak", action="store_true", help="break things as often as is claimed, not just a few times")
    parser.addoption("--soak-seed", default="1", help="what chance begins with in tests/unbreakable")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A private PostgreSQL, started when the first test asks for it.

    Without its binaries these tests are skipped, or fail where TALLYBOOK_TEST_POSTGRES_REQUIRED is set.
    """
    binaries = find_binaries()
    if binaries is None:
        reason = f"no PostgreSQL found; looked in {searched_places()}"
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{REQUIRED_VARIABLE} is set, but {reason}", pytrace=False)
        pytest.skip(reason)
    with running_cluster(binaries) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """An empty PostgreSQL database: the only kind with several engines."""
    url = new_database(postgres_cluster)
    yield url
    drop_database(postgres_cluster, url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, empty database; the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    yield url
    drop_database(cluster, url)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line each what was simulated, and whether PostgreSQL was there for the run."""
    for report in terminalreporter.stats.get("passed", []):
        for said in (value for name, value in report.user_properties if name == "simulated"):
            terminalreporter.write_line(str(said))
    terminalreporter.write_line(f"PostgreSQL: {find_binaries() or 'left out: none found in ' + searched_places()}")
