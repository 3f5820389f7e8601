"""The load: an HTTP/1.1 client over keep-alive connections, in a process of its own.

    python -m bench.load < plan.json > tally.json

A process of its own, because a client that shares an interpreter with anything else measures that too. Closed loop: each
connection asks again as soon as it is answered, which finds the rate. Open loop: requests fall due at a fixed rate whatever
the answers do, and a latency counts from the instant its request was due, so a stall is felt by all that should have been
sent during it (no coordinated omission).
"""

import asyncio
import gc
import math
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import msgspec
import uvloop

from bench.workload import CUSTOMERS, Server, request_maker

GRACE_SECONDS = 30
"""How long answers are waited for after the last request: longer than any answer may take."""
JOIN_SECONDS = 300
"""Members that take longer to join are given up."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `count` requests, or as many as fit in `seconds`; at `rate` per second, or (None) closed loop.

    `kind` names the requests (`members`, `orders`), `first` is the number of the first, `seed` chooses customers and carts,
    drawn from so many `customers`.
    """

    port: int
    kind: str
    headers: dict[str, str]
    path: str
    first: int = 0
    seed: int = 1
    customers: int = CUSTOMERS
    connections: int = 64
    seconds: float = GRACE_SECONDS
    count: int | None = None
    rate: int | None = None


class Tally(msgspec.Struct, kw_only=True):
    """What came back. Instants are of the monotonic clock, which all processes of one machine share; latencies are ms.

    `due` has, for an open loop, the instant each request number fell due.
    """

    answered: int = 0
    refused: int = 0
    broken: int = 0
    first_refusal: str | None = None
    started_at: float = 0.0
    ended_at: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    due: dict[int, float] = {}

    @property
    def per_second(self) -> float:
        """Answers per second, from the first request to the last answer."""
        return self.answered / max(self.ended_at - self.started_at, 1e-9)

    @property
    def sent(self) -> int:
        """Requests that were sent, whatever became of them."""
        return self.answered + self.refused + self.broken

    @property
    def faults(self) -> list[str]:
        """Why a run with this tally does not count, if it does not."""
        if not self.refused and not self.broken:
            return []
        first = " ".join((self.first_refusal or "").split())
        return [f"{self.refused} answers were not 2xx, {self.broken} never came; the first: {first}"]


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of an ascending list: the smallest value that `share` of all do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else 0.0


def answer_ends(data: bytes) -> int:
    """Where the HTTP answer that `data` starts with ends; 0 when it has not all arrived. No bodies without a length."""
    head_ends = data.find(b"\r\n\r\n")
    if head_ends < 0:
        return 0
    head = data[:head_ends].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        ends = head_ends + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])
        return ends if len(data) >= ends else 0
    if b"\r\ntransfer-encoding: chunked" in head:
        return len(data) if data.endswith(b"0\r\n\r\n") else 0
    return head_ends + 4


class Connection(asyncio.Protocol):
    """One keep-alive connection, with at most one request under way."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self._arrived = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass

    def send(self, request: bytes, due: float) -> None:
        """Send; the answer's latency will count from `due`."""
        assert self._transport is not None
        self.due = due
        self._waiting = True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._arrived = self._arrived + data if self._arrived else data
        if answer_ends(self._arrived):
            answer, self._arrived = self._arrived, b""
            self._waiting = False
            self._crowd.answered(self, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._waiting = False
            self._crowd.lost(exc)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Crowd:
    """All connections of one load, and what came back over them."""

    def __init__(self, plan: Plan, make: Callable[[int], bytes]) -> None:
        self.plan = plan
        self.tally = Tally()
        self._make = make
        self._latencies: list[float] = []
        self._connections: list[Connection] = []
        self._next = plan.first
        self._under_way = 0
        self._done = asyncio.get_running_loop().create_future()

    async def run(self) -> Tally:
        """Connect, send all that is planned, wait for the answers."""
        loop = asyncio.get_running_loop()
        for _ in range(self.plan.connections):
            _transport, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.plan.port)
            self._connections.append(connection)
        self.tally.started_at = time.monotonic()
        self._start()
        try:
            await asyncio.wait_for(self._done, self.plan.seconds + GRACE_SECONDS)
        except TimeoutError:
            self.tally.broken += self._unanswered()
            self.tally.first_refusal = self.tally.first_refusal or "no answer in time"
        for connection in self._connections:
            connection.close()
        return self._sum_up()

    def answered(self, connection: Connection, answer: bytes) -> None:
        """Count an answer, and give its connection something new to do."""
        now = time.monotonic()
        self._under_way -= 1
        self.tally.ended_at = now
        if answer[9:10] == b"2":
            self.tally.answered += 1
            self._latencies.append(now - connection.due)
        else:
            self.tally.refused += 1
            self.tally.first_refusal = self.tally.first_refusal or answer[:600].decode(errors="replace")
        self._free(connection, now)

    def lost(self, why: Exception | None) -> None:
        """Count a request whose connection ended before its answer."""
        self._under_way -= 1
        self.tally.broken += 1
        self.tally.first_refusal = self.tally.first_refusal or f"the connection ended: {why}"
        self._finish_if_idle()

    def _send_next(self, connection: Connection, due: float) -> None:
        self._under_way += 1
        self._next += 1
        connection.send(self._make(self._next - 1), due)

    def _sum_up(self) -> Tally:
        self._latencies.sort()
        self.tally.p50_ms = 1000 * percentile(self._latencies, 0.50)
        self.tally.p99_ms = 1000 * percentile(self._latencies, 0.99)
        self.tally.max_ms = 1000 * percentile(self._latencies, 1.00)
        return self.tally

    def _unanswered(self) -> int:
        return self._under_way

    def _finish_if_idle(self) -> None:
        if not self._unanswered() and not self._done.done():
            self._done.set_result(None)

    def _start(self) -> None:
        raise NotImplementedError

    def _free(self, connection: Connection, now: float) -> None:
        raise NotImplementedError


class ClosedLoop(Crowd):
    """Every connection asks again as soon as it is answered, until the time or the count is used up."""

    def _start(self) -> None:
        self._stop_at = self.tally.started_at + self.plan.seconds
        self._last = math.inf if self.plan.count is None else self.plan.first + self.plan.count
        for connection in self._connections:
            self._free(connection, self.tally.started_at)

    def _free(self, connection: Connection, now: float) -> None:
        if now < self._stop_at and self._next < self._last:
            self._send_next(connection, now)
        else:
            self._finish_if_idle()


class OpenLoop(Crowd):
    """Requests fall due at `plan.rate` per second; one that finds no free connection waits for it, and its clock runs."""

    def _start(self) -> None:
        assert self.plan.rate is not None
        step = 1 / self.plan.rate
        self._to_come = deque(self.tally.started_at + n * step for n in range(int(self.plan.rate * self.plan.seconds)))
        self.tally.due = {self.plan.first + n: due for n, due in enumerate(self._to_come)}
        self._waiting: deque[float] = deque()
        self._idle = list(self._connections)
        self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        while self._to_come and self._to_come[0] <= now:
            self._waiting.append(self._to_come.popleft())
        while self._waiting and self._idle:
            self._send_next(self._idle.pop(), self._waiting.popleft())
        if self._to_come:
            asyncio.get_running_loop().call_later(max(self._to_come[0] - time.monotonic(), 0), self._tick)

    def _free(self, connection: Connection, now: float) -> None:
        del now
        if self._waiting:
            self._send_next(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)
            self._finish_if_idle()

    def _unanswered(self) -> int:
        return self._under_way + len(self._waiting) + len(self._to_come)


async def send(plan: Plan) -> Tally:
    """Carry out the plan in this process."""
    crowd = ClosedLoop if plan.rate is None else OpenLoop
    return await crowd(plan, request_maker(plan.kind, plan.path, plan.headers, plan.seed, plan.customers)).run()


def send_elsewhere(plan: Plan) -> Tally:
    """Carry out the plan in a process of its own, and wait for its tally."""
    command = [sys.executable, "-m", "bench.load"]
    done = subprocess.run(command, input=msgspec.json.encode(plan), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Tally)


def join_members(server: Server, path: str, count: int = CUSTOMERS, seconds: float = JOIN_SECONDS) -> Tally:
    """So many members join at `path`, as fast as they are answered."""
    plan = Plan(port=server.port, kind="members", headers=server.app_headers, path=path, seconds=seconds, count=count)
    return send_elsewhere(plan)


def send_orders(
    server: Server,
    *,
    seconds: float,
    first: int = 0,
    customers: int = CUSTOMERS,
    count: int | None = None,
    rate: int | None = None,
) -> Tally:
    """Paid orders from the number `first` on, as in a `Plan`; the same ones whenever the first is the same."""
    plan = Plan(
        port=server.port,
        kind="orders",
        headers=server.app_headers,
        path="/v1/orders",
        first=first,
        seed=first + 1,
        customers=customers,
        seconds=seconds,
        count=count,
        rate=rate,
    )
    return send_elsewhere(plan)


def main() -> None:
    """Read a plan from the standard input, carry it out, write the tally."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    gc.disable()  # a collection in the client would be measured as a slow server
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tally = runner.run(send(plan))
    sys.stdout.buffer.write(msgspec.json.encode(tally))


if __name__ == "__main__":
    main()
