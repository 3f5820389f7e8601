"""What the way to a route costs: Litestar against plain ASGI, with a gateway that answers at once.

`python -m bench.routes` prints µs per request of each, the median of interleaved rounds.
"""

import asyncio
import statistics
import time
from typing import Any

from tallybook.api.application import Health, application
from tallybook.api.gateway import Answered
from tallybook.api.hot import HotRoute
from tallybook.api.routes import all_routes
from tallybook.ids import Ids

BODY = b'{"source_id":"1","status":"PAID","amount":1000,"customer":{"source_id":"c"}}'
HEADERS = [(b"host", b"x"), (b"content-type", b"application/json"), (b"x-app-id", b"a"), (b"x-app-token", b"t")]
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/v1/orders",
    "raw_path": b"/v1/orders",
    "query_string": b"",
    "root_path": "",
    "headers": HEADERS,
    "client": ("127.0.0.1", 1),
    "server": ("x", 80),
}


class AtOnce:
    """A gateway that decides nothing."""

    async def answer(self, *_: object) -> Answered:
        """Always the same."""
        return Answered(200, b'{"object":"order"}')


async def _rounds(app: Any, count: int) -> float:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(_: Any) -> None:
        return

    began = time.perf_counter()
    for _ in range(count):
        await app({**SCOPE, "state": {}}, receive, send)
    return (time.perf_counter() - began) / count * 1e6


async def measure(rounds: int = 7, count: int = 3000) -> dict[str, float]:
    """µs per request by way."""
    gateway: Any = AtOnce()
    routes = all_routes("http://x")
    litestar = application(gateway, Ids(0), Health(lambda: True), routes, lifespan=None)
    order = next(route for route in routes if route.operation_id == "create_order")
    ways = {"litestar": litestar, "plain": HotRoute(litestar, gateway, order)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, app in ways.items():
            found[name].append(await _rounds(app, count))
    return {name: statistics.median(values) for name, values in found.items()}


if __name__ == "__main__":
    for name, us in asyncio.run(measure()).items():
        print(f"{name:<10}{us:8.1f} µs per request")
