"""The receiver of the webhooks: answers 200 at once and counts, in a process of its own.

    python -m bench.receiver

Its first line of output is `{"port": …}`; then each line of input (`count`, `trace`) is answered by one line of JSON.
It ends with its input. Bodies are searched, not parsed: at 12,000 a second, parsing would take the core the server needs.
"""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Self, cast

import msgspec
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_LENGTH = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

QUIET_SECONDS = 1.0
"""All webhooks that are waited for have arrived, and nothing more for so long: the backlog is empty."""
STALLED_SECONDS = 30.0
"""Some are missing, and nothing arrived for so long, more than a lease of the sender: they will not come."""


class Count(msgspec.Struct, kw_only=True):
    """What has arrived: send-outs by the name of their event, each counted once; repeats; the instant of the last."""

    events: dict[str, int] = {}
    repeated: int = 0
    last_at: float = 0.0

    @property
    def total(self) -> int:
        """Send-outs that arrived, each counted once."""
        return sum(self.events.values())


def between(text: bytes, at: int, opening: bytes) -> bytes:
    """The JSON string that follows `opening`, found at `at`; nothing when `at` says it was not found."""
    if at < 0:
        return b""
    start = at + len(opening)
    return text[start : text.find(b'"', start)]


class Ledger:
    """Counts bodies. Events of one request share a group; a group's order is learned from the first event that names it."""

    def __init__(self) -> None:
        self.repeated = 0
        self.last_at = 0.0
        self._names: dict[bytes, int] = {}
        self._seen: set[bytes] = set()
        self._last_of_group: dict[bytes, float] = {}
        self._order_of_group: dict[bytes, bytes] = {}

    def enter(self, body: bytes) -> None:
        """Count one send-out. Its envelope opens with `id … type` and closes with the event, whose group is the last named."""
        now = self.last_at = time.monotonic()
        send_out = between(body, body.find(b'"id":"whs_'), b'"id":"')
        if send_out in self._seen:
            self.repeated += 1
            return
        self._seen.add(send_out)
        name = between(body, body.find(b'"type":"'), b'"type":"')
        self._names[name] = self._names.get(name, 0) + 1
        group = between(body, body.rfind(b'"group_id":"'), b'"group_id":"')
        self._last_of_group[group] = now
        if group not in self._order_of_group and (order := between(body, body.find(b'"order-'), b'"')):
            self._order_of_group[group] = order

    def count(self) -> Count:
        """The counts until now."""
        return Count(events={name.decode(): n for name, n in self._names.items()}, repeated=self.repeated, last_at=self.last_at)

    def trace(self) -> dict[str, float]:
        """The instant of the last event of each order, by the order's source id."""
        return {order.decode(): self._last_of_group[group] for group, order in self._order_of_group.items()}


class Inlet(asyncio.Protocol):
    """One connection of the sender; requests may arrive in pieces, or several at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._arrived = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        self._arrived = self._arrived + data if self._arrived else data
        while self._arrived and self._take_one():
            pass

    def _take_one(self) -> bool:
        """Take one whole request off what has arrived; False when there is none."""
        head_ends = self._arrived.find(b"\r\n\r\n")
        if head_ends < 0:
            return False
        head = self._arrived[:head_ends].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            self._transport.write(NO_LENGTH)
            self._transport.close()
            return False
        start = head_ends + 4
        ends = start + int(head[at + 17 :].split(b"\r\n", 1)[0])
        if len(self._arrived) < ends:
            return False
        self._transport.write(ANSWER)
        self._ledger.enter(self._arrived[start:ends])
        self._arrived = self._arrived[ends:]
        return True


class Receiver:
    """A receiver in a process of its own, as a context. `url` is what a webhook subscribes."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-m", "bench.receiver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{msgspec.json.decode(self._line(), type=dict[str, int])['port']}/hook"
        return self

    def __exit__(self, *failure: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def count(self) -> Count:
        """What has arrived until now."""
        return msgspec.json.decode(self._ask("count"), type=Count)

    def drained(self, enough: Callable[[Count], bool]) -> Count:
        """Wait until enough has arrived and nothing more is on its way, or it stops coming; what arrived."""
        since = time.monotonic()
        while True:
            count = self.count()
            quiet = time.monotonic() - max(count.last_at, since)
            if quiet >= (QUIET_SECONDS if enough(count) else STALLED_SECONDS):
                return count
            time.sleep(0.1)

    def trace(self) -> dict[str, float]:
        """The instant of the last event of each order, by source id."""
        return msgspec.json.decode(self._ask("trace"), type=dict[str, float])

    def _ask(self, word: str) -> bytes:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def say(document: object) -> None:
    """One line of JSON on the standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    sys.stdout.buffer.flush()


async def serve() -> None:
    """Listen on a free port of the loopback until the input ends."""
    loop = asyncio.get_running_loop()
    ledger = Ledger()
    server = await loop.create_server(lambda: Inlet(ledger), "127.0.0.1", 0, backlog=1024)
    say({"port": server.sockets[0].getsockname()[1]})
    questions = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    while word := (await questions.readline()).strip():
        say(ledger.trace() if word == b"trace" else ledger.count())


def main() -> None:
    """Run the receiver."""
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
