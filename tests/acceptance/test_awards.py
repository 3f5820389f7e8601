"""Points for orders: at once, once, and only where a programme is open."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.official import Client
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop, per_amount


@pytest.fixture
def card(shop: Shop) -> Any:
    """The card of a member of a programme that gives 10 points for an order."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    return shop.join(campaign.id)


def test_points_are_there_when_the_order_is_answered(shop: Shop) -> None:
    """The answer to a paid order comes after its points, tier and ledger row (decision 27)."""
    campaign = shop.programme()
    shop.rule(campaign.id, per_amount(100, 1))
    shop.tiers(campaign.id, {"name": "Silver", "points": {"from": 5}})
    card = shop.join(campaign.id)
    for number in range(1, 11):
        shop.pay(card.holder_id, 100)
        assert shop.card(card.code)["loyalty_card"] == {"points": number, "balance": number}
        assert len(shop.transactions(card.code)) == number
        tiers = shop.client.get(f"/v1/loyalties/members/{card.code}/tiers")["data"]
        assert [tier["name"] for tier in tiers] == (["Silver"] if number >= 5 else [])


def _same_again(shop: Shop, order: Any, card: Any) -> None:
    for _ in range(2):
        again = shop.order(source_id=order.source_id, status="PAID", amount=order.amount, customer={"id": card.holder_id})
        assert again.id == order.id


def _states(shop: Shop, order: Any, *statuses: str) -> None:
    for status in statuses:
        assert shop.update_order(order.id, status=status).status == status


def _larger(shop: Shop, order: Any) -> None:
    shop.update_order(order.id, status="CREATED", amount=order.amount * 2)
    shop.update_order(order.id, status="PAID")


Replay = Callable[[Shop, Any, Any], None]

REPLAYS: dict[str, Replay] = {
    "the same request again": _same_again,
    "paid again by PUT": lambda shop, order, _: _states(shop, order, "PAID"),
    "back and paid again": lambda shop, order, _: _states(shop, order, "CREATED", "PAID"),
    "canceled and paid again": lambda shop, order, _: _states(shop, order, "CANCELED", "PAID"),
    "fulfilled and paid again": lambda shop, order, _: _states(shop, order, "FULFILLED", "PAID"),
    "paid again with a larger amount": lambda shop, order, _: _larger(shop, order),
}


@pytest.mark.parametrize("replay", REPLAYS.values(), ids=REPLAYS.keys())
def test_an_order_is_awarded_once(shop: Shop, card: Any, replay: Replay) -> None:
    """However often an order is paid, each rule gives once for it (decision 6)."""
    order = shop.pay(card.holder_id)
    replay(shop, order, card)
    assert [row["details"]["balance"]["points"] for row in shop.transactions(card.code)] == [10]
    assert shop.points(card.code) == 10


def test_an_order_is_awarded_once_even_to_another_customer(shop: Shop, card: Any) -> None:
    """Handing a paid order to another member gives that member nothing (decision 6)."""
    order = shop.pay(card.holder_id)
    other = shop.join(card.campaign_id)
    shop.update_order(order.id, status="CREATED", customer={"id": other.holder_id})
    changed = shop.update_order(order.id, status="PAID")
    assert changed.customer_id == other.holder_id
    assert (shop.points(card.code), shop.points(other.code)) == (10, 0)


def test_the_same_order_at_the_same_time(server: Server, shop: Shop, card: Any) -> None:
    """Eight equal requests at once make one order and one award, and each is answered with it (decision 6)."""
    body = {"source_id": shop.name("order"), "status": "PAID", "amount": 100, "customer": {"id": card.holder_id}}
    clients = [Client(server) for _ in range(8)]
    with ThreadPoolExecutor(len(clients)) as threads:
        answers = list(threads.map(lambda client: client.ask("POST", "/v1/orders", body), clients))
    for client in clients:
        client.close()
    assert [answer.status for answer in answers] == [200] * len(clients)
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(shop.transactions(card.code)) == 1


def test_orders_of_one_customer_at_the_same_time(server: Server, shop: Shop, card: Any) -> None:
    """Thirty orders from six connections at once all count, and the ledger is one line of balances."""
    clients = [Client(server) for _ in range(6)]
    bodies = [
        {"source_id": shop.name("order"), "status": "PAID", "amount": 1, "customer": {"id": card.holder_id}} for _ in range(30)
    ]

    def send(number: int) -> int:
        return clients[number % 6].ask("POST", "/v1/orders", bodies[number]).status

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(send, range(30))) == [200] * 30
    for client in clients:
        client.close()
    rows = [row["details"]["balance"]["balance"] for row in shop.transactions(card.code)]
    assert rows == list(range(10, 301, 10))


def test_a_rule_that_comes_later_gives_for_an_order_that_is_paid_again(shop: Shop, card: Any) -> None:
    """The limit is one award for each order and rule; a rule that had not given yet may (decision 6)."""
    order = shop.pay(card.holder_id)
    shop.rule(card.campaign_id, {"type": "FIXED", "points": 1})
    _states(shop, order, "CREATED", "PAID")
    assert [row["details"]["balance"]["points"] for row in shop.transactions(card.code)] == [10, 1]


def test_a_rule_that_gave_nothing_may_give_later(shop: Shop) -> None:
    """Zero points do not use up the award (decision 37)."""
    campaign = shop.programme()
    shop.rule(campaign.id, per_amount(1000, 1))
    card = shop.join(campaign.id)
    order = shop.pay(card.holder_id, 999)
    assert shop.transactions(card.code) == []
    shop.update_order(order.id, status="CREATED", amount=1000)
    shop.update_order(order.id, status="PAID")
    assert shop.points(card.code) == 1


@pytest.mark.parametrize("status", ["CREATED", "FULFILLED", "CANCELED"])
def test_only_paid_orders_earn(shop: Shop, card: Any, status: str) -> None:
    """Points are for an order that becomes PAID (semantics §9)."""
    shop.pay(card.holder_id, status=status)
    assert shop.points(card.code) == 0


def test_a_canceled_order_keeps_its_points(shop: Shop, card: Any) -> None:
    """Nothing is taken back unless the programme asks for it (decision 7)."""
    order = shop.pay(card.holder_id)
    shop.update_order(order.id, status="CANCELED")
    assert shop.card(card.code)["loyalty_card"] == {"points": 10, "balance": 10}
    assert len(shop.transactions(card.code)) == 1


def test_an_order_without_a_customer_earns_nothing(shop: Shop, card: Any) -> None:
    """It is stored; paid later for a customer, it earns (decision 42)."""
    order = shop.order(status="PAID", amount=100)
    assert (order.status, order.customer_id) == ("PAID", None)
    shop.update_order(order.id, status="CREATED", customer={"id": card.holder_id})
    shop.update_order(order.id, status="PAID")
    assert shop.points(card.code) == 10


def test_a_programme_that_is_off_is_skipped(client: Client, shop: Shop, card: Any) -> None:
    """The order succeeds and the programme gives nothing; on again, it gives for the next order (decision 23)."""
    client.campaigns.disable_campaign(card.campaign_id)
    assert shop.pay(card.holder_id).status == "PAID"
    assert shop.transactions(card.code) == []
    client.campaigns.enable_campaign(card.campaign_id)
    shop.pay(card.holder_id)
    assert shop.points(card.code) == 10


def test_auto_join_gives_a_card_with_the_first_order(client: Client, shop: Shop) -> None:
    """Who is no member becomes one by the order that earns, once; the order gives its points (decision 17)."""
    campaign = shop.programme(auto_join=True)
    shop.rule(campaign.id, FIXED_TEN)
    customer = shop.customer()
    shop.order(status="CREATED", amount=100, customer={"id": customer.id})
    assert client.get(f"/v1/loyalties/{campaign.id}/members")["total"] == 0
    shop.pay(customer.id)
    shop.pay(customer.id)
    (card,) = client.get(f"/v1/loyalties/{campaign.id}/members")["vouchers"]
    assert (card["holder_id"], card["loyalty_card"]) == (customer.id, {"points": 20, "balance": 20})


def test_without_auto_join_nobody_becomes_a_member(client: Client, shop: Shop) -> None:
    """A programme that does not auto-join gives only to its members."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    shop.pay(shop.customer().id)
    assert client.get(f"/v1/loyalties/{campaign.id}/members")["total"] == 0


def test_a_changed_rule_gives_from_the_next_order(client: Client, shop: Shop, card: Any) -> None:
    """A rule's change is for what comes after it, and a deleted rule gives no more."""
    (rule,) = client.get(f"/v1/loyalties/{card.campaign_id}/earning-rules")["data"]
    shop.pay(card.holder_id)
    changed = {"loyalty": {"type": "FIXED", "points": 3}}
    assert client.ask("PUT", f"/v1/loyalties/{card.campaign_id}/earning-rules/{rule['id']}", changed).status == 200
    shop.pay(card.holder_id)
    client.loyalties.delete_earning_rule(card.campaign_id, rule["id"])
    shop.pay(card.holder_id)
    assert [row["details"]["balance"]["points"] for row in shop.transactions(card.code)] == [10, 3]
