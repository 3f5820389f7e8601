"""/v1/orders"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.domain.refusals import NotFound
from tallybook.store import queries
from tallybook.usecases.put_order import OrderFields, OrderView, PutOrder
from tallybook.wire import lists
from tallybook.wire.orders import order_full

ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at")


def _shown(view: OrderView) -> Any:
    return order_full(view.order)


def create_order(call: Call) -> Wish:
    """Store an order, new or known by id or source_id. Becoming PAID it earns points, there when this is answered."""
    return Wish(PutOrder(**call.wish, fields=call.body(OrderFields)), _shown)


def update_order(call: Call) -> Wish:
    """Change what is sent; the rest stays. Becoming PAID it earns points."""
    return Wish(PutOrder(**call.wish, key=call.path["orderId"], fields=call.body(OrderFields)), _shown)


def get_order(call: Call, look: Look) -> Any:
    """An order by id or source_id."""
    found = queries.get_order(look.connection, call.project_id, call.path["orderId"])
    if found is None:
        raise NotFound("order", call.path["orderId"])
    return order_full(found)


def list_orders(call: Call, look: Look) -> Any:
    """Orders, oldest first unless asked otherwise."""
    found, total = queries.list_orders(look.connection, call.project_id, part(call.query, ORDERS, "created_at"))
    return lists.page([order_full(one) for one in found], total, "orders")


ROUTES = [
    Route("POST", "/v1/orders", "Create order", write=create_order, takes=OrderFields),
    Route("GET", "/v1/orders", "List orders", read=list_orders, query=("limit", "page", "order")),
    Route("GET", "/v1/orders/{orderId}", "Get order", read=get_order),
    Route("PUT", "/v1/orders/{orderId}", "Update order", write=update_order, takes=OrderFields),
]
