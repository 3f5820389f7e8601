"""One HTTP/1.1 connection to a receiver: a request at a time, its answer read as far as anybody needs it."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

ANSWER_BYTES = 4096
"""So much of an answer's body is read (DESIGN section 5); past it the connection is dropped."""

HEAD_BYTES = 16_384
"""So long may the head of an answer be, interim answers included; more is not HTTP as anybody speaks it."""

REST_SECONDS = 5
"""So long the rest of an answer may take once its status is known, before its connection is dropped."""


class ConnectionBroken(Exception):
    """The connection ended, or its answer was not HTTP; the message says which."""


class HttpConnection(asyncio.Protocol):
    """Made by `create_connection`. `on_free` is called when it can take another request, `on_lost` when it has ended.

    The status is known when the head of the answer is here; the body is read and thrown away after that, since the
    connection cannot be used again before its end.
    """

    def __init__(self, on_free: Callable[["HttpConnection"], None], on_lost: Callable[["HttpConnection"], None]) -> None:
        self._on_free = on_free
        self._on_lost = on_lost
        self._answered: asyncio.Future[int] | None = None
        self._idle = True
        self._rest: asyncio.TimerHandle | None = None
        self.unanswered = True

    async def exchange(self, request: bytes) -> tuple[int, str | None]:
        """Send these bytes; the status of the answer and its Retry-After.

        Refuses: `ConnectionBroken`; `unanswered` then says whether not a byte had come back.
        """
        assert self._idle
        self._idle = False
        self.unanswered = True
        self._received = self._body = 0
        self._head_ended = self._ended = False
        self._retry_after: str | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answered, self._retry_after
        except asyncio.CancelledError:
            self._transport.abort()
            raise

    @property
    def usable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._idle and not self._transport.is_closing()

    def close(self) -> None:
        """End it now, whatever it is doing."""
        self._transport.abort()

    # --- what asyncio calls ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it

    def data_received(self, data: bytes) -> None:
        if self._idle:  # an answer to nothing: whatever it means, the next answer could not be trusted
            self._transport.abort()
            return
        self.unanswered = False
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break("the receiver wants to speak another protocol")
        except httptools.HttpParserError as error:
            self._break(f"the answer is not HTTP: {error}")
        else:
            self._judge()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting_for_the_rest()
        self._break(f"the connection was lost: {exc}" if exc else "the receiver closed the connection without an answer")
        self._on_lost(self)

    # --- what the parser calls ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._ended:  # a second answer to one request
            raise ConnectionBroken

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:  # an interim answer (100, 103): the real one follows
            self._retry_after = None
            return
        self._head_ended = True
        if self._answered and not self._answered.done():
            self._answered.set_result(status)

    def on_body(self, body: bytes) -> None:
        self._body += len(body)

    def on_message_complete(self) -> None:
        if self._head_ended:
            self._ended = True
            self._keep = self._parser.should_keep_alive()

    def _judge(self) -> None:
        """See after a piece of the answer whether it is whole, too long, or still coming."""
        if self._ended and self._keep:
            self._stop_waiting_for_the_rest()
            self._idle = True
            self._on_free(self)
        elif self._ended or self._body > ANSWER_BYTES:
            self._transport.abort()
        elif self._head_ended and self._rest is None:
            self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, self._transport.abort)
        elif not self._head_ended and self._received > HEAD_BYTES:
            self._break("the head of the answer is too long")

    def _stop_waiting_for_the_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _break(self, reason: str) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(ConnectionBroken(reason))
        self._transport.abort()
