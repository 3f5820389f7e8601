"""The door: what a request says, as checked values, or `Malformed` with the path of what is wrong (decisions 47 and 48).

A body goes through `read` (JSON that every parser keeps alike) and then `convert` (the struct of the route). A query string
goes through `read_query`, and its parameters through the `…_of` functions. Texts follow the AJV validator, as the API's do.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NoReturn, TypeVar, overload

import msgspec
from msgspec import inspect

from tallybook.wire.instants import date_of_text, instant_of_text

BODY_LIMIT = 1_048_576
"""Bytes of a request body (decision 48)."""
DEPTH_LIMIT = 20
"""Objects and arrays within each other (decision 47)."""
VALUES_LIMIT = 100_000
"""Values in a body. What takes time is their number rather than their size."""
PARAMETERS_LIMIT = 2_000
"""Parameters in a query."""
SAFE_INTEGER = 2**53 - 1
"""The largest integer that JavaScript, and whoever reads JSON as doubles, keeps exact."""
PAGE_LIMIT = 1000
LIST_LIMIT = 100
_INTEGER_CHARACTERS = len(str(-SAFE_INTEGER))
_QUERY_DEPTH = 8

_INVALID_PAYLOAD = "invalid_payload"
_INVALID_QUERY = "invalid_query_params"
_PAGE_OVER_LIMIT = "page_over_limit"
_MESSAGES = {
    _INVALID_PAYLOAD: "Invalid payload",
    _INVALID_QUERY: "Invalid query params",
    _PAGE_OVER_LIMIT: f"Listing resource above {PAGE_LIMIT} page is not supported",
}

NumericInt = Annotated[int, msgspec.Meta(extra={"numeric_text": True})]
"""An integer that clients may also send as text: `points_ratio: NumericInt` takes 5 and "5"."""

T = TypeVar("T")
Query = dict[str, Any]
"""A query string as nested objects; every leaf is text."""


class Malformed(Exception):
    """The request breaks the form of the API: 400 with `key`, `message` and `details`."""

    def __init__(self, details: str, key: str = _INVALID_PAYLOAD) -> None:
        super().__init__(details)
        self.details = details
        self.key = key
        self.message = _MESSAGES[key]


# A body, as JSON.


def read(body: bytes, limit: int = BODY_LIMIT) -> Any:
    """The value of a JSON body, in which every parser reads the same; None for an empty one, which clients send.

    Integral numbers become `int` (5.0 is 5). Malformed: over `limit` bytes, not UTF-8, broken JSON, NaN and infinities, NUL
    characters, lone surrogates, integers beyond ±(2^53 - 1), duplicate keys, depth over 20 (decision 47);
    more values than 100,000.
    """
    if len(body) > limit:
        _refuse(f"Payload must not be larger than {limit} bytes")
    if not body:
        return None
    text = _text(body)
    if _separators(text) >= VALUES_LIMIT and _separators(_STRINGS.sub("", text)) >= VALUES_LIMIT:
        _refuse(f"Payload must not have more than {VALUES_LIMIT} values")
    value = _parsed(text)
    if text.count("{") + text.count("[") > DEPTH_LIMIT:
        _check_depth(value)
    if "\\u" in text:  # Unescaped, neither can be there: NUL is broken JSON, a surrogate is no UTF-8.
        _check_strings(value)
    return value


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("Payload must be UTF-8") from None


def _separators(text: str) -> int:
    """Commas and opening brackets: a value follows each of them."""
    return text.count(",") + text.count("{") + text.count("[")


def _parsed(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise Malformed(_TOO_DEEP) from None
    except json.JSONDecodeError as broken:
        raise Malformed(f"Payload must be JSON. {broken}") from None


def _refuse(details: str) -> NoReturn:
    raise Malformed(details)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        _refuse("Payload must not have the same key twice in an object")
    return keys


def _integer(text: str) -> int:
    if len(text) <= _INTEGER_CHARACTERS:  # Also spares converting a megabyte of digits.
        value = int(text)
        if -SAFE_INTEGER <= value <= SAFE_INTEGER:
            return value
    _refuse(_TOO_LARGE)


def _number(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(_TOO_LARGE)
    if not value.is_integer():
        return value
    if abs(value) > SAFE_INTEGER:
        _refuse(_TOO_LARGE)
    return int(value)


def _constant(name: str) -> NoReturn:
    _refuse(f"Payload must be JSON. {name} is not")


_TOO_LARGE = "Payload must not have integers beyond 9007199254740991"
_TOO_DEEP = f"Payload must not be nested deeper than {DEPTH_LIMIT} levels"
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant)
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_UNFIT = re.compile("[\0\ud800-\udfff]")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for item in level for child in _children(item)]
    if any(isinstance(item, dict | list) for item in level):
        _refuse(_TOO_DEEP)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_strings(value: Any) -> None:
    if any(_UNFIT.search(text) for text in _strings(value)):
        _refuse("Payload must not have NUL characters or lone surrogates")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    for child in _children(value):
        yield from _strings(child)


# A body, as the struct of its route.


@overload
def convert(value: Any, type_: type[T]) -> T: ...


@overload
def convert(value: Any, type_: Any) -> Any: ...


def convert(value: Any, type_: Any) -> Any:
    """`value` as a struct (or another type msgspec knows); unknown fields are passed over.

    Types are strict, with three readings: `datetime` takes any ISO 8601 form and gives aware UTC of whole milliseconds, `date`
    also takes a date-time, `NumericInt` also takes digits in a string. Malformed names the first bad field, as AJV does; a
    struct may add to it by a ValueError from its `__post_init__`, with words that follow "Property .path".
    """
    reading = _reading(type_)
    try:
        return msgspec.convert(reading(value) if reading else value, type_)
    except msgspec.ValidationError as invalid:
        raise Malformed(_explained(str(invalid), type_)) from None


Reading = Callable[[Any], Any]
"""Prepares a JSON value for msgspec: what it does not recognise it leaves (or spoils) for msgspec to refuse by its path."""


@cache
def _reading(type_: Any) -> Reading | None:
    return _reading_of(inspect.type_info(type_))


def _reading_of(kind: inspect.Type) -> Reading | None:
    """How values of this type have to be read; None where msgspec reads them as they are. Recursive types have no end here."""
    match kind:
        case inspect.DateTimeType():
            return _read_instant
        case inspect.DateType():
            return _read_date
        case inspect.Metadata(extra={"numeric_text": True}):
            return _read_numeric
        case inspect.Metadata(type=inner):
            return _reading_of(inner)
        case inspect.UnionType(types=types):
            return _chained([_reading_of(each) for each in types])
        case inspect.ListType(item_type=item):
            return _each_item(_reading_of(item))
        case inspect.DictType(value_type=item):
            return _each_value(_reading_of(item))
        case inspect.StructType(fields=fields):
            return _each_field({field.encode_name: _reading_of(field.type) for field in fields})
    return None


def _read_instant(value: Any) -> Any:
    # `False` in place of a text that is none: msgspec then says where a datetime was expected.
    return (instant_of_text(value) or False) if isinstance(value, str) else value


def _read_date(value: Any) -> Any:
    return (date_of_text(value) or False) if isinstance(value, str) else value


def _read_numeric(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch("-?[0-9]{1,15}", value) else value


def _chained(readings: list[Reading | None]) -> Reading | None:
    """The readings of a union's members: each takes only its own kind of value, so the order does not matter."""
    needed = [reading for reading in readings if reading]
    if len(needed) < 2:
        return needed[0] if needed else None

    def chained(value: Any) -> Any:
        for reading in needed:
            value = reading(value)
        return value

    return chained


def _each_item(reading: Reading | None) -> Reading | None:
    if reading is None:
        return None
    return lambda value: [reading(item) for item in value] if isinstance(value, list) else value


def _each_value(reading: Reading | None) -> Reading | None:
    if reading is None:
        return None
    return lambda value: {key: reading(item) for key, item in value.items()} if isinstance(value, dict) else value


def _each_field(readings: dict[str, Reading | None]) -> Reading | None:
    needed = {name: reading for name, reading in readings.items() if reading}
    if not needed:
        return None

    def each_field(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return value | {name: reading(value[name]) for name, reading in needed.items() if name in value}

    return each_field


# What was wrong, in the words of AJV.

_NAMES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
_UNITS = {"array": "items", "object": "properties", "str": "characters"}
_ERROR = re.compile(r"(.*?)(?: - at (?:`key` in )?`\$([^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[[^\]]*\]")


def _explained(error: str, type_: Any) -> str:
    """Turn msgspec's "<problem> - at `$.path`" into "Property .path <problem>"."""
    parts = _ERROR.fullmatch(error)
    problem, path = (parts[1], parts[2] or "") if parts else (error, "")
    if missing := re.fullmatch("Object missing required field `(.+)`", problem):
        return f"Property {path}.{missing[1]} is required"
    subject = f"Property {path}" if path else "Payload"
    return f"{subject} {_broken_rule(problem, path, type_)}"


def _broken_rule(problem: str, path: str, type_: Any) -> str:
    if found := re.fullmatch("Expected `(.+)`, got `.+`", problem):
        return _expected(found[1])
    if found := re.fullmatch("Expected `.+` ([<>]=?) (.+)", problem):
        return f"must be {found[1]} {found[2]}"
    if found := re.fullmatch("Expected `(.+)` of length ([<>])= (.+)", problem):
        return f"must NOT have {'more' if found[2] == '<' else 'fewer'} than {found[3]} {_UNITS.get(found[1], 'items')}"
    if found := re.fullmatch("Expected `.+` matching regex '(.+)'", problem):
        return f'must match pattern "{found[1]}"'
    if allowed := _allowed(inspect.type_info(type_), _STEP.findall(path)):
        return f"must be one of: {', '.join(map(str, allowed))}"
    return "is invalid" if problem.startswith("Invalid") else problem


def _expected(kinds: str) -> str:
    if "date" in kinds:
        return "cannot be recognized as a ISO-8601 compliant date"
    return "must be " + ",".join(_NAMES.get(kind, kind) for kind in kinds.split(" | "))


def _allowed(kind: inspect.Type, steps: list[str]) -> list[Any]:
    """The values of the enum, literal or tag at the end of a path; steps are field names, or "" into an array or a map."""
    match kind:
        case inspect.Metadata(type=inner):
            return _allowed(inner, steps)
        case inspect.UnionType(types=types):
            return [value for each in types for value in _allowed(each, steps)]
        case inspect.ListType(item_type=item) | inspect.DictType(value_type=item) if steps:
            return _allowed(item, steps[1:])
        case inspect.StructType(tag_field=str(tag_field), tag=tag) if steps == [tag_field]:
            return [tag]
        case inspect.StructType(fields=fields) if steps:
            return [value for field in fields if field.encode_name == steps[0] for value in _allowed(field.type, steps[1:])]
        case inspect.EnumType(cls=cls) if not steps:
            return [member.value for member in cls]
        case inspect.LiteralType(values=values) if not steps:
            return list(values)
    return []


# A query string.


def read_query(pairs: Iterable[tuple[str, str]]) -> Query:
    """Decoded pairs as nested objects: `created_at[before]=x`, `filters[code][conditions][$is][0]=x`, `[created_at][after]=x`.

    A name given again, or with `[]`, is numbered like an array: `ids=a&ids=b` is `{"ids": {"0": "a", "1": "b"}}`.
    """
    query: Query = {}
    for count, (key, value) in enumerate(pairs, 1):
        if count > PARAMETERS_LIMIT:
            _refuse_query(f"Query must not have more than {PARAMETERS_LIMIT} parameters")
        if _UNFIT.search(key + value):
            _refuse_query("Query must not have NUL characters or lone surrogates")
        _put(query, _parts(key), value)
    return query


def _parts(key: str) -> list[str]:
    name, bracket, rest = key.partition("[")
    if not bracket:
        return [name]
    if not rest.endswith("]"):
        _refuse_query("Query must have matching brackets")
    parts = ([name] if name else []) + rest[:-1].split("][")
    if len(parts) > _QUERY_DEPTH:
        _refuse_query(f"Query must not be nested deeper than {_QUERY_DEPTH} levels")
    return parts


def _put(query: Query, parts: list[str], value: str) -> None:
    node = query
    for part in parts[:-1]:
        node = node.setdefault(part or str(len(node)), {})
        if not isinstance(node, dict):
            _refuse_query(f"Property {_dotted(parts)} is given both as text and as object")
    last = parts[-1] or str(len(node))
    known = node.get(last)
    if known is None:
        node[last] = value
    elif isinstance(known, dict):
        known[str(len(known))] = value
    else:
        node[last] = {"0": known, "1": value}


def _dotted(parts: Iterable[str]) -> str:
    return "." + ".".join(parts)


def _refuse_query(details: str) -> NoReturn:
    raise Malformed(details, _INVALID_QUERY)


def text_of(query: Query, *path: str) -> str | None:
    """The text of a parameter, `text_of(query, "created_at", "before")`; None if it is not given."""
    node: Any = query
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    if node is not None and not isinstance(node, str):
        _refuse_query(f"Property {_dotted(path)} must be string")
    return node


def values_of(query: Query, *path: str) -> list[str]:
    """The texts of a parameter given once, several times, or with indices; in the order they came."""
    node: Any = query
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    values = list(node.values()) if isinstance(node, dict) else [] if node is None else [node]
    if not all(isinstance(value, str) for value in values):
        _refuse_query(f"Property {_dotted(path)} must be array")
    return values


def integer_of(query: Query, name: str, default: int, low: int, high: int) -> int:
    """An integer parameter within `low` and `high`."""
    text = text_of(query, name)
    if text is None:
        return default
    if not re.fullmatch("-?[0-9]{1,15}", text):
        _refuse_query(f"Property .{name} must be integer")
    value = int(text)
    if value < low:
        _refuse_query(f"Property .{name} must be >= {low}")
    if value > high:
        _refuse_query(f"Property .{name} must be <= {high}")
    return value


def limit_of(query: Query) -> int:
    """How many rows a list answers: 1 to 100, 10 if not given (semantics 12)."""
    return integer_of(query, "limit", default=10, low=1, high=LIST_LIMIT)


def page_of(query: Query) -> int:
    """Which page of a list, from 1; beyond 1000 the key is `page_over_limit` (semantics 12)."""
    page = integer_of(query, "page", default=1, low=1, high=SAFE_INTEGER)
    if page > PAGE_LIMIT:
        raise Malformed(f"Property .page cannot be higher than {PAGE_LIMIT}", _PAGE_OVER_LIMIT)
    return page


def order_of(query: Query, allowed: Collection[str], default: str) -> str:
    """The field a list is ordered by, `created_at` or, descending, `-created_at`: one of `allowed`."""
    order = text_of(query, "order")
    if order is not None and order not in allowed:
        _refuse_query(f"Property .order must be one of: {', '.join(allowed)}")
    return default if order is None else order


def flag_of(query: Query, name: str, *, default: bool = False) -> bool:
    """A parameter that is `true` or `false`."""
    text = text_of(query, name)
    if text not in {None, "true", "false"}:
        _refuse_query(f"Property .{name} must be boolean")
    return default if text is None else text == "true"


def instant_of(query: Query, *path: str) -> datetime | None:
    """An instant parameter, read as `convert` reads datetimes; None if it is not given."""
    text = text_of(query, *path)
    if text is None:
        return None
    at = instant_of_text(text)
    if at is None:
        _refuse_query(f"Property {_dotted(path)} cannot be recognized as a ISO-8601 compliant date")
    return at
