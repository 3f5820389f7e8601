"""A running server per module and kind of database, the clients that talk to it, and a place that receives its webhooks.

A module may name its project's time zone in `TIME_ZONE`; without it that is UTC.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.deliveries import Inbox
from tests.acceptance.official import Client, Management
from tests.acceptance.process import Server, running_server
from tests.acceptance.shop import Shop
from tests.postgres import Cluster, drop_database, new_database
from tests.receiver import Receiver

_numbers = itertools.count(1)

DEPRECATED = "ignore:[A-Z]+ /v1/loyalties.* is deprecated:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the official client say that its loyalty API is a legacy one: it is the one we speak."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(DEPRECATED))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with an empty database of its own, as a process."""
    folder = tmp_path_factory.mktemp("server")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(_database(request, folder))
        yield stack.enter_context(running_server(url, folder, getattr(request.module, "TIME_ZONE", "UTC")))


@contextlib.contextmanager
def _database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'book.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    yield url
    drop_database(cluster, url)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    """The API with the application key."""
    client = Client(server)
    yield client
    client.close()


@pytest.fixture(scope="module")
def management(server: Server) -> Iterator[Management]:
    """The management API, and the project's test clock."""
    management = Management(server)
    yield management
    management.close()


@pytest.fixture
def shop(client: Client) -> Iterator[Shop]:
    """Programmes, members and orders of this test alone; its programmes are switched off after it."""
    shop = Shop(client, f"{next(_numbers)}")
    yield shop
    shop.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local web server that takes what is sent to it."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def subscribed(management: Management, receiver: Receiver) -> Iterator[Callable[..., Inbox]]:
    """Have events sent to the receiver, by their names, until the test is over."""
    webhooks = []

    def subscribe(*events: str) -> Inbox:
        webhooks.append(management.subscribe(receiver.url, list(events)))
        return Inbox(receiver)

    yield subscribe
    for webhook in webhooks:
        management.unsubscribe(webhook)


@pytest.fixture(scope="module")
def history(server: Server) -> Callable[..., Any]:
    """Record points from before the story, as real transactions and lots; skipped where `tests/history.py` is not there."""
    record_history = pytest.importorskip("tests.history", reason="tests/history.py is not there").record_history

    def record(**what: Any) -> Any:
        return record_history(server.database_url, **what)

    return record
