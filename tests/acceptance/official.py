"""The official Python client, and plain HTTP with the same keys for what it cannot say or cannot read.

Its models allow None for nearly every field, so its APIs are `Any` here: the tests compare what they expect to be there.
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any

import voucherify
from voucherify import api

from tests.acceptance.process import Server

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """A raw answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Plain:
    """HTTP without a client library: what is sent is exactly what is said here."""

    def __init__(self, server: Server, keys: dict[str, str]) -> None:
        self._port = server.port
        self._keys = keys

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Send these bytes, as JSON. `headers` come over the keys; a value of "" leaves that header out."""
        all_headers = self._keys | ({"Content-Type": "application/json"} if body is not None else {}) | (headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {name: value for name, value in all_headers.items() if value})
            response = connection.getresponse()
            read = response.read()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, read)
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send `body` as JSON, or nothing when it is None. Underscores in header names stand for hyphens."""
        encoded = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self.send(method, path, encoded, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str) -> Any:
        """The parsed answer to a GET that must succeed."""
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.json


class Client(Plain):
    """A shop's view: the API with the project's application key."""

    def __init__(self, server: Server) -> None:
        keys = {"X-App-Id": server.app_id, "X-App-Token": server.app_token}
        super().__init__(server, keys)
        self._connection = voucherify.ApiClient(voucherify.Configuration(host=server.url, api_key=keys))
        self.async_actions: Any = api.AsyncActionsApi(self._connection)
        self.campaigns: Any = api.CampaignsApi(self._connection)
        self.categories: Any = api.CategoriesApi(self._connection)
        self.customers: Any = api.CustomersApi(self._connection)
        self.exports: Any = api.ExportsApi(self._connection)
        self.loyalties: Any = api.LoyaltiesApi(self._connection)
        self.metadata_schemas: Any = api.MetadataSchemasApi(self._connection)
        self.orders: Any = api.OrdersApi(self._connection)
        self.product_collections: Any = api.ProductCollectionsApi(self._connection)
        self.products: Any = api.ProductsApi(self._connection)
        self.publications: Any = api.PublicationsApi(self._connection)
        self.vouchers: Any = api.VouchersApi(self._connection)

    def close(self) -> None:
        """Give the connections back."""
        self._connection.rest_client.pool_manager.clear()


class Management(Plain):
    """An administrator's view: the management API, and the test clock of the project."""

    def __init__(self, server: Server) -> None:
        keys = {"X-Management-Id": server.management_id, "X-Management-Token": server.management_token}
        super().__init__(server, keys)
        self._connection = voucherify.ApiClient(voucherify.Configuration(host=server.url, api_key=keys))
        self.api: Any = api.ManagementApi(self._connection)
        self.project_id = server.project_id

    @property
    def path(self) -> str:
        """The path of the project."""
        return f"/management/v1/projects/{self.project_id}"

    def set_clock(self, now: str) -> None:
        """Move the project's test clock forward to this instant."""
        answer = self.ask("POST", f"{self.path}/test-clock", {"now": now})
        assert answer.status == 200, (now, answer)

    def subscribe(self, url: str, events: list[str]) -> str:
        """Have these events sent to `url`; give the webhook's id."""
        answer = self.ask("POST", f"{self.path}/webhooks", {"target_url": url, "events": events})
        assert answer.status == 200, answer
        webhook_id: str = answer.json["id"]
        return webhook_id

    def unsubscribe(self, webhook_id: str) -> None:
        """Delete a webhook."""
        assert self.ask("DELETE", f"{self.path}/webhooks/{webhook_id}").status == 204

    def close(self) -> None:
        """Give the connections back."""
        self._connection.rest_client.pool_manager.clear()
