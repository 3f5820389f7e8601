"""Orders through the official client: stored, computed, changed, listed."""

from datetime import UTC, datetime
from typing import Any

import pytest
import voucherify
from voucherify.exceptions import NotFoundException

from tests.acceptance.comparer import compare
from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.acceptance.stories import Subscribe

ITEMS = [
    {"source_id": "prod_1", "related_object": "product", "quantity": 2, "price": 60000},
    {"product_id": "prod_5h1pp1ng", "quantity": 1, "price": 0, "product": {"id": "prod_5h1pp1ng", "name": "Shipping"}},
    {
        "source_id": "sku_1",
        "related_object": "sku",
        "quantity": 1,
        "price": 1700,
        "discount_amount": 200,
        "metadata": {"size": "M"},
    },
]


def test_an_order_is_answered_with_its_computed_amounts(client: Client, shop: Shop) -> None:
    """Items, sums and discounts as the calculation table says (semantics §9); amounts are cents."""
    customer = shop.customer()
    body = {
        "source_id": shop.name("order"),
        "status": "CREATED",
        "discount_amount": 1000,
        "customer": {"id": customer.id},
        "items": ITEMS,
        "metadata": {"location_id": ["L1", "L2"]},
    }
    answer = client.ask("POST", "/v1/orders", body)
    assert answer.status == 200
    order = answer.json
    wanted = {
        "id": "ord_0f1ad36a828d1c7c5f",
        "source_id": body["source_id"],
        "status": "CREATED",
        "customer_id": customer.id,
        "referrer_id": None,
        "amount": 121700,
        "discount_amount": 1000,
        "items_discount_amount": 200,
        "total_discount_amount": 1200,
        "total_amount": 120500,
        "metadata": {"location_id": ["L1", "L2"]},
        "created_at": "2024-07-24T10:51:29.669Z",
        "object": "order",
    }
    assert compare(wanted, {key: order.get(key, "missing") for key in wanted}) == []
    assert order["customer"] == {"id": customer.id, "object": "customer"} | order["customer"]
    computed: list[dict[str, Any]] = [
        {"amount": 120000, "subtotal_amount": 120000},
        {"amount": 0, "subtotal_amount": 0},
        {"amount": 1700, "subtotal_amount": 1500},
    ]
    for item, sent, sums in zip(order["items"], ITEMS, computed, strict=True):
        assert {key: item[key] for key in sent | sums} == sent | sums
        assert item["object"] == "order_item"
    typed = client.orders.get_order(order["id"])
    assert (typed.total_amount, [item.subtotal_amount for item in typed.items]) == (120500, [120000, 0, 1500])


@pytest.mark.parametrize(
    ("sent", "amounts"),
    [
        ({"amount": 500}, {"amount": 500, "total_amount": 500}),
        ({"amount": 5500, "items": [{"price": 5000, "quantity": 1}]}, {"amount": 5500, "total_amount": 5500}),
        ({"items": [{"price": 333, "quantity": 3}, {"amount": 1, "quantity": 1}]}, {"amount": 1000, "total_amount": 1000}),
        ({"items": [{"quantity": 2, "source_id": "no-price"}]}, {}),
        (
            {"amount": 900, "discount_amount": 900},
            {"amount": 900, "discount_amount": 900, "total_discount_amount": 900, "total_amount": 0},
        ),
        (
            {"items": [{"price": 100, "quantity": 2, "discount_amount": 30}]},
            {"amount": 200, "items_discount_amount": 30, "total_discount_amount": 30, "total_amount": 170},
        ),
    ],
)
def test_amounts_are_computed_and_left_out(client: Client, shop: Shop, sent: dict[str, Any], amounts: dict[str, int]) -> None:
    """A sum that was sent is kept, one that was not is computed, and discounts that are not there are left out (§9)."""
    order = client.ask("POST", "/v1/orders", sent | {"source_id": shop.name("order")}).json
    keys = ("amount", "discount_amount", "items_discount_amount", "total_discount_amount", "total_amount")
    came = {key: order[key] for key in keys if key in order}
    assert {key: value for key, value in came.items() if value} == {key: value for key, value in amounts.items() if value}
    assert {key for key in amounts if "discount" not in key} <= came.keys()
    assert {key for key in came if "discount" in key} == {key for key in amounts if "discount" in key}


def test_a_known_order_is_written_over(client: Client, shop: Shop) -> None:
    """POST is an upsert on id and source id; PUT changes only what it has, by either of them (semantics §9)."""
    first = shop.order(source_id=shop.name("order"), amount=100, metadata={"a": 1})
    by_source = shop.order(source_id=first.source_id, amount=200)
    by_id = shop.order(id=first.id, amount=300)
    put = shop.update_order(first.source_id, status="PAID")
    assert {by_source.id, by_id.id, put.id} == {first.id}
    assert (by_source.amount, by_id.amount, put.amount, put.status) == (200, 300, 300, "PAID")
    assert put.metadata == {"a": 1}
    assert (first.status, first.updated_at) == ("CREATED", None)
    assert put.updated_at > first.created_at
    assert client.orders.get_order(first.source_id).to_dict() == client.orders.get_order(first.id).to_dict()


def test_the_customer_of_an_order(client: Client, shop: Shop) -> None:
    """A customer comes by id, by source id, or whole and unknown; an order may have none (semantics §9, decision 42)."""
    known = shop.customer(name="Known")
    assert shop.order(amount=1, customer={"id": known.id}).customer_id == known.id
    assert shop.order(amount=1, customer={"source_id": known.source_id}).customer_id == known.id
    source_id = shop.name("inline")
    made = shop.order(amount=1, customer={"source_id": source_id, "name": "Inline", "metadata": {"vip": True}})
    inline = client.customers.get_customer(source_id)
    assert (inline.id, inline.name, inline.metadata) == (made.customer_id, "Inline", {"vip": True})
    assert shop.order(amount=1).customer_id is None


def test_statuses(client: Client, shop: Shop) -> None:
    """An order begins CREATED, and goes to any of the four states (decision 44)."""
    order = shop.order(amount=100)
    came = [order.status]
    came += [shop.update_order(order.id, status=status).status for status in ("PAID", "FULFILLED", "CANCELED", "CREATED", "PAID")]
    assert came == ["CREATED", "PAID", "FULFILLED", "CANCELED", "CREATED", "PAID"]
    assert client.ask("PUT", f"/v1/orders/{order.id}", {"status": "LOST"}).status == 400


def test_orders_are_listed_oldest_first(client: Client, shop: Shop) -> None:
    """GET /v1/orders begins with the oldest, has its envelope, and pages (semantics §9)."""
    made = [shop.order(amount=number).id for number in (1, 2, 3)]
    raw = client.get("/v1/orders?limit=2")
    assert (raw["object"], raw["data_ref"], len(raw["orders"])) == ("list", "orders", 2)
    instants = [order["created_at"] for order in raw["orders"]]
    assert instants == sorted(instants)
    total = raw["total"]
    newest = client.orders.list_orders(limit=3, order="-created_at")
    assert [order.id for order in newest.orders] == made[::-1]
    last = client.orders.list_orders(limit=1, page=total)
    assert [order.id for order in last.orders] == made[-1:]


def test_an_update_that_changes_nothing_changes_nothing(client: Client, shop: Shop, subscribed: Subscribe) -> None:
    """The same order again writes nothing: no `updated_at`, no event (decision 43)."""
    customer = shop.customer()
    body = {"source_id": shop.name("order"), "amount": 100, "customer": {"id": customer.id}, "metadata": {"b": 1, "a": 2}}
    order = shop.order(**body)
    inbox = subscribed("customer.order.updated")
    again = shop.order(**(body | {"metadata": {"a": 2, "b": 1}}))
    put = client.orders.update_order(order.id, voucherify.OrdersUpdateRequestBody(status="CREATED", amount=100))
    assert (again.updated_at, put.updated_at) == (None, None)
    shop.update_order(order.id, amount=101)
    assert [delivery.data["order"]["amount"] for delivery in inbox.wait(1)] == [101]


def test_a_date_in_the_body_is_shown_and_decides_nothing(shop: Shop) -> None:
    """`created_at` of a request is stored and shown, and no rule looks at it (decision 44)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN, expiration_date=datetime(2020, 1, 1, tzinfo=UTC))
    card = shop.join(campaign.id)
    order = shop.pay(card.holder_id, created_at=datetime(2019, 1, 1, tzinfo=UTC))
    assert order.created_at == datetime(2019, 1, 1, tzinfo=UTC)
    assert shop.points(card.code) == 0


def test_an_unknown_order_is_not_found(client: Client) -> None:
    """GET of an order that is not there is the 404 of the official client."""
    with pytest.raises(NotFoundException):
        client.orders.get_order("ord_nIcO2s8iD4Xh5E9IGDQ57Ax")
