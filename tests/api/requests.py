"""Requests of every shape that the routes take, whose names are sometimes ours, sometimes theirs, sometimes nobody's."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import inspect

from tallybook.api.call import Route
from tests.api.worlds import ROUTES, Request

Names = dict[str, list[str]]
"""What can be named, by kind: the tables and the kinds of documents."""

WORDS = {
    "customer": "customers", "referrer": "customers", "order": "orders", "campaign": "campaign", "loyalty": "campaign",
    "voucher": "cards", "member": "cards", "code": "cards", "product": "products", "sku": "skus", "categor": "category",
    "publication": "publications", "tier": "tier", "rule": "earning_rule", "webhook": "webhook", "app": "api_keys",
    "project": "projects", "collection": "product_collection", "pending": "pending_entries", "starting_after": "transactions",
    "transaction": "transactions", "action": "async_actions", "schema": "metadata_schema", "event": "events",
}  # fmt: skip
"""Which kind a word of a path, a query or a body speaks of."""
NOBODYS = ["nobody", "order.paid", "+48123456789", "http://127.0.0.1:9/", "2024-06-30", "10"]
DEEPEST = 4


def kinds_in(words: str) -> list[str]:
    """The kinds that these words speak of: none if they speak of anything."""
    return [kind for word, kind in WORDS.items() if word in words.lower()]


def pick(words: str, ours: Names, theirs: Names) -> SearchStrategy[str]:
    """A name that fits the words: theirs more often than ours, and now and then any other."""
    kinds = kinds_in(words) or list(theirs)
    fitting = [st.sampled_from(names[kind]) for names in (theirs, theirs, ours) for kind in kinds if names.get(kind)]
    every = sorted({name for names in (ours, theirs) for all_of_it in names.values() for name in all_of_it})
    return st.one_of(*fitting, st.sampled_from(every + NOBODYS))


def bodies(kind: Any, ours: Names, theirs: Names) -> SearchStrategy[Any]:
    """JSON values of a type that a route takes."""

    def value(kind: inspect.Type, words: str, depth: int) -> SearchStrategy[Any]:
        match kind:
            case inspect.StrType(pattern=str()):
                return st.just("EUR")
            case inspect.StrType():
                return pick(words, ours, theirs)
            case inspect.IntType() | inspect.FloatType():
                return st.sampled_from([1, 0, 5, 100, -1])
            case inspect.BoolType():
                return st.booleans()
            case inspect.NoneType():
                return st.none()
            case inspect.DateTimeType() | inspect.DateType():
                return st.sampled_from(["2024-06-20", "2024-06-20T10:00:00.000Z", "2030-01-01T00:00:00Z"])
            case inspect.LiteralType(values=values):
                return st.sampled_from(values)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                return st.lists(value(item, words, depth + 1), max_size=2)
            case inspect.UnionType(types=types):
                return st.one_of(*(value(one, words, depth) for one in types))
            case inspect.StructType(fields=fields, cls=cls) if depth < DEEPEST:
                said = {one.encode_name: value(one.type, f"{cls.__name__} {one.name}", depth + 1) for one in fields}
                required = {one.encode_name for one in fields if one.required}
                needed = {name: said[name] for name in said if name in required}
                return st.fixed_dictionaries(needed, optional={name: said[name] for name in said if name not in required})
            case inspect.Metadata(type=plain):
                return value(plain, words, depth)
            case _:
                return st.sampled_from([{}, {"key": "value"}, None])

    return value(inspect.type_info(kind), "", 0)


def queries(route: Route, ours: Names, theirs: Names) -> SearchStrategy[bytes]:
    """Query strings of a route. What pages and sorts is left out: it names nothing."""
    names = [name for name in route.query if name not in ("limit", "page", "order")]
    value = {name: pick(name, ours, theirs) | st.sampled_from(["true", "2024-06-14T00:00:00Z"]) for name in names}
    said = st.fixed_dictionaries({}, optional=value)
    return said.map(lambda query: urlencode(query).encode())


def requests(ours: Names, theirs: Names) -> SearchStrategy[Request]:
    """A request to any route, with a body that it takes if it takes one; sometimes with an idempotency key of theirs."""

    def to(route: Route) -> SearchStrategy[Request]:
        names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        takes = st.just(b"") if route.takes is None else bodies(route.takes, ours, theirs).map(msgspec.json.encode)
        return st.builds(
            Request,
            route=st.just(route),
            path=st.fixed_dictionaries({name: pick(name, ours, theirs) for name in names}),
            query=queries(route, ours, theirs),
            body=takes,
            idempotency_key=st.sampled_from(["", "", "key-theirs"]) if route.write else st.just(""),
        )

    return st.integers(0, len(ROUTES) - 1).flatmap(lambda number: to(ROUTES[number]))
