"""Bad input, field by field, in every body that a route takes: refused by the field's path, or taken, and never an error of ours.

The ordinary run asks some of the questions, always the same; `--hypothesis-profile=explore` asks all of them.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, product
from random import Random
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import hypothesis
import msgspec
import pytest
from msgspec import inspect

from tallybook.api.call import Route
from tallybook.wire.filters import SPOKEN
from tests.api.requests import kinds_in
from tests.api.worlds import (
    OURS,
    ROUTES,
    Request,
    World,
    found_project,
    migrated,
    names_in,
    populate,
    populate_beside,
    rows_of,
)

SHARE = 13
"""The ordinary run asks one question in so many."""
DEEPEST = 4
LONG = Random(1).randbytes(9_000).hex()
"""Longer than what an index of a database takes, and not to be compressed."""
WORDS = ("", " ", LONG, "NO_SUCH_WORD", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "P999999999Y", "\u202e%00'\"\\", "-0")
WHOLE = (0, -1, 2**31, 10**12 + 1, 2**53 - 1, 1 - 2**53)
SAMPLES: dict[str, tuple[Any, ...]] = {
    "string": ("NO_SUCH_WORD",),
    "integer": (5,),
    "number": (1.5,),
    "boolean": (True,),
    "array": ([5],),
    "object": ({"no_such_field": 5},),
}
EXTREMES: dict[str, tuple[Any, ...]] = {
    "string": WORDS,
    "integer": WHOLE,
    "number": (1e300, -1e-300, *WHOLE),
    "array": ([], [{}] * 600, [LONG], ["a", "a"], [0, -1, 2**53 - 1]),
    "object": ({}, {LONG: LONG}, {"": None, "__proto__": [[[[]]]]}, {str(number): number for number in range(300)}),
}


T = TypeVar("T")
Put = Callable[[Any], Any]
"""Puts a value into the place of a body that it stands for."""


FILTERED = [
    "id",
    "code",
    "created_at",
    "metadata.key",
    "balance",
    "active",
    "customer_id",
    "campaign_name",
    "birthdate",
    "amount",
]
"""Fields of lists; each has some of them."""
FILTERS = (LONG, "5", "2024-06-15", "true")


class Question(NamedTuple):
    """A body for a route, and the path of the value in it that was changed."""

    route: Route
    path: str
    body: Any


def accepted(kind: inspect.Type) -> set[str]:
    """The kinds of JSON value that a type takes."""
    match kind:
        case inspect.Metadata(type=inner, extra=extra):
            return accepted(inner) | ({"string"} if (extra or {}).get("numeric_text") else set())
        case inspect.UnionType(types=types):
            return set().union(*map(accepted, types))
        case inspect.StrType() | inspect.DateTimeType() | inspect.DateType() | inspect.LiteralType() | inspect.EnumType():
            return {"string"}
        case inspect.IntType():
            return {"integer"}
        case inspect.FloatType():
            return {"integer", "number"}
        case inspect.BoolType():
            return {"boolean"}
        case inspect.NoneType():
            return {"null"}
        case inspect.ListType() | inspect.VarTupleType():
            return {"array"}
        case inspect.StructType() | inspect.DictType():
            return {"object"}
    return {*SAMPLES, "null"}


def values(kind: inspect.Type, path: str = "", depth: int = 0) -> Iterator[tuple[str, inspect.Type, Put]]:
    """Every place in a type: its path, its type, and a function that puts a value there, in as little of a body as it takes."""
    yield path, kind, lambda value: value
    match kind:
        case inspect.Metadata(type=plain):
            yield from list(values(plain, path, depth))[1:]
        case inspect.UnionType(types=types):
            for one in types:
                yield from list(values(one, path, depth))[1:]
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if depth < DEEPEST:
            for inner, type_, put in values(item, f"{path}[0]", depth + 1):
                yield inner, type_, partial(_in_list, put)
        case inspect.StructType(fields=fields) if depth < DEEPEST:
            for field in fields:
                for inner, type_, put in values(field.type, f"{path}.{field.encode_name}", depth + 1):
                    yield inner, type_, partial(_in_object, put, field.encode_name)


def _in_list(put: Put, value: Any) -> Any:
    return [put(value)]


def _in_object(put: Put, name: str, value: Any) -> Any:
    return {name: put(value)}


def over(good: Any, changed: Any) -> Any:
    """A good body with what is changed."""
    if isinstance(good, dict) and isinstance(changed, dict):
        return good | {name: over(good.get(name), value) for name, value in changed.items()}
    if isinstance(good, list) and isinstance(changed, list) and len(changed) == len(good) == 1:
        return [over(good[0], changed[0])]
    return changed


CARD = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}
RULE = {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 10}}
GOOD: dict[str, Any] = {
    "create_campaign": {"name": "Another", "type": "AUTO_UPDATE", "voucher": CARD},
    "create_earning_rules": [RULE],
    "create_tiers": [{"name": "Another", "points": {"from": 1_000}}],
    "create_webhook": {"target_url": "http://127.0.0.1:9/", "events": ["customer.created"]},
    "update_webhook": {"target_url": "http://127.0.0.1:9/", "events": ["customer.created"]},
    "create_order": {"status": "PAID", "amount": 100, "customer": {"source_id": "customer-ours"}},
    "add_member": {"customer": {"source_id": "customer-new"}},
    "create_publication": {"campaign": {"name": "Programme ours"}, "customer": {"source_id": "customer-new"}},
    "adjust_balance": {"points": 1},
    "adjust_voucher_balance": {"amount": 1},
    "adjust_pending_points": {"points": 1},
    "create_voucher": {"type": "LOYALTY_CARD", "campaign": "Programme ours"},
    "create_voucher_with_random_code": {"type": "LOYALTY_CARD", "campaign": "Programme ours"},
    "import_vouchers": [{"code": "imported"}],
    "create_category": {"name": "Another", "hierarchy": 1},
    "update_category": {"name": "Another", "hierarchy": 1},
    "create_product": {"name": "Another"},
    "create_sku": {"sku": "Another"},
    "create_product_collection": {"name": "Another", "type": "STATIC", "products": []},
    "create_metadata_schema": {"related_object": "customer", "properties": {}},
    "create_export": {"exported_object": "order", "parameters": {}},
    "create_api_key": {"name": "Till"},
    "create_project": {"name": "Another"},
}
"""What a route takes; the others do with an empty object."""


def questions(samples: dict[str, tuple[Any, ...]], *, fitting: bool) -> Iterator[Question]:
    """Each place of each body with values of the kinds that it takes, or of those that it does not take."""
    for route in ROUTES:
        if route.takes is None or route.operation_id == "move_test_clock":  # years of midnights are a test of their own
            continue
        for path, kind, put in values(inspect.type_info(route.takes)):
            kinds = accepted(kind)
            for name, some in samples.items():
                if (name in kinds) is fitting:
                    for value in some:
                        yield Question(route, path, over(GOOD.get(route.operation_id, {}), put(value)))


def some(every: Iterator[T]) -> list[T]:
    """All questions, or those of the ordinary run."""
    explore = hypothesis.settings.get_current_profile_name() == "explore"
    return list(every) if explore else list(every)[::SHARE]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A project with something of everything."""
    migrated(database_url)
    found_project(database_url, OURS)
    with World(database_url, OURS, node=2) as world:
        populate(world, OURS, "ours")
        populate_beside(world, "ours")
        yield world


def answer(world: World, question: Question, names: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer, which is of the documented form if it is a refusal."""
    parameters = [part[1:-1] for part in question.route.path.split("/") if part.startswith("{")]
    path = {one: names[kind][0] if (kind := (kinds_in(one) or [""])[0]) in names else "nobody" for one in parameters}
    answered = world.ask(Request(question.route, path, b"", msgspec.json.encode(question.body)))
    said = msgspec.json.decode(answered.body) if answered.body else {}
    if answered.status >= 400:
        assert said.keys() >= {"code", "key", "message", "details", "request_id"}, question
    return answered.status, said


def shown(question: Question, status: int, said: Any) -> str:
    """What went wrong, in a line."""
    return f"{question.route.operation_id} {question.path}: {str(question.body)[:120]} -> {status} {str(said)[:160]}"


def test_a_value_of_another_kind_is_refused_by_its_path(world: World) -> None:
    """Before anything is written."""
    before = rows_of(world.database, OURS)
    names, wrong = names_in(before), []
    for question in some(questions(SAMPLES, fitting=False)):
        status, said = answer(world, question, names)
        named = question.path in said.get("details", "") or "is required" in said.get("details", "")
        if (status, said.get("key"), named) != (400, "invalid_payload", True):
            wrong.append(shown(question, status, said))
    assert "\n".join(wrong) == ""
    assert rows_of(world.database, OURS) == before


def test_no_value_however_extreme_is_an_error_of_ours(world: World) -> None:
    """It is taken or refused, on either database."""
    names, wrong = names_in(rows_of(world.database, OURS)), []
    for question in some(questions(EXTREMES, fitting=True)):
        status, said = answer(world, question, names)
        if status >= 500 and status != 501:
            wrong.append(shown(question, status, said))
    assert "\n".join(wrong) == ""


def addresses(names: dict[str, list[str]]) -> Iterator[Request]:
    """Each place of each address with every word: the parts of the path, and the parameters of the query."""
    for route in ROUTES:
        parameters = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        known = {one: names[kind][0] if (kind := (kinds_in(one) or [""])[0]) in names else "nobody" for one in parameters}
        for word in (*WORDS, "9" * 30, "5", "true", "\x00", "\ue000"):
            for one in parameters:
                yield Request(route, known | {one: word})
            for name in route.query:
                for said in ({name: word}, {f"{name}[before]": word, f"{name}[after]": word}, {f"{name}[]": word, name: word}):
                    yield Request(route, known, urlencode(said).encode())
        if "filters" in route.query:
            for field, operator, word in islice(product(FILTERED, SPOKEN.split(", "), FILTERS), 0, None, 7):
                yield Request(route, known, urlencode({f"filters[{field}][conditions][{operator}][0]": word}).encode())


def test_no_address_however_strange_is_an_error_of_ours(world: World) -> None:
    """It is answered or refused, on either database."""
    wrong = []
    for request in some(addresses(names_in(rows_of(world.database, OURS)))):
        answered = world.ask(request)
        if answered.status >= 500 and answered.status != 501:
            wrong.append(f"{request.route.operation_id} {request.path} {request.query[:200]!r} -> {answered.body[:160]!r}")
    assert "\n".join(wrong) == ""


def test_every_body_is_asked_about() -> None:
    """A route that takes a body has questions."""
    every = {question.route.path for question in questions(SAMPLES, fitting=False)}
    assert every == {route.path for route in ROUTES if route.takes is not None} - {
        "/management/v1/projects/{projectId}/test-clock"
    }
