"""A backup while orders run: the server goes on, and the restored book is that of one moment, whole and proved."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.official import Client
from tests.acceptance.process import Server, running_server
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.postgres import Cluster, drop_database, new_database

CUSTOMERS = 20
CLIENTS = 4
BEFORE = 60
"""Orders that are answered before the backup begins."""


class Tills:
    """Clients that pay orders one after the other until they are closed. `answered` has the source id of each that was 200."""

    def __init__(self, server: Server) -> None:
        self.answered: list[str] = []
        self.failed: list[Any] = []
        self._server = server
        self._closing = threading.Event()
        self._enough = threading.Condition()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> set[str]:
        """Wait until so many more orders were answered; give all there are."""
        with self._enough:
            wanted = len(self.answered) + more
            assert self._enough.wait_for(lambda: len(self.answered) >= wanted or self.failed, 30), len(self.answered)
            return set(self.answered)

    def close(self) -> None:
        """Stop after the order that runs."""
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        headers = {"X-App-Id": self._server.app_id, "X-App-Token": self._server.app_token}
        count = 0
        while not self._closing.is_set():
            count += 1
            source_id = f"order-{number}-{count}"
            customer = {"source_id": f"customer-{(number + count) % CUSTOMERS}"}
            order = {"source_id": source_id, "status": "PAID", "amount": 1000, "customer": customer}
            connection.request("POST", "/v1/orders", json.dumps(order), headers)
            response = connection.getresponse()
            body = response.read()
            with self._enough:
                if response.status == 200:
                    self.answered.append(source_id)
                else:
                    self.failed.append(body)
                self._enough.notify_all()
        connection.close()


def tallybook(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
    command = [sys.executable, "-m", "tallybook", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
    return done


@pytest.fixture
def empty(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    yield url
    drop_database(cluster, url)


def test_a_backup_beside_running_orders(database_url: str, empty: str, tmp_path: Path) -> None:
    """Every order answered before it began is in it, orders go on meanwhile, it proves, and a server goes on from it."""
    file = tmp_path / "book.bak"
    with running_server(database_url, tmp_path) as server:
        shop = Shop(Client(server), "backup")
        campaign = shop.programme(auto_join=True)
        shop.rule(campaign.id, FIXED_TEN)
        with contextlib.closing(Tills(server)) as tills:
            before = tills.wait_for(BEFORE)
            tallybook("backup", str(file), "--database", database_url)
            begun = len(tills.answered)
            tills.wait_for(CLIENTS)
        assert tills.failed == []
        assert begun > len(before), "orders went on while the backup was made"
        shop.client.close()
    tallybook("restore", str(file), "--database", empty)
    tallybook("verify", "--database", empty)
    with running_server(empty, tmp_path) as server:
        client = Client(server)
        kept = _orders(client)
        assert before <= kept < set(tills.answered)
        points = [client.get(f"/v1/customers/customer-{number}")["loyalty"]["points"] for number in range(CUSTOMERS)]
        assert sum(points) == 10 * len(kept)
        again = client.ask("POST", "/v1/orders", {"source_id": min(before), "status": "PAID", "amount": 1000}).json
        assert (again["source_id"], len(_orders(client))) == (min(before), len(kept))
        client.close()


def _orders(client: Client) -> set[str]:
    found: set[str] = set()
    for page in range(1, 100):
        listed = client.get(f"/v1/orders?limit=100&page={page}&order=created_at")
        found |= {order["source_id"] for order in listed["orders"]}
        if len(found) >= listed["total"]:
            break
    return found
