"""Orders as REST and as card events show them."""

import msgspec

from tallybook.domain.records import Order, OrderItem
from tallybook.wire.json import Object, encode
from tallybook.wire.orders import order_calculated, order_full, order_simple
from tests.wire.scenes import JACK, JACKS_ORDER, JOHN, PROJECT, at

LINE = OrderItem(
    id="ordli_1",
    source_id="s1",
    related_object="sku",
    product_id="prod_1",
    sku_id="sku_1",
    quantity=2,
    initial_quantity=1,
    amount=3400,
    discount_amount=400,
    price=1700,
    subtotal_amount=3000,
    product={"id": "prod_1", "name": "Comic"},
    sku={"id": "sku_1", "sku": "First"},
    metadata={"gift": True},
)


def order(**changes: object) -> Order:
    """An order of one line."""
    items = msgspec.json.encode([LINE]).decode()
    plain = Order(id="ord_1", project_id=PROJECT, customer_id=JOHN.id, items=items, created_at=at("2024-01-01T00:00:00.001"))
    return msgspec.structs.replace(plain, **changes)


def shown(value: Object) -> Object:
    """The object as a client reads it."""
    decoded: Object = msgspec.json.decode(encode(value))
    return decoded


def test_rest_order() -> None:
    """REST names customer and referrer by id, shows lines with their products and no ids, and empty metadata as an object."""
    assert shown(order_full(order(referrer_id=JACK.id, amount=3400, total_amount=3000, items_discount_amount=400))) == {
        "id": "ord_1",
        "source_id": None,
        "created_at": "2024-01-01T00:00:00.001Z",
        "updated_at": None,
        "status": "CREATED",
        "amount": 3400,
        "items_discount_amount": 400,
        "total_amount": 3000,
        "items": [
            {
                "object": "order_item",
                "source_id": "s1",
                "related_object": "sku",
                "product_id": "prod_1",
                "sku_id": "sku_1",
                "quantity": 2,
                "initial_quantity": 1,
                "amount": 3400,
                "discount_amount": 400,
                "price": 1700,
                "subtotal_amount": 3000,
                "product": {"id": "prod_1", "name": "Comic"},
                "sku": {"id": "sku_1", "sku": "First"},
                "metadata": {"gift": True},
            },
        ],
        "metadata": {},
        "customer": {"id": JOHN.id, "object": "customer"},
        "referrer": {"id": JACK.id, "object": "customer"},
        "customer_id": JOHN.id,
        "referrer_id": JACK.id,
        "object": "order",
    }


def test_order_without_customer() -> None:
    """An order of nobody has a null customer (decision 42)."""
    full = order_full(order(customer_id=None))
    assert (full["customer"], full["customer_id"]) == (None, None)


def test_simple_order() -> None:
    """A card event shows line ids and no products; an order without metadata has no such key (seed 001, decision 46)."""
    simple = shown(order_simple(order(status="PAID", total_amount=0)))
    assert list(simple) == [
        *["id", "source_id", "status", "customer_id", "referrer_id", "total_amount", "items", "created_at", "object"],
    ]
    assert simple["items"][0]["id"] == "ordli_1"
    assert {"product", "sku"} & set(simple["items"][0]) == set()


def test_simple_order_that_was_changed() -> None:
    """A changed order says when, after `created_at`."""
    assert list(order_simple(order(updated_at=at("2024-01-02T00:00:00.000"))))[-3:] == ["created_at", "updated_at", "object"]


def test_discounts_of_nothing_are_not_shown() -> None:
    """An amount of zero is shown, a discount of zero is not."""
    nothing = order(
        amount=0, initial_amount=0, discount_amount=0, items_discount_amount=0, total_discount_amount=0, total_amount=0
    )
    amounts = {key: value for key, value in order_full(nothing).items() if "amount" in key}
    assert amounts == {"amount": 0, "initial_amount": 0, "total_amount": 0}


def test_calculated_order_without_metadata() -> None:
    """A calculated order without metadata has no such key; with redemptions it ends with them."""
    assert "metadata" not in order_calculated(order())
    assert list(order_calculated(JACKS_ORDER))[-2:] == ["object", "redemptions"]


def test_lines_pass_through() -> None:
    """Products keep their bytes, numbers and key order included."""
    line = '{"product":{"price":1.50,"b":1,"a":"\\u0041"},"metadata":{"2":0,"1":1e3},"quantity":1}'
    bytes_shown = encode(order_full(order(items=f"[{line}]")))
    assert b'"product":{"price":1.50,"b":1,"a":"\\u0041"}' in bytes_shown
    assert b'"metadata":{"2":0,"1":1e3}' in bytes_shown
