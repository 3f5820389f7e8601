"""A small server of the demo's side of the contract: it records requests, and sends signed webhooks for orders."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from tallybook.demo.options import Connection
from tallybook.demo.programme import LATE_POINTS, WAIT
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
        self._today = date.min
        self._balances: dict[str, int] = {}
        self._waiting: list[tuple[date, str]] = []
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
        if what == "test-clock":
            self._move_clock(date.fromisoformat(body["now"][:10]))
        answers = {
            "webhooks": {"id": "wh_1"},
            "loyalties": {"id": "camp_1"},
            "earning-rules": [{"id": "ern_1"}, {"id": "ern_2"}],
            "tiers": [] if request.method == "POST" else {"data": [{"name": "Collector"}]},
        }
        card = self._card(what.removeprefix("CD-"))
        return web.json_response(answers.get(what, card), headers={"X-Management-Id": request.headers.get("X-Management-Id", "")})

    async def settled(self) -> None:
        """Return when every webhook has been answered."""
        await asyncio.gather(*self._sending)

    async def _order(self, body: Any) -> web.Response:
        if body["source_id"] == self.refuse_order:
            return web.json_response({"code": 400, "key": "invalid_payload", "details": "no such luck"}, status=400)
        if self._target:
            self._send(self._events(body))
        await asyncio.sleep(0)  # lets the other requests in, as a server that waits for its disk does
        self.log.append(("answered", body["source_id"]))
        return web.json_response({"object": "order"})

    def _move_clock(self, today: date) -> None:
        self._today = today
        due = [customer for day, customer in self._waiting if day <= today]
        self._waiting = [one for one in self._waiting if one[0] > today]
        self._send([event for customer in due for event in self._activated(customer)])

    def _card(self, customer: str) -> Any:
        waiting = sum(LATE_POINTS for _, one in self._waiting if one == customer)
        balance = self._balances.get(customer, 0)
        points = {"points": balance, "balance": balance, **({"pending_points": waiting} if waiting else {})}
        return {"code": f"CD-{customer}", "loyalty_card": points}

    def _credit(self, customer: str, points: int) -> Any:
        self._balances[customer] = self._balances.get(customer, 0) + points
        transaction = {"id": f"vtx_{len(self.log):09}{self._balances[customer]:09}"}
        return {"transaction": transaction, "voucher": self._card(customer), "balance": {"points": points}}

    def _activated(self, customer: str) -> list[tuple[str, Any]]:
        holder = {"id": f"cust_{customer}", "source_id": customer}
        facts = {**self._credit(customer, LATE_POINTS), "customer": holder, "pending_points": {"points": LATE_POINTS}}
        name = "voucher.loyalty_card.pending_points.activated"
        return [(name, facts), (f"customer.{name}", facts), ("customer.rewarded.loyalty_points", {})]

    def _events(self, order: Any) -> list[tuple[str, Any]]:
        customer = order["customer"]["source_id"]
        holder = {"id": f"cust_{customer}", "source_id": customer}
        events: list[tuple[str, Any]] = [("customer.order.created", {}), ("customer.order.paid", {})]
        if customer not in self._balances:
            tier = {"customer": holder, "loyalty_tier": {"name": "Collector"}}
            events += [("customer.created", {}), ("voucher.published", {}), ("customer.loyalty.tier.joined", tier)]
        for points in (order["amount"] // 100, 2 * order["items"][0]["quantity"]):
            if points:
                created = {**self._credit(customer, points), "holder": holder}
                events += [("voucher.loyalty_card.transaction.created", created), ("customer.rewarded.loyalty_points", {})]
        self._waiting.append((self._today + WAIT, customer))
        added = {"voucher": self._card(customer), "pending_points": {"points": LATE_POINTS}}
        name = "voucher.loyalty_card.pending_points.added"
        return [*events, (name, added), (f"customer.{name}", added)]

    def _send(self, events: list[tuple[str, Any]]) -> None:
        self._sending.append(asyncio.create_task(self._post(events)))

    async def _post(self, events: list[tuple[str, Any]]) -> None:
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
