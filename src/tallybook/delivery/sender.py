"""Sends one HTTP request: guarded, bounded in time and size, over connections that are kept open."""

import asyncio
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import msgspec

from tallybook.delivery.connection import ConnectionBroken, HttpConnection
from tallybook.delivery.guard import Address, Guard, Target, TargetRefused
from tallybook.delivery.lookup import Lookup, SystemLookup

TOTAL_SECONDS = 10.0
"""From the look-up of the name to the head of the answer (webhooks.md 1.5)."""

CONNECT_SECONDS = 4.0
"""For one of several addresses, so that a dead one leaves time for the next."""

KEPT_PER_ORIGIN = 64
KEPT_SECONDS = 15.0
"""A connection not used for 15 to 30 seconds is closed."""


class Request(msgspec.Struct, frozen=True):
    """A POST of exactly these bytes. `headers` come on top of those that every request has."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Sent(msgspec.Struct, frozen=True):
    """What came of it: a status, or the error that stood in its way in a sentence. `retry_after`: the header as it came."""

    status: int | None
    error: str | None
    retry_after: str | None
    duration_ms: int


class Sender(Protocol):
    """Sends requests, many at a time."""

    async def send(self, request: Request) -> Sent:
        """POST it once. Every failure is an outcome; nothing is raised but the cancellation of the caller."""
        ...


class HttpSender:
    """A sender over HTTP/1.1. Redirects are not followed, cookies not kept, proxies not used.

    A request is sent again by itself in one case: a kept connection was closed by the receiver before a byte came back,
    which is how a receiver closes an idle one. Lives in one event loop; `close` ends its connections.
    """

    def __init__(
        self,
        guard: Guard,
        user_agent: str,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._guard = guard
        self._target = lru_cache(4096)(guard.target)
        self._system_lookup = SystemLookup()
        self._lookup = lookup or self._system_lookup
        self._tls = tls
        self._seconds = seconds
        self._standing = f"content-type: application/json\r\nuser-agent: {user_agent}\r\n"
        self._kept: defaultdict[tuple[str, str, int], deque[tuple[float, HttpConnection]]] = defaultdict(deque)
        self._open: set[HttpConnection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(self, request: Request) -> Sent:
        """POST it once, as `Sender.send` promises."""
        started = time.monotonic()
        status, error, retry_after = None, None, None
        try:
            async with asyncio.timeout(self._seconds):
                target = self._target(request.url)
                status, retry_after = await self._exchange(target, self._bytes(target, request))
        except TimeoutError:
            error = f"No answer within {self._seconds:g} seconds."
        except (TargetRefused, ConnectionBroken, OSError, ValueError) as failure:
            error = str(failure) or type(failure).__name__
        return Sent(status, error, retry_after, int((time.monotonic() - started) * 1000))

    async def close(self) -> None:
        """End all connections."""
        if self._sweep:
            self._sweep.cancel()
        self._system_lookup.close()
        for connection in list(self._open):
            connection.close()
        await asyncio.sleep(0)  # they end in the next turn of the loop

    def _bytes(self, target: Target, request: Request) -> bytes:
        own = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        if own.count("\r") + own.count("\n") != 2 * len(request.headers):
            raise ValueError("A header has a line break.")
        head = (
            f"POST {target.path} HTTP/1.1\r\nhost: {target.authority}\r\n"
            f"{self._standing}{own}content-length: {len(request.body)}\r\n\r\n"
        )
        return head.encode("latin-1") + request.body

    async def _exchange(self, target: Target, sent: bytes) -> tuple[int, str | None]:
        kept = self._take_kept(target)
        if kept is not None:
            try:
                return await kept.exchange(sent)
            except ConnectionBroken:
                if not kept.unanswered:
                    raise
        return await (await self._connect(target)).exchange(sent)

    # --- connections ----------------------------------------------------------------------------------------------------

    async def _connect(self, target: Target) -> HttpConnection:
        """A fresh connection to one of the target's addresses that the guard lets pass: the very address it checked."""
        addresses = [target.literal] if target.literal else await self._lookup(target.host)
        refusal: Exception = TargetRefused(f"{target.host} has no address.")
        for address in addresses:
            try:
                self._guard.check(address)
                return await self._connect_to(address, target)
            except TimeoutError:
                refusal = ConnectionBroken(f"{address} did not take the connection within {CONNECT_SECONDS:g} seconds.")
            except (TargetRefused, OSError) as failure:
                refusal = failure
        raise refusal

    async def _connect_to(self, address: Address, target: Target) -> HttpConnection:
        origin = (target.scheme, target.host, target.port)
        secure = target.scheme == "https"
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()  # late: reading the system's certificates takes a while
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: HttpConnection(lambda free: self._keep(origin, free), self._open.discard),
                str(address),
                target.port,
                ssl=self._tls if secure else None,
                server_hostname=target.host if secure else None,
            )
        self._open.add(connection)
        return connection

    def _take_kept(self, target: Target) -> HttpConnection | None:
        kept = self._kept.get((target.scheme, target.host, target.port))
        while kept:
            _, connection = kept.pop()  # the last one used is the least likely to be stale
            if connection.usable:
                return connection
        return None

    def _keep(self, origin: tuple[str, str, int], connection: HttpConnection) -> None:
        kept = self._kept[origin]
        if len(kept) >= KEPT_PER_ORIGIN:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        kept.append((loop.time(), connection))
        if self._sweep is None:
            self._sweep = loop.call_later(KEPT_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time() - KEPT_SECONDS
        for origin, kept in list(self._kept.items()):
            while kept and (kept[0][0] <= before or not kept[0][1].usable):
                kept.popleft()[1].close()
            if not kept:
                del self._kept[origin]
        self._sweep = loop.call_later(KEPT_SECONDS, self._close_unused) if self._kept else None
