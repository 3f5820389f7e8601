"""Many clients at once, over plain connections: what is sent is what is said here, and nothing is sent a second time."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from tests.acceptance.process import Server

ANSWER_SECONDS = 60
LINES = 8
"""Connections of the traffic."""


class Answer(NamedTuple):
    """What came back, and after how long. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def post(server: Server, path: str, said: Any, **headers: str) -> bytes:
    """A whole request with the application key. Underscores in header names stand for hyphens."""
    return _request(server, "POST", path, json.dumps(said).encode(), headers)


def get(server: Server, path: str) -> bytes:
    """The same without a body."""
    return _request(server, "GET", path, b"", {})


def _request(server: Server, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    named = {"Host": "127.0.0.1", "X-App-Id": server.app_id, "X-App-Token": server.app_token, "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Line:
    """One keep-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> Answer:
        """Send it and read the answer. OSError or EOFError: the connection ended first."""
        began = time.monotonic()
        self._writer.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(first.split(" ")[1]), headers, body, time.monotonic() - began)

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()


def at_once(server: Server, requests: list[bytes]) -> list[Answer]:
    """Answers to requests that are sent in one moment, each over a connection of its own."""
    return asyncio.run(_at_once(server.port, requests))


async def _at_once(port: int, requests: list[bytes]) -> list[Answer]:
    lines = [await Line.open(port) for _ in requests]
    try:
        return await asyncio.gather(*(line.ask(request) for line, request in zip(lines, requests, strict=True)))
    finally:
        for line in lines:
            line.close()


class Told:
    """What was asked for, by its name, and what was said to it. `lost` is what was never answered."""

    def __init__(self, cards: Iterable[tuple[str, str]], seed: int) -> None:
        self.done: dict[str, Answer] = {}
        self.refused: dict[str, Answer] = {}
        self.lost: set[str] = set()
        self.chance = random.Random(seed)
        self._cards = list(cards)
        self._made = 0
        self._requests: dict[str, bytes] = {}

    def wish(self, server: Server) -> tuple[str, bytes]:
        """Something new: a paid order of some member, or points by hand for one, under a key of its own."""
        name, request = self._drawn(server)
        self._requests[name] = request
        return name, request

    def _drawn(self, server: Server) -> tuple[str, bytes]:
        self._made += 1
        source_id, code = self.chance.choice(self._cards)
        if self.chance.random() < 0.6:
            name = f"order-{self._made}"
            said = {"source_id": name, "status": "PAID", "amount": 1000, "customer": {"source_id": source_id}}
            return name, post(server, "/v1/orders", said)
        name = f"by-hand-{self._made}"
        said = {"points": 5, "reason": name}
        return name, post(server, f"/v1/loyalties/members/{code}/balance", said, Idempotency_Key=name)

    def repeat(self, server: Server) -> int:
        """Send again what was not answered, or answered with "unknown", as a careful shop does. How much that was."""
        unknown = [*self.lost, *(name for name, answer in self.refused.items() if answer.status == 500)]
        for name, answer in zip(unknown, at_once(server, [self._requests[name] for name in unknown]), strict=True):
            self.refused.pop(name, None)
            self.keep(name, answer)
        self.lost.clear()
        return len(unknown)

    def keep(self, name: str, answer: Answer) -> None:
        """Write an answer down."""
        (self.done if 200 <= answer.status < 300 else self.refused)[name] = answer


class Traffic:
    """Wishes, one behind the other on each of some connections, while it is entered."""

    def __init__(self, server: Server, told: Told, lines: int = LINES) -> None:
        self._server = server
        self._told = told
        self._lines = lines
        self._ending = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join(ANSWER_SECONDS)

    async def _run(self) -> None:
        await asyncio.gather(*(self._stand_in_line() for _ in range(self._lines)))

    async def _stand_in_line(self) -> None:
        while not self._ending:
            try:
                line = await Line.open(self._server.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            await self._ask(line)
            line.close()

    async def _ask(self, line: Line) -> None:
        while not self._ending:
            name, request = self._told.wish(self._server)
            try:
                answer = await line.ask(request)
            except (OSError, EOFError):
                self._told.lost.add(name)
                return
            self._told.keep(name, answer)
            if answer.status >= 500:
                await asyncio.sleep(0.05)  # a shop that is refused does not hammer
