"""A receiver of webhooks: a real HTTP server on the loopback, in a thread, that answers as it is told and verifies nothing."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from typing import NamedTuple, Self

import msgspec


class Received(NamedTuple):
    """A request as it came; names of headers in lower case, the body byte for byte."""

    path: str
    headers: dict[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What to answer. `raw` is sent instead of all else; `drop`: close the connection instead; `close`: close it afterwards."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""
    delay: float = 0.0
    drop: bool = False
    close: bool = False
    raw: bytes | None = None

    def bytes(self) -> bytes:
        """The answer on the wire."""
        if self.raw is not None:
            return self.raw
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"HTTP/1.1 {self.status} As Told\r\n{headers}content-length: {len(self.body)}\r\n\r\n".encode() + self.body


class Receiver:
    """Listens while it is entered. `received` has every request in the order of arrival; `connections` counts them.

    Answers 200 until told otherwise: `answers.append(…)` for the next ones, in order; `answer = …` for all others, an answer
    or a function that makes one from the request (called in the receiver's thread).
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        self.answer: Answer | Callable[[Received], Answer] = Answer()
        self.connections = 0
        self._tls = tls
        self._news = Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._run, name="receiver", daemon=True)

    def __enter__(self) -> Self:
        with self._news:
            self._thread.start()
            self._news.wait_for(lambda: hasattr(self, "port"), 10)
        return self

    def __exit__(self, *failure: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it listens; any path may follow."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """The requests, as soon as there are `count` of them. TimeoutError: there are not."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.received) >= count, timeout):
                raise TimeoutError(f"{len(self.received)} of {count} requests arrived within {timeout:g} seconds")
            return list(self.received)

    def _run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=512)
        with self._news:
            self.port: int = server.sockets[0].getsockname()[1]
            self._news.notify_all()
        await self._closing.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request; False if the connection is to be closed."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        answer = self._receive(Received(first.split(" ")[1], headers, body))
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.drop:
            return False
        writer.write(answer.bytes())
        await writer.drain()
        if answer.close:
            writer.close()
            await writer.wait_closed()
        return not answer.close

    def _receive(self, request: Received) -> Answer:
        with self._news:
            self.received.append(request)
            self._news.notify_all()
            if self.answers:
                return self.answers.pop(0)
        return self.answer if isinstance(self.answer, Answer) else self.answer(request)
