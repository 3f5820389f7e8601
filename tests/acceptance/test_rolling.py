"""Several machines on one PostgreSQL: started together, and stopped and started in turn, under load."""

import contextlib
import http.client
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tallybook.store.database import Database
from tallybook.store.migrate import head_revision
from tallybook.store.verify import verify
from tests.acceptance.official import TIMEOUT_SECONDS, Client
from tests.acceptance.process import START_SECONDS, Server, free_port, running_server, stop, wait_until_it_answers
from tests.acceptance.shop import FIXED_TEN, Shop

NOTICE = {"TALLYBOOK_NOTICE_SECONDS": "2"}
CLIENTS = 3
REST_SECONDS = 0.02
"""Between two orders of a client: the servers start meanwhile, on the same processors."""
LOAD_SECONDS = 1.0
"""How long the load goes on before the first step, between them, and after the last."""


@dataclass
class Load:
    """Clients that pay orders at any of the servers. Who is refused while connecting goes to the next; nothing is sent twice."""

    servers: list[Server]
    paid: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Pay orders meanwhile."""
        threads = [threading.Thread(target=self._pay_orders, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _pay_orders(self, first: int) -> None:
        for turn in itertools.count(first):
            if self._over.is_set():
                return
            source_id = f"order-{next(self._numbers)}"
            try:
                self._pay(self._connected(turn), source_id)
            except Exception as failed:  # noqa: BLE001  # it is what the test is about
                self.wrong.append(f"{source_id}: {failed!r}")
            time.sleep(REST_SECONDS)

    def _connected(self, turn: int) -> http.client.HTTPConnection:
        for number in itertools.count(turn):
            server = self.servers[number % len(self.servers)]
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_SECONDS)
            try:
                connection.connect()
            except ConnectionRefusedError:
                self.refused += 1
                time.sleep(0.01)
            else:
                return connection
        raise AssertionError

    def _pay(self, connection: http.client.HTTPConnection, source_id: str) -> None:
        server = self.servers[0]
        headers = {"X-App-Id": server.app_id, "X-App-Token": server.app_token, "Content-Type": "application/json"}
        customer = {"source_id": f"customer-{len(source_id)}-{source_id[-1]}"}
        said = {"source_id": source_id, "status": "PAID", "amount": 1_000, "customer": customer}
        with contextlib.closing(connection):
            connection.request("POST", "/v1/orders", json.dumps(said), headers)
            answer = connection.getresponse()
            answer.read()
        (self.paid if answer.status == 200 else self.wrong).append(source_id)


def _machine(url: str, folder: Path, number: int) -> Server:
    (folder / str(number)).mkdir()
    return Server(free_port(), url, folder / str(number) / "server.log", workers=2)


def _start(server: Server) -> "subprocess.Popen[bytes]":
    with server.log.open("ab") as log:
        return server.start("UTC", log)


@pytest.fixture
def machines(postgres_url: str, tmp_path: Path) -> Iterator[list[Server]]:
    """Two of two workers each, started at the same moment on an empty database; both answer."""
    machines = [_machine(postgres_url, tmp_path, number) for number in (1, 2)]
    for machine in machines:
        _start(machine)
    try:
        for machine in machines:
            wait_until_it_answers(machine)
        yield machines
    finally:
        for machine in machines:
            stop(machine.processes[-1])


def test_no_request_is_lost_while_machines_are_stopped_and_started_in_turn(machines: list[Server], postgres_url: str) -> None:
    """Each is answered 2xx, or its connection was refused before anything was sent; every order is there, awarded once."""
    made = [machine for machine in machines if "A project was made" in machine.log.read_text()]
    assert len(made) == 1, "one migrates and makes the first project, the other finds both"
    shop = Shop(Client(machines[0]), "rolling")
    shop.rule(shop.programme(auto_join=True).id, FIXED_TEN)
    shop.client.close()
    load = Load(machines)
    with load.running():
        time.sleep(LOAD_SECONDS)
        for machine in machines:
            machine.processes[-1].terminate()
            machine.processes[-1].wait(START_SECONDS)
            _start(machine)
            wait_until_it_answers(machine)
            time.sleep(LOAD_SECONDS)
    assert load.wrong == []
    assert load.refused > 0, "no machine was away: nothing was tested"
    with contextlib.closing(Database(postgres_url)) as database, database.reading() as connection:
        stored = set(connection.exec_driver_sql("SELECT source_id FROM orders WHERE status = 'PAID'").scalars())
        awards = connection.exec_driver_sql("SELECT COUNT(*) FROM awards").scalar_one()
        schemas = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
        found = verify(connection).findings
    assert (stored, awards) == (set(load.paid), len(load.paid))
    assert (schemas, found) == ([head_revision()], [])


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_asked_to_end_says_so_before_it_closes(request: pytest.FixtureRequest, tmp_path: Path, workers: int) -> None:
    """For the time of notice /readyz is 503, every other request is answered, and each answer ends its connection."""
    url = f"sqlite:///{tmp_path / 'book.db'}" if workers == 1 else request.getfixturevalue("postgres_url")
    with running_server(url, tmp_path, workers=workers, settings=NOTICE) as server:
        client = Client(server)
        ready = client.ask("GET", "/readyz")
        server.processes[-1].terminate()
        while (leaving := client.ask("GET", "/readyz")).status == 200:
            time.sleep(0.01)
        order = client.ask("POST", "/v1/orders", {"source_id": "late", "status": "PAID", "amount": 1})
        assert (ready.status, leaving.status, order.status) == (200, 503, 200)
        assert ("connection" in ready.headers, order.headers["connection"]) == (False, "close")
        server.processes[-1].wait(START_SECONDS)
        with pytest.raises(ConnectionRefusedError):
            client.ask("GET", "/readyz")
        client.close()
    with contextlib.closing(Database(url)) as database, database.reading() as connection:
        assert connection.exec_driver_sql("SELECT source_id FROM orders").scalars().all() == ["late"]
