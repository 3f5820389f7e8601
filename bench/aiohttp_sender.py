"""The sender that was not chosen: aiohttp behind the same protocol, under the same guard. `bench.sending` measures both."""

import socket
import time
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tallybook.delivery.connection import ANSWER_BYTES
from tallybook.delivery.guard import Guard, TargetRefused
from tallybook.delivery.sender import TOTAL_SECONDS, Request, Sent


class GuardedResolver(AbstractResolver):
    """aiohttp's resolver; the addresses that it gives have passed the guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._system = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        for one in found:
            self._guard.check(ip_address(one["host"]))
        return found

    async def close(self) -> None:
        await self._system.close()


class AiohttpSender:
    """Keeps the promise of `Sender.send`."""

    def __init__(self, guard: Guard, user_agent: str) -> None:
        self._guard = guard
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=GuardedResolver(guard), limit=0, use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS),
            headers={"user-agent": user_agent, "content-type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def send(self, request: Request) -> Sent:
        started = time.monotonic()
        status, error, retry_after = None, None, None
        try:
            self._guard.target(request.url)
            async with self._session.post(
                request.url, data=request.body, headers=request.headers, allow_redirects=False
            ) as answer:
                status, retry_after = answer.status, answer.headers.get("retry-after")
                await answer.content.read(ANSWER_BYTES)
                if not answer.content.at_eof():
                    answer.close()
        except (aiohttp.ClientError, TargetRefused, OSError, ValueError) as failure:
            error = str(failure) or type(failure).__name__
        return Sent(status, error, retry_after, int((time.monotonic() - started) * 1000))

    async def close(self) -> None:
        await self._session.close()
