"""Names to addresses, by the system's resolver."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from tallybook.delivery.guard import Address

Lookup = Callable[[str], Awaitable[list[Address]]]
"""The addresses of a host name, best first. OSError: it has none."""

THREADS = 32
"""A name server that does not answer holds a thread for many seconds; so many dead names may do that at once."""


class SystemLookup:
    """Asks the system's resolver in threads; one question per name at a time, however many wait for its answer."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="lookup")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}

    async def __call__(self, host: str) -> list[Address]:
        question = self._asked.get(host)
        if question is None:
            question = self._asked[host] = asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host)
            question.add_done_callback(lambda done: self._forget(host, done))
        return await asyncio.shield(question)

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, host: str, done: "asyncio.Future[list[Address]]") -> None:
        del self._asked[host]
        if not done.cancelled():
            done.exception()  # seen: everybody who waited for it may have given up


def _addresses(host: str) -> list[Address]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))
