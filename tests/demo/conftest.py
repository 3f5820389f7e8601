"""A small server of the demo's side of the contract: it records requests, and sends signed webhooks for orders."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from tallybook.demo import Connection
from tallybook.demo.receiver import sign

SECRET = "whsec-test"


class Shop:
    """What the server was asked, in order: (what, body) when a request arrives, ("answered", source id) when it is done."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Any]] = []
        self.refuse_order: str | None = None
        self.secret = SECRET
        self.connection: Connection
        self._target = ""
        self._balances: dict[str, int] = {}
        self._sent = 0
        self._sending: list[asyncio.Task[None]] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer any request of the demo."""
        body = msgspec.json.decode(await request.read() or b"null")
        what = request.path.rsplit("/", 1)[-1]
        self.log.append((f"{request.method} {request.path}", body))
        if what == "orders":
            return await self._order(body)
        if what == "webhooks":
            self._target = body["target_url"]
        answers = {
            "webhooks": {"id": "wh_1"},
            "loyalties": {"id": "camp_1"},
            "earning-rules": [{"id": "ern_1"}, {"id": "ern_2"}],
            "tiers": [] if request.method == "POST" else {"data": [{"name": "Collector"}]},
        }
        card = {"code": what, "loyalty_card": {"balance": self._balances.get(what.removeprefix("CD-"), 0)}}
        return web.json_response(answers.get(what, card), headers={"X-Management-Id": request.headers.get("X-Management-Id", "")})

    async def settled(self) -> None:
        """Return when every webhook has been answered."""
        await asyncio.gather(*self._sending)

    async def _order(self, body: Any) -> web.Response:
        if body["source_id"] == self.refuse_order:
            return web.json_response({"code": 400, "key": "invalid_payload", "details": "no such luck"}, status=400)
        if self._target:
            self._sending.append(asyncio.create_task(self._send_events(body)))
        await asyncio.sleep(0)  # lets the other requests in, as a server that waits for its disk does
        self.log.append(("answered", body["source_id"]))
        return web.json_response({"object": "order"})

    async def _send_events(self, order: Any) -> None:
        customer = order["customer"]["source_id"]
        holder = {"id": f"cust_{customer}", "source_id": customer}
        events: list[tuple[str, Any]] = [("customer.order.created", {}), ("customer.order.paid", {})]
        if customer not in self._balances:
            tier = {"customer": holder, "loyalty_tier": {"name": "Collector"}}
            events += [("customer.created", {}), ("voucher.published", {}), ("customer.loyalty.tier.joined", tier)]
        for points in (order["amount"] // 100, 2 * order["items"][0]["quantity"]):
            if points:
                self._balances[customer] = balance = self._balances.get(customer, 0) + points
                voucher = {"code": f"CD-{customer}", "loyalty_card": {"points": balance, "balance": balance}}
                transaction = {"id": f"vtx_{len(self.log):09}{balance:09}"}
                created = {"transaction": transaction, "voucher": voucher, "holder": holder, "balance": {"points": points}}
                events += [("voucher.loyalty_card.transaction.created", created), ("customer.rewarded.loyalty_points", {})]
        async with aiohttp.ClientSession() as session:
            for name, facts in events:
                self._sent += 1
                ids = {"id": f"whs_{self._sent:018x}", "event": {"id": f"evcus_{self._sent:018x}"}}
                body = msgspec.json.encode({**ids, "type": name, "data": facts})
                async with session.post(self._target, data=body, headers={"x-voucherify-signature": sign(self.secret, body)}):
                    pass


OpenShop = Callable[[], AbstractAsyncContextManager[Shop]]


@asynccontextmanager
async def _open_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    runner = web.ServerRunner(web.Server(shop.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    shop.connection = Connection(
        base_url=f"http://{host}:{port}",
        project_id="proj_1",
        app_id="app",
        app_token="token",
        management_id="manager",
        management_token="manager-token",
        webhook_secret=SECRET,
    )
    try:
        yield shop
        await shop.settled()
    finally:
        await runner.cleanup()


@pytest.fixture
def open_shop() -> OpenShop:
    """Opens the small server on a free port of this machine."""
    return _open_shop
