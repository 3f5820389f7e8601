"""The shop that is measured: its programme, its customers, its orders, and the server that it runs on.

One programme with two rules and three tiers, 10,000 members, one webhook subscribed to everything, orders of five lines.
"""

import copy
import http.client
import os
import random
import secrets
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from bench.pgbench import free_port
from tallybook.domain.event_names import SUBSCRIBABLE

CUSTOMERS = 10_000
RULES = 2
LINES = 5
CARTS = 500
PRODUCTS = 200
STAGES = ("http", "decode", "read", "decide", "write", "commit", "render", "send", "record")

READY_SECONDS = 30
STOP_SECONDS = 15
SAMPLE_SECONDS = 0.5

CAMPAIGN = {
    "name": "Bench",
    "type": "AUTO_UPDATE",
    "campaign_type": "LOYALTY_PROGRAM",
    "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}, "code_config": {"pattern": "BENCH-##########"}},
}
# Both give something for every order: the number of awards is then known without asking.
EARNING_RULES = [
    {
        "event": "order.paid",
        "loyalty": {
            "type": "PROPORTIONAL",
            "calculation_type": "ORDER_AMOUNT",
            "order": {"amount": {"every": 100, "points": 1}},
        },
        "source": {"banner": "A point per unit of money"},
        "active": True,
    },
    {
        "event": "order.paid",
        "loyalty": {"type": "FIXED", "points": 5},
        "source": {"banner": "Five points per order"},
        "active": True,
    },
]


def tiers(proportional_rule: str) -> list[dict[str, object]]:
    """Three levels; an order gives about 150 points, so a run sees some customers rise and most stay."""
    return [
        {"name": "Bronze", "points": {"from": 0, "to": 499}},
        {"name": "Silver", "points": {"from": 500, "to": 1999}},
        {
            "name": "Gold",
            "points": {"from": 2000},
            "earning_rules": {proportional_rule: {"type": "MULTIPLY", "multiplier": 2}},
        },
    ]


def carts(chance: random.Random) -> list[bytes]:
    """The carts that orders draw from: the inside of an order's JSON. Prices are minor units."""
    return [b'"items":' + msgspec.json.encode([line(chance) for _ in range(LINES)]) for _ in range(CARTS)]


def line(chance: random.Random) -> dict[str, object]:
    """One line of an order, as a web shop sends it."""
    product = chance.randrange(PRODUCTS)
    return {
        "source_id": f"product-{product:03d}",
        "related_object": "product",
        "quantity": chance.randint(1, 2),
        "price": chance.randrange(500, 3500),
        "product": {"name": f"Product {product:03d}"},
    }


def request_maker(kind: str, path: str, headers: dict[str, str], seed: int, customers: int = CUSTOMERS) -> Callable[[int], bytes]:
    """Makes whole HTTP requests from their number: `members` publishes a card each, `orders` pays an order each."""
    chance = random.Random(seed)
    drawn = carts(chance)
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "Content-Length: "]).encode()

    def member(number: int) -> bytes:
        return b'{"customer":{"source_id":"customer-%05d","name":"Customer %05d"}}' % (number, number)

    def order(number: int) -> bytes:
        customer, cart = chance.randrange(customers), chance.choice(drawn)
        return b'{"source_id":"order-%09d","status":"PAID","customer":{"source_id":"customer-%05d"},%b}' % (
            number,
            customer,
            cart,
        )

    body_of = {"members": member, "orders": order}[kind]

    def request(number: int) -> bytes:
        body = body_of(number)
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    return request


def order_number(source_id: str) -> int:
    """The number an order was made from."""
    return int(source_id.removeprefix("order-"))


class Server:
    """A Tallybook of our own in its own processes, as a context. `workers` needs PostgreSQL."""

    def __init__(self, database: str, workers: int, log: Path, program: str = "tallybook") -> None:
        self.port = free_port()
        self.database = database
        self.project = "proj_bench"
        self.log = log
        self.workers = workers
        self.program = program
        self._app, self._app_token = str(uuid.uuid4()), secrets.token_hex(16)
        self._manager, self._manager_token = str(uuid.uuid4()), secrets.token_hex(16)

    @property
    def app_headers(self) -> dict[str, str]:
        """What the shop's requests are known by."""
        return {"X-App-Id": self._app, "X-App-Token": self._app_token}

    @property
    def management_headers(self) -> dict[str, str]:
        """What the administrator's requests are known by."""
        return {"X-Management-Id": self._manager, "X-Management-Token": self._manager_token}

    def twin(self, database: str, log: Path) -> Self:
        """A server of its own for a copy of this one's database: the same keys open it."""
        other = copy.copy(self)
        other.port, other.database, other.log = free_port(), database, log
        return other

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", self.program, "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--database", self.database]
        if self.workers > 1:
            command += ["--workers", str(self.workers)]
        settings = {
            "PROJECT_ID": self.project,
            "APP_ID": self._app,
            "APP_TOKEN": self._app_token,
            "MANAGEMENT_ID": self._manager,
            "MANAGEMENT_TOKEN": self._manager_token,
            "WEBHOOK_SECRET": secrets.token_hex(16),
            "ALLOW_PRIVATE_WEBHOOKS": "1",
        }
        environment = {**os.environ, **{f"TALLYBOOK_{name}": value for name, value in settings.items()}}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        """One request outside any measurement; its JSON. Raises RuntimeError with the answer when it is not 2xx."""
        status, text = self._ask(method, path, msgspec.json.encode(body), {**headers, "Content-Type": "application/json"})
        if status // 100 != 2:
            message = f"{method} {path} was answered {status}: {text[:1000].decode(errors='replace')}"
            raise RuntimeError(message)
        return msgspec.json.decode(text) if text else None

    def metrics(self) -> str:
        """The page at /metrics; empty when the server has none."""
        status, text = self._ask("GET", "/metrics", None, self.management_headers)
        return text.decode() if status == 200 else ""

    def verify(self) -> str | None:
        """Let `tallybook verify` prove the books of the stopped server; None, or what it found."""
        command = [sys.executable, "-m", "tallybook", "verify", "--database", self.database, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"verify exited {done.returncode}: {(done.stdout + done.stderr)[-600:]}"

    def log_tail(self) -> str:
        """The last lines the server wrote."""
        return self.log.read_text(errors="replace")[-2000:]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                self.metrics()
            except OSError:
                time.sleep(0.1)
            else:
                return
        message = f"the server did not start: {self.log_tail()}"
        raise RuntimeError(message)


def open_shop(server: Server) -> str:
    """Make the programme with its rules and tiers; the path that members join at."""
    campaign = server.call("POST", "/v1/loyalties", CAMPAIGN, server.app_headers)
    path = f"/v1/loyalties/{campaign['id']}"
    rules = server.call("POST", f"{path}/earning-rules", EARNING_RULES, server.app_headers)
    server.call("POST", f"{path}/tiers", tiers(rules[0]["id"]), server.app_headers)
    return f"{path}/members"


def subscribe(server: Server, url: str) -> None:
    """Subscribe one webhook to every event there is. Done after the members joined: their events are not the measured ones."""
    body = {"target_url": url, "events": sorted(SUBSCRIBABLE), "active": True}
    server.call("POST", f"/management/v1/projects/{server.project}/webhooks", body, server.management_headers)


def subscribe_in_vain(server: Server) -> None:
    """Subscribe a webhook to everything, and switch it off: its send-outs are written, and wait."""
    path = f"/management/v1/projects/{server.project}/webhooks"
    body = {"target_url": f"http://127.0.0.1:{free_port()}/", "events": sorted(SUBSCRIBABLE), "active": False}
    server.call("POST", path, body, server.management_headers)


def stage_seconds(page: str) -> dict[str, float]:
    """Seconds spent per stage since the server started, from its metrics page; `orders` is the number of orders."""
    seconds: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "tallybook_stage_seconds_total":
                stage = sample.labels["stage"]
                seconds[stage] = seconds.get(stage, 0.0) + sample.value
            elif sample.name == "tallybook_orders_total":
                seconds["orders"] = seconds.get("orders", 0.0) + sample.value
    return seconds


def tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended between the listing and the reading
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def resident_mb(pids: list[int]) -> float:
    """Resident memory of some processes, in MB of 10^6 bytes. Pages they share are counted once for each."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        except OSError:
            continue
    return total / 1e6


def cpu_seconds(pids: list[int]) -> float:
    """CPU that some processes have used, user and system."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class MemoryWatch:
    """Samples the resident memory of a process tree while it is entered; `peak_mb` is the most it saw."""

    def __init__(self, root: int) -> None:
        self.peak_mb = 0.0
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.peak_mb = max(self.peak_mb, resident_mb(tree(self._root)))
