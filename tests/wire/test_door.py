"""The door: what it lets in, what it refuses, and in which words."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from tallybook.wire import door
from tallybook.wire.door import Malformed, NumericInt, convert, read

Points = Annotated[NumericInt, Meta(ge=1, le=1_000_000_000)]


class Period(Enum):
    """How long."""

    DAY = "DAY"
    MONTH = "MONTH"


class Line(Struct):
    """A line of an order."""

    quantity: Annotated[int, Meta(ge=1)] = 1
    kind: Literal["product", "sku"] | None = None
    shipped_at: datetime | None = None


class Customer(Struct):
    """Who it is."""

    source_id: str


class Coin(Struct, tag="COIN"):
    """One kind of reward."""

    ratio: int


class Material(Struct, tag="MATERIAL"):
    """Another kind of reward."""

    stock: int


class Request(Struct):
    """A field of each kind."""

    target_url: str
    customer: Customer | None = None
    items: Annotated[list[Line], Meta(min_length=1, max_length=2)] | None = None
    status: Literal["CREATED", "PAID"] | None = None
    period: Period | None = None
    points: Points | None = None
    mappings: dict[str, Line] | None = None
    metadata: Annotated[dict[str, Any], Meta(max_length=2)] | None = None
    code: Annotated[str, Meta(min_length=2, max_length=4, pattern="^[a-z]*$")] | None = None
    active: bool | None | UnsetType = UNSET
    exchange_ratio: float | None = None
    expiration_date: datetime | None = None
    expires_on: date | None | UnsetType = UNSET
    reward: Coin | Material | None = None


class Dates(Struct):
    """Two dates that have to follow each other."""

    start: date
    end: date

    def __post_init__(self) -> None:
        """Refuse a period that ends before it starts."""
        if self.end < self.start:
            raise ValueError("must not end before it starts")


# --- read


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"null", None),
        (b' {"a" : [1, 5.0, -0.0, 1e3, 0.5, true]}\n', {"a": [1, 5, 0, 1000, 0.5, True]}),
        (b'"\\ud83d\\ude00 \\u00e9 \\\\u0000"', "😀 é \\u0000"),
        ('"é\u2028"'.encode(), "é\u2028"),
        (b"[9007199254740991, -9007199254740991]", [2**53 - 1, 1 - 2**53]),
        (b"[" * 20 + b"]" * 20, json.loads("[" * 20 + "]" * 20)),
        (b'"' + b"[" * 50 + b'"', "[" * 50),
    ],
)
def test_json_that_every_parser_reads_alike_is_let_in(body: bytes, value: Any) -> None:
    """Integral numbers are integers, an empty body is None, and 20 levels are not too deep."""
    assert json.dumps(read(body)) == json.dumps(value)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b" ", "must be JSON"),
        (b"{", "must be JSON"),
        (b"{'a':1}", "must be JSON"),
        (b'{"a":1,}', "must be JSON"),
        (b'{"a":1} {}', "must be JSON"),
        (b"[01]", "must be JSON"),
        (b"[1.]", "must be JSON"),
        (b'"a\nb"', "must be JSON"),
        (b'"\x00"', "must be JSON"),
        (b"\x00", "must be JSON"),
        (b'"\\x41"', "must be JSON"),
        (b'"\\u12"', "must be JSON"),
        (b"\xef\xbb\xbf{}", "must be JSON"),
        ("{}".encode("utf-16"), "must be UTF-8"),
        (b'"\xff"', "must be UTF-8"),
        (b'"\xed\xa0\x80"', "must be UTF-8"),
        (b"NaN", "NaN is not"),
        (b"[-Infinity]", "-Infinity is not"),
        (b'"\\u0000"', "NUL characters"),
        (b'{"a":[{"\\u0000":1}]}', "NUL characters"),
        (b'"\\ud800"', "lone surrogates"),
        (b'{"a\\udfff":1}', "lone surrogates"),
        (b'["\\udc00\\ud800"]', "lone surrogates"),
        (b"9007199254740992", "integers beyond"),
        (b"-9007199254740992", "integers beyond"),
        (b"9007199254740992.0", "integers beyond"),
        (b"1e16", "integers beyond"),
        (b"1e400", "integers beyond"),
        (b"9" * 5000, "integers beyond"),
        (b'{"a":1,"a":1}', "same key twice"),
        (b'[{"a":{"b":1,"\\u0062":2}}]', "same key twice"),
        (b"[" * 21 + b"]" * 21, "nested deeper than 20"),
        (b'{"a":' * 21 + b"1" + b"}" * 21, "nested deeper than 20"),
        (b"[" * 90_000, "nested deeper than 20"),
    ],
)
def test_what_parsers_disagree_about_is_refused(body: bytes, details: str) -> None:
    """Decision 47, and every way of not being JSON."""
    with pytest.raises(Malformed) as refused:
        read(body)
    assert (refused.value.key, refused.value.message) == ("invalid_payload", "Invalid payload")
    assert details in refused.value.details


def test_a_body_over_the_limit_is_refused() -> None:
    """The limit counts bytes, and is inclusive."""
    assert read(b'"aa"', limit=4) == "aa"
    with pytest.raises(Malformed, match="larger than 4 bytes"):
        read('"aé"'.encode(), limit=4)


PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"u",
        b"d800",
        b'"\\ud800"',
        b"0000",
        b"NaN",
        b"1",
        b"-",
        b".",
        b"e9",
        b"null",
        b"\xed",
        b"[" * 400,
    ]
)


@given(
    st.binary() | st.lists(PIECES, max_size=40).map(b"".join) | st.text(max_size=20).map(lambda text: json.dumps([text]).encode())
)
def test_no_bytes_whatever_break_the_door(body: bytes) -> None:
    """Any body is a value or Malformed, and a value can be written again."""
    try:
        value = read(body)
    except Malformed:
        return
    assert read(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == value


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(), st.lists))
def test_ordinary_values_pass_unchanged(value: Any) -> None:
    """What the official clients write is read as they meant it, unless it has NUL or surrogates in it."""
    text = json.dumps(value)
    try:
        assert read(text.encode()) == value
    except Malformed:
        assert "\\u0000" in text or "\\ud" in text


# --- convert


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"customer": "x"}, "Property .customer must be object,null"),
        ({"customer": {}}, "Property .customer.source_id is required"),
        ({"customer": {"source_id": 5}}, "Property .customer.source_id must be string"),
        ({"items": {}}, "Property .items must be array,null"),
        ({"items": []}, "Property .items must NOT have fewer than 1 items"),
        ({"items": [{}] * 3}, "Property .items must NOT have more than 2 items"),
        ({"items": [{}, {"quantity": 1.5}]}, "Property .items[1].quantity must be integer"),
        ({"items": [{"quantity": True}]}, "Property .items[0].quantity must be integer"),
        ({"items": [{"quantity": 0}]}, "Property .items[0].quantity must be >= 1"),
        ({"items": [{"kind": "x"}]}, "Property .items[0].kind must be one of: product, sku"),
        ({"items": [{"shipped_at": "soon"}]}, "Property .items[0].shipped_at cannot be recognized as a ISO-8601 compliant date"),
        ({"status": "OPEN - at `$.items`"}, "Property .status must be one of: CREATED, PAID"),
        ({"status": 5}, "Property .status must be string,null"),
        ({"period": "WEEK"}, "Property .period must be one of: DAY, MONTH"),
        ({"points": 1_000_000_001}, "Property .points must be <= 1000000000"),
        ({"points": "0"}, "Property .points must be >= 1"),
        ({"points": "5.0"}, "Property .points must be integer,null"),
        ({"points": "9" * 30}, "Property .points must be integer,null"),
        ({"mappings": {"a": 5}}, "Property .mappings[...] must be object"),
        ({"mappings": {"a": {"kind": "x"}}}, "Property .mappings[...].kind must be one of: product, sku"),
        ({"metadata": {"a": 1, "b": 2, "c": 3}}, "Property .metadata must NOT have more than 2 properties"),
        ({"code": "a"}, "Property .code must NOT have fewer than 2 characters"),
        ({"code": "AB"}, 'Property .code must match pattern "^[a-z]*$"'),
        ({"active": "true"}, "Property .active must be boolean,null"),
        ({"exchange_ratio": "1"}, "Property .exchange_ratio must be number,null"),
        ({"expiration_date": 5}, "Property .expiration_date cannot be recognized as a ISO-8601 compliant date"),
        ({"expires_on": "2024-02-30"}, "Property .expires_on cannot be recognized as a ISO-8601 compliant date"),
        ({"reward": {"type": "PAPER"}}, "Property .reward.type must be one of: COIN, MATERIAL"),
        ({"reward": {"type": "COIN"}}, "Property .reward.ratio is required"),
    ],
)
def test_a_bad_field_is_named_by_its_path(fields: dict[str, Any], details: str) -> None:
    """The words are those of the API's validator."""
    with pytest.raises(Malformed) as refused:
        convert({"target_url": "u"} | fields, Request)
    assert (refused.value.key, refused.value.details) == ("invalid_payload", details)


@pytest.mark.parametrize(
    ("value", "type_", "details"),
    [
        ({}, Request, "Property .target_url is required"),
        (None, Request, "Payload must be object"),
        ([], Request, "Payload must be object"),
        ({}, list[Customer], "Payload must be array"),
        ([{"source_id": "a"}, {}], list[Customer], "Property [1].source_id is required"),
        ([1, 2, 3], Annotated[list[int], Meta(max_length=2)], "Payload must NOT have more than 2 items"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, Dates, "Payload must not end before it starts"),
        ([{"start": "2024-01-02", "end": "2024-01-01"}], list[Dates], "Property [0] must not end before it starts"),
    ],
)
def test_a_bad_body_as_a_whole_is_said_so(value: Any, type_: Any, details: str) -> None:
    """A missing field is named; a body of another kind is called the payload; a struct may add a rule of its own."""
    with pytest.raises(Malformed) as refused:
        convert(value, type_)
    assert refused.value.details == details


def test_a_good_body_becomes_its_struct() -> None:
    """Unknown fields are passed over, dates take their forms, numeric text counts where the field says so."""
    body = {
        "target_url": "u",
        "unknown": {"x": 1},
        "items": [{"quantity": 3, "shipped_at": "2024-01-18T16:19:20.6769+01:00"}, {}],
        "points": "5",
        "mappings": {"a": {"shipped_at": None}},
        "metadata": {"when": "2024-01-18"},
        "exchange_ratio": 5,
        "expiration_date": "2030-01-02T00:00:00",
        "expires_on": "2030-01-02T00:00:00",
        "reward": {"type": "COIN", "ratio": 2},
    }
    before = json.dumps(body)
    assert convert(body, Request) == Request(
        target_url="u",
        items=[Line(quantity=3, shipped_at=datetime(2024, 1, 18, 15, 19, 20, 676_000, UTC)), Line()],
        points=5,
        mappings={"a": Line()},
        metadata={"when": "2024-01-18"},
        exchange_ratio=5.0,
        expiration_date=datetime(2030, 1, 2, tzinfo=UTC),
        expires_on=date(2030, 1, 2),
        reward=Coin(ratio=2),
    )
    assert json.dumps(body) == before


# --- query strings


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        ([], {}),
        (
            [("limit", "5"), ("created_at[before]", "x"), ("created_at[after]", "y")],
            {"limit": "5", "created_at": {"before": "x", "after": "y"}},
        ),
        ([("[created_at][after]", "y")], {"created_at": {"after": "y"}}),
        (
            [("filters[code][conditions][$is][0]", "a"), ("filters[code][conditions][$is][1]", "b"), ("filters[junction]", "OR")],
            {"filters": {"code": {"conditions": {"$is": {"0": "a", "1": "b"}}}, "junction": "OR"}},
        ),
        ([("ids[]", "a"), ("ids[]", "b")], {"ids": {"0": "a", "1": "b"}}),
        ([("ids", "a"), ("ids", "b"), ("ids", "c")], {"ids": {"0": "a", "1": "b", "2": "c"}}),
        ([("a]", "b"), ("c", "")], {"a]": "b", "c": ""}),
    ],
)
def test_a_query_is_read_as_nested_objects(pairs: list[tuple[str, str]], query: door.Query) -> None:
    """Brackets nest, repeats and empty brackets count."""
    assert door.read_query(pairs) == query


@pytest.mark.parametrize("key", ["a[b", "a[b]c", "[", "a" + "[b]" * 8, "a\0", "a\ud800"])
def test_a_broken_query_is_refused(key: str) -> None:
    """Brackets that do not match, nesting without end, characters that cannot be stored."""
    with pytest.raises(Malformed) as refused:
        door.read_query([(key, "x")])
    assert (refused.value.key, refused.value.message) == ("invalid_query_params", "Invalid query params")


NAMES = st.sampled_from(["a", "a[b]", "a[b][0]", "b"]) | st.text("ab[]0$") | st.text()


@given(st.lists(st.tuples(NAMES, st.text(max_size=3) | st.integers().map(str)), max_size=6))
def test_no_query_whatever_breaks_the_door(pairs: list[tuple[str, str]]) -> None:
    """Any query is nested objects or Malformed, and so is every parameter read from it."""
    try:
        query = door.read_query(pairs)
    except Malformed:
        return
    with suppress(Malformed):
        assert all(isinstance(value, str) for value in door.values_of(query, "a"))
    with suppress(Malformed):
        door.instant_of(query, "a", "b")
    with suppress(Malformed):
        assert 0 <= door.integer_of(query, "b", default=1, low=0, high=5) <= 5


def test_parameters_not_given_have_their_defaults() -> None:
    """Ten rows of the first page."""
    query: door.Query = {}
    assert (door.limit_of(query), door.page_of(query), door.order_of(query, ["id", "-id"], "-id")) == (10, 1, "-id")
    assert (door.flag_of(query, "join_once"), door.text_of(query, "a", "b"), door.values_of(query, "ids")) == (False, None, [])
    assert door.instant_of(query, "created_at", "before") is None


def test_parameters_given_are_read() -> None:
    """Each as its own type."""
    query = door.read_query(
        [
            ("limit", "100"),
            ("page", "1000"),
            ("order", "id"),
            ("force", "true"),
            ("created_at[before]", "2024-01-18"),
            ("ids", "a"),
            ("ids", "b"),
        ]
    )
    assert (door.limit_of(query), door.page_of(query), door.order_of(query, ["id", "-id"], "-id")) == (100, 1000, "id")
    assert (door.flag_of(query, "force"), door.values_of(query, "ids"), door.values_of(query, "order")) == (
        True,
        ["a", "b"],
        ["id"],
    )
    assert door.instant_of(query, "created_at", "before") == datetime(2024, 1, 18, tzinfo=UTC)


def read_all(query: door.Query) -> None:
    """Read every kind of parameter, the bad one among them."""
    door.limit_of(query)
    door.page_of(query)
    door.order_of(query, ["id", "-id"], "-id")
    door.flag_of(query, "force")
    door.values_of(query, "ids")
    door.instant_of(query, "created_at", "before")


@pytest.mark.parametrize(
    ("pair", "key", "details"),
    [
        (("limit", "0"), "invalid_query_params", "Property .limit must be >= 1"),
        (("limit", "101"), "invalid_query_params", "Property .limit must be <= 100"),
        (("limit", "5.5"), "invalid_query_params", "Property .limit must be integer"),
        (("limit", ""), "invalid_query_params", "Property .limit must be integer"),
        (("limit", "9" * 9999), "invalid_query_params", "Property .limit must be integer"),
        (("limit[x]", "5"), "invalid_query_params", "Property .limit must be string"),
        (("page", "0"), "invalid_query_params", "Property .page must be >= 1"),
        (("page", "1001"), "page_over_limit", "Property .page cannot be higher than 1000"),
        (("order", "name"), "invalid_query_params", "Property .order must be one of: id, -id"),
        (("force", "1"), "invalid_query_params", "Property .force must be boolean"),
        (("ids[a][b]", "1"), "invalid_query_params", "Property .ids must be array"),
        (
            ("created_at[before]", "x"),
            "invalid_query_params",
            "Property .created_at.before cannot be recognized as a ISO-8601 compliant date",
        ),
    ],
)
def test_bad_parameters_are_named(pair: tuple[str, str], key: str, details: str) -> None:
    """The words are those of a body, under a key of their own."""
    query = door.read_query([pair])
    with pytest.raises(Malformed) as refused:
        read_all(query)
    assert (refused.value.key, refused.value.details) == (key, details)


def test_a_body_has_so_many_values_at_most() -> None:
    """Their number is what takes time; commas and brackets within a text are no values."""
    most = door.VALUES_LIMIT
    assert len(read(b"[" + b"1," * (most - 2) + b"1]")) == most - 1
    assert len(read(json.dumps(['a\\",[{' * 30_000, ","]).encode())) == 2
    with pytest.raises(Malformed, match="more than 100000 values"):
        read(b"[" + b"1," * (most - 1) + b"1]")
    with pytest.raises(Malformed, match="more than 100000 values"):
        read(b"[" + b"[]," * most + b"1]")


def test_a_query_has_so_many_parameters_at_most() -> None:
    """So that a long address does not take long."""
    many = [("a", "b")] * (door.PARAMETERS_LIMIT + 1)
    assert len(door.values_of(door.read_query(many[1:]), "a")) == door.PARAMETERS_LIMIT
    with pytest.raises(Malformed, match="more than 2000 parameters"):
        door.read_query(many)
