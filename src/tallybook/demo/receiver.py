"""A webhook receiver on this machine: it checks every signature and answers at once.

A plain asyncio protocol in a thread of its own: some ten events arrive for every order, and a web framework's price for each
would slow the server that the demo shows, which shares this machine.
"""

import asyncio
import hashlib
import hmac
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Self

import msgspec

from tallybook.demo.tally import Tally

SIGNATURE_HEADER = b"x-voucherify-signature"
MAX_HEAD = 16_384
MAX_BODY = 4_194_304

_END_OF_HEAD = b"\r\n\r\n"
_OK, _BAD_REQUEST, _UNAUTHORIZED = (
    f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode() for status in ("200 OK", "400 Bad Request", "401 Unauthorized")
)


def sign(secret: str, body: bytes) -> str:
    """The signature of a webhook's body: lowercase hex HMAC-SHA256 of exactly these bytes (webhooks.md 1.4)."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


class Receiver:
    """Listens on 127.0.0.1 while it is entered. What arrived is in `tally`.

    Answers 200 to an event it has counted, 401 to a wrong signature, 400 to what it cannot read.
    """

    def __init__(self, secret: str) -> None:
        self.tally = Tally()
        self._secret = secret
        self._started: Future[str] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._listen, name="webhook-receiver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self._started.result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def answer(self, signature: bytes, body: bytes) -> bytes:
        """Count one event, and the HTTP answer to it."""
        self.tally.arrived += 1
        if not hmac.compare_digest(sign(self._secret, body).encode(), signature):
            self.tally.bad_signatures += 1
            return _UNAUTHORIZED
        try:
            self.tally.add(body)
        except msgspec.DecodeError:
            self.tally.unreadable += 1
            return _BAD_REQUEST
        return _OK

    def _listen(self) -> None:
        connections: set[asyncio.Transport] = set()
        try:
            server = self._loop.run_until_complete(
                self._loop.create_server(lambda: _Connection(self, connections), "127.0.0.1", 0)
            )
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks")
        self._loop.run_forever()
        server.close()
        for connection in connections:
            connection.abort()
        self._loop.run_until_complete(asyncio.sleep(0))  # the aborted connections are told that they are lost
        self._loop.close()


class _Connection(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after the other, kept alive."""

    _transport: asyncio.Transport

    def __init__(self, receiver: Receiver, connections: set[asyncio.Transport]) -> None:
        self._receiver = receiver
        self._connections = connections
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # create_server makes no other kind
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self._transport)

    def data_received(self, chunk: bytes) -> None:
        self._buffer += chunk
        while (end := self._buffer.find(_END_OF_HEAD)) >= 0:
            headers = _headers(bytes(self._buffer[:end]))
            length = headers.get(b"content-length", b"")
            if not length.isdigit() or int(length) > MAX_BODY:
                self._refuse()
                return
            start, stop = end + len(_END_OF_HEAD), end + len(_END_OF_HEAD) + int(length)
            if len(self._buffer) < stop:
                return
            body = bytes(self._buffer[start:stop])
            del self._buffer[:stop]
            self._transport.write(self._receiver.answer(headers.get(SIGNATURE_HEADER, b""), body))
        if len(self._buffer) > MAX_HEAD:
            self._refuse()

    def _refuse(self) -> None:
        self._buffer.clear()
        self._transport.write(_BAD_REQUEST)
        self._transport.close()


def _headers(head: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
