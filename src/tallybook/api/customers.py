"""/v1/customers"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.domain.refusals import NotFound
from tallybook.store import queries
from tallybook.usecases.customers import CreateCustomer, CustomerFields, CustomerView, DeleteCustomer, UpdateCustomer
from tallybook.wire import door, lists
from tallybook.wire.customers import customer_full

ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at", "source_id", "-source_id")
LIST_QUERY = ("limit", "page", "order", "email", "name", "city", "created_at", "updated_at", "starting_after", "segment_id")


def _shown(view: CustomerView) -> Any:
    return customer_full(view.customer, view.summary)


def create_customer(call: Call) -> Wish:
    """Create a customer, or update the one with this source_id."""
    return Wish(CreateCustomer(**call.wish, fields=call.body(CustomerFields)), _shown)


def update_customer(call: Call) -> Wish:
    """Change what is sent; the rest stays."""
    return Wish(UpdateCustomer(**call.wish, key=call.path["customerId"], fields=call.body(CustomerFields)), _shown)


def delete_customer(call: Call) -> Wish:
    """Delete a customer; the cards are disabled and keep their ledger."""
    return Wish(DeleteCustomer(**call.wish, key=call.path["customerId"]))


def get_customer(call: Call, look: Look) -> Any:
    """A customer by id or source_id, with points and orders."""
    found = queries.get_customer(look.connection, call.project_id, call.path["customerId"])
    if found is None:
        raise NotFound("customer", call.path["customerId"])
    return customer_full(found, look.settled(found.id).summary(found))


def span(query: Any, name: str) -> queries.Span:
    """`name[after]` and `name[before]` of the query."""
    return queries.Span(after=door.instant_of(query, name, "after"), before=door.instant_of(query, name, "before"))


def part(query: Any, orders: tuple[str, ...], default: str) -> queries.Slice:
    """`limit`, `page` and `order` of the query."""
    return queries.Slice(limit=door.limit_of(query), page=door.page_of(query), order=door.order_of(query, orders, default))


def list_customers(call: Call, look: Look) -> Any:
    """Customers, newest first unless asked otherwise."""
    query = call.query
    if door.text_of(query, "segment_id") is not None:  # there are no segments yet, so nobody is in one
        return lists.page([], 0, "customers")
    found, total = queries.list_customers(
        look.connection,
        call.project_id,
        part(query, ORDERS, "-created_at"),
        name=door.text_of(query, "name"),
        email=door.text_of(query, "email"),
        city=door.text_of(query, "city"),
        created=span(query, "created_at"),
        updated=span(query, "updated_at"),
        starting_after=door.instant_of(query, "starting_after"),
    )
    summaries = queries.summaries(look.connection, look.configuration, [one.id for one in found])
    return lists.page([customer_full(one, summaries[one.id]) for one in found], total, "customers")


ROUTES = [
    Route("POST", "/v1/customers", "Create customer", write=create_customer, takes=CustomerFields),
    Route("GET", "/v1/customers", "List customers", read=list_customers, query=LIST_QUERY),
    Route("GET", "/v1/customers/{customerId}", "Get customer", read=get_customer),
    Route("PUT", "/v1/customers/{customerId}", "Update customer", write=update_customer, takes=CustomerFields),
    Route("DELETE", "/v1/customers/{customerId}", "Delete customer", write=delete_customer, status=204),
]
