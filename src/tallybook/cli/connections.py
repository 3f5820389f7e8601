"""What a client may do with its connection: uvicorn's protocol, with limits on the time and size of what comes before a route.

A part that takes too long or is too large is answered in the documented form, and the connection ends. Nobody holds a place for
ever: when a process has as many connections as it may, the one that has waited longest for a request gives way.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tallybook.api.errors import HeadTooLarge, NotHttp, TooSlow
from tallybook.api.gateway import Answered
from tallybook.domain.refusals import TryAgain

HEAD_BYTES = 32_768
"""Of the first line and the headers of a request: more is answered 431."""
MOST_PIPELINED = 32
"""Requests of one connection that wait for the answer to an earlier one: more end the connection after that answer."""
UNREAD_SECONDS = 30
"""How long an answer may wait for a client that reads none of it, before its connection is dropped."""
LOOK_SECONDS = 1
"""How often it is looked who takes too long."""
SPARE_FILES = 128
"""Open files of a process that are not for connections: the database, webhooks, exports."""

Refused = Callable[[Exception], Answered]
"""Gives the documented answer to a request that no route sees."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a process takes, and how many seconds the head and the body of a request may take."""

    connections: int
    head_seconds: float
    body_seconds: float


class Crowd:
    """The connections of one process."""

    def __init__(self, limits: Limits, refused: Refused) -> None:
        self.limits = limits
        self.refused = refused
        self._most = min(limits.connections, open_files() - SPARE_FILES)
        self._all: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}  # for a request, longest first
        self._look: asyncio.TimerHandle | None = None

    def let_in(self, connection: "Connection") -> bool:
        """Whether there is a place for this connection; another one may have to leave for it."""
        if len(self._all) >= self._most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                return False
            longest.transport.abort()
            self.let_out(longest)
        self._all.add(connection)
        self._waiting[connection] = None
        if self._look is None:
            self._look = connection.loop.call_later(LOOK_SECONDS, self._look_around, connection.loop)
        return True

    def let_out(self, connection: "Connection") -> None:
        """It has ended."""
        self._all.discard(connection)
        self._waiting.pop(connection, None)

    def is_asked(self, connection: "Connection") -> None:
        """The head of a request has come."""
        self._waiting.pop(connection, None)

    def is_waiting(self, connection: "Connection") -> None:
        """All requests are answered."""
        if connection in self._all:
            self._waiting[connection] = None

    def _look_around(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self._all):
            connection.judge(now)
        self._look = loop.call_later(LOOK_SECONDS, self._look_around, loop) if self._all else None


class Connection(HttpToolsProtocol):
    """One connection of a client. `_since` is when the part that is being read began; between requests there is none."""

    def __init__(self, crowd: Crowd, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._crowd = crowd
        self._limits = crowd.limits
        self._since: float | None = None
        self._in_body = False
        self._head_bytes = 0
        self._fed = 0
        self._stuck_since: float | None = None
        self._deaf = False
        self._wrong: Exception = NotHttp()

    # --- what asyncio calls ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, or say that there is no place."""
        super().connection_made(transport)
        if self._crowd.let_in(self):
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        else:
            self._refuse(TryAgain("Too many connections are open; repeat it after a moment"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place back."""
        self._crowd.let_out(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it has been refused already."""
        if self._deaf:
            return
        if self._since is None:
            self._since = self.loop.time()
        self._fed += len(data)
        super().data_received(data)
        if not self._in_body and self._fed > HEAD_BYTES and not self._deaf:  # a single header that goes on and on
            self._refuse(HeadTooLarge())

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn always closes
        """The client has said all: who has asked a whole question still gets the answer."""
        self._deaf = True
        return self._ends_with_answer()

    # --- what the parser calls ---

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        self._since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Count it."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """A request can be begun: from now on the body is what is waited for."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise NotHttp
        super().on_headers_complete()
        self._crowd.is_asked(self)
        self._in_body = True
        self._since = self.loop.time()

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._in_body = False
        self._fed = 0
        self._since = None
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request, if this was the last one."""
        super().on_response_complete()
        self._wait()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says to what is no HTTP, in our form."""
        self._refuse(self._wrong)

    def _unsupported_upgrade_warning(self) -> None:
        """Who offers another protocol is answered in this one (RFC 9110 7.8), and nobody has to be warned."""

    # --- limits ---

    def judge(self, now: float) -> None:
        """End what has taken too long by `now`."""
        if self.flow.write_paused or self.transport.is_closing():
            self._stuck_since = now if self._stuck_since is None else self._stuck_since
            if now - self._stuck_since > UNREAD_SECONDS:
                self.transport.abort()
            return
        self._stuck_since = None
        if self._since is None or self._deaf:
            return
        if self.flow.read_paused:  # we do not read: that is not the client's doing
            self._since = now
        elif now - self._since > (self._limits.body_seconds if self._in_body else self._limits.head_seconds):
            self._refuse(TooSlow())

    def _count(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > HEAD_BYTES:
            self._wrong = HeadTooLarge()
            raise self._wrong

    def _wait(self) -> None:
        if self._since is None and self._unanswered is None:
            self._crowd.is_waiting(self)

    @property
    def _unanswered(self) -> RequestResponseCycle | None:
        """The last request that began, until it is answered."""
        none = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None before the first
        return None if none else self.cycle

    def _ends_with_answer(self) -> bool:
        """Whether a whole request waits for its answer; then the connection ends after it."""
        last = self._unanswered
        if last is None or last.more_body:
            return False
        last.keep_alive = False
        return True

    def _refuse(self, wrong: Exception) -> None:
        """Answer this, unless earlier requests are still to be answered; end the connection."""
        self._deaf = True
        if self._ends_with_answer():
            return
        half = self._unanswered
        if not self._in_body or (half is not None and not half.response_started and not self.pipeline):
            self.transport.write(_written(self._crowd.refused(wrong)))
        if half is not None:  # its route has nobody to answer any more
            half.disconnected = True
            half.message_event.set()
        self.transport.close()


def _written(answered: Answered) -> bytes:
    headers = {"content-type": "application/json", "content-length": str(len(answered.body)), "connection": "close"}
    lines = [f"{name}: {value}" for name, value in (headers | answered.headers).items()]
    status = HTTPStatus(answered.status)
    return "\r\n".join((f"HTTP/1.1 {status} {status.phrase}", *lines, "", "")).encode("latin-1") + answered.body


def open_files() -> int:
    """How many files this process may have open, after asking for as many as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_000_000_000 if hard == resource.RLIM_INFINITY else hard
