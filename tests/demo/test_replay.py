"""Posting the orders: what is posted, in which order, and when the clock moves."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from tallybook.demo.client import AT_ONCE, Client
from tallybook.demo.options import DemoError
from tallybook.demo.purchases import Purchase, parse
from tallybook.demo.replay import days_of, opening, order_body, replay
from tests.demo.conftest import OpenShop, Shop

CLOCK = "POST /management/v1/projects/proj_1/test-clock"
ORDER = "POST /v1/orders"


def purchases_of_days(days: int, customers: int, each: int) -> list[Purchase]:
    """Every customer buys `each` times on every day."""
    lines = [
        f"{customer} 199701{day + 1:02} 1 {customer}.00"
        for day in range(days)
        for customer in range(customers)
        for _ in range(each)
    ]
    return parse(lines)


async def replayed(open_shop: OpenShop, purchases: list[Purchase], refuse: str | None = None) -> Shop:
    """The small server after the replay; whatever the replay raised is kept in its log."""
    async with open_shop() as shop:
        shop.refuse_order = refuse
        async with Client(shop.connection) as client:
            try:
                await replay(client, purchases, lambda: None)
            except DemoError as error:
                shop.log.append(("stopped", str(error)))
    return shop


def test_an_order_tells_quantity_and_amount() -> None:
    """The line's number is the order's source id; quantity and amount are as bought, and no price is made up."""
    purchase = Purchase(line=70, customer="00002", bought_on=date(1997, 1, 12), cds=5, cents=7700)
    assert order_body(purchase) == {
        "source_id": "70",
        "status": "PAID",
        "customer": {"source_id": "cdnow-00002"},
        "amount": 7700,
        "items": [{"source_id": "cd", "related_object": "product", "quantity": 5, "amount": 7700}],
    }


def test_the_clock_opens_before_the_first_noon() -> None:
    """The clock starts at the beginning of the first day, 28 years later, and every move of the replay is later than that."""
    purchase = Purchase(line=1, customer="1", bought_on=date(1997, 1, 12), cds=1, cents=1)
    assert opening(purchase) == datetime(2025, 1, 12, tzinfo=UTC)


def test_days_hold_each_customer_in_order() -> None:
    """A day lists its customers in the order they first bought, each with the purchases in the order of the lines."""
    purchases = parse(["2 19970103 1 1.00", "1 19970103 1 1.00", "2 19970103 1 1.00", "1 19970105 1 1.00"])
    days = [(day, [[one.line for one in chain] for chain in chains]) for day, chains in days_of(purchases)]
    assert days == [(date(2025, 1, 3), [[1, 3], [2]]), (date(2025, 1, 5), [[4]])]


def test_the_clock_moves_only_between_days(open_shop: OpenShop) -> None:
    """Each day is one move of the clock to its noon, made when all orders of the day before are answered."""
    purchases = purchases_of_days(days=3, customers=40, each=2)
    log = asyncio.run(replayed(open_shop, purchases)).log
    moves = [place for place, (what, _) in enumerate(log) if what == CLOCK]
    assert [log[place][1] for place in moves] == [{"now": f"2025-01-0{day}T12:00:00.000Z"} for day in (1, 2, 3)]
    for day, (start, end) in enumerate(zip(moves, [*moves[1:], len(log)], strict=True)):
        lines = {str(one.line) for one in purchases[day * 80 : day * 80 + 80]}
        assert {body["source_id"] for what, body in log[start:end] if what == ORDER} == lines
        assert {body for what, body in log[start:end] if what == "answered"} == lines


def test_orders_of_one_customer_wait_for_each_other(open_shop: OpenShop) -> None:
    """A customer's next order is posted when the one before is answered, while other customers' orders are under way."""
    log = asyncio.run(replayed(open_shop, purchases_of_days(days=1, customers=40, each=3))).log
    customers = {body["source_id"]: body["customer"]["source_id"] for what, body in log if what == ORDER}
    under_way: dict[str, str] = {}
    posted: dict[str, list[int]] = {}
    most = 0
    for what, body in log:
        if what == ORDER:
            assert customers[body["source_id"]] not in under_way
            under_way[customers[body["source_id"]]] = body["source_id"]
            posted.setdefault(customers[body["source_id"]], []).append(int(body["source_id"]))
            most = max(most, len(under_way))
        elif what == "answered":
            del under_way[customers[body]]
    assert posted == {f"cdnow-{number}": [3 * number + 1, 3 * number + 2, 3 * number + 3] for number in range(40)}
    assert 1 < most <= AT_ONCE


def test_a_refusal_stops_the_replay_in_the_words_of_the_server(open_shop: OpenShop) -> None:
    """The first answer that is not 2xx ends the replay; no later day is begun."""
    log = asyncio.run(replayed(open_shop, purchases_of_days(days=3, customers=5, each=1), refuse="8")).log
    refusal = '{"code": 400, "key": "invalid_payload", "details": "no such luck"}'
    assert log[-1] == ("stopped", f"POST /v1/orders was answered 400: {refusal}")
    assert [body["now"][:10] for what, body in log if what == CLOCK] == ["2025-01-01", "2025-01-02"]


def test_a_server_that_is_not_there_is_said_plainly(open_shop: OpenShop) -> None:
    """When nothing listens at the base URL, the demo says so instead of showing a traceback."""

    async def knock() -> None:
        async with open_shop() as shop:
            pass
        async with Client(shop.connection) as client:
            await client.get("/v1/vouchers/x")

    with pytest.raises(DemoError, match=r"^GET /v1/vouchers/x: no answer from http://127\.0\.0\.1:"):
        asyncio.run(knock())
