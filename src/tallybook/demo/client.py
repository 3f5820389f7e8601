"""The demo as a client of the server: requests with the project's keys, and the server's own words when it refuses."""

from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from tallybook.demo.options import Connection, DemoError

AT_ONCE = 32
"""Most requests under way at one time."""
TIMEOUT_SECONDS = 60
"""A move of the clock runs every midnight on the way, which may take a while; anything slower is a fault."""
ERROR_TEXT = 2_000
"""How many characters of a refusal are shown."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Client:
    """Use as `async with Client(connection) as client`. Every call refuses with DemoError when the answer is not 2xx."""

    def __init__(self, connection: Connection) -> None:
        self._base_url = connection.base_url.rstrip("/")
        self._project = f"/management/v1/projects/{connection.project_id}"
        self._app = {"X-App-Id": connection.app_id, "X-App-Token": connection.app_token}
        self._management = {"X-Management-Id": connection.management_id, "X-Management-Token": connection.management_token}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            headers={"Content-Type": "application/json"},
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        """The JSON answer to a GET with the project's application keys."""
        return await self._call("GET", path, self._app)

    async def post(self, path: str, body: object) -> Any:
        """The JSON answer to a POST with the project's application keys."""
        return await self._call("POST", path, self._app, body)

    async def subscribe(self, target_url: str, events: list[str]) -> str:
        """Make a webhook for these events; its id."""
        body = {"target_url": target_url, "events": events}
        webhook = await self._call("POST", f"{self._project}/webhooks", self._management, body)
        return str(webhook["id"])

    async def unsubscribe(self, webhook_id: str) -> None:
        """Delete a webhook."""
        await self._call("DELETE", f"{self._project}/webhooks/{webhook_id}", self._management)

    async def move_clock(self, now: datetime) -> None:
        """Set the test clock of the sandbox; it goes forward only."""
        body = {"now": now.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
        await self._call("POST", f"{self._project}/test-clock", self._management, body)

    async def _call(self, method: str, path: str, keys: dict[str, str], body: object = None) -> Any:
        content = None if body is None else _ENCODER.encode(body)
        try:
            async with self._session.request(method, self._base_url + path, data=content, headers=keys) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"{method} {path}: no answer from {self._base_url} ({type(error).__name__}: {error})"
            raise DemoError(message) from None
        if not answer.ok:
            message = f"{method} {path} was answered {answer.status}: {text.decode('utf-8', 'replace')[:ERROR_TEXT]}"
            raise DemoError(message)
        return msgspec.json.decode(text) if text else None
