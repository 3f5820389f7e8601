"""Whatever words and bytes come from outside, what reads them gives a value or the documented refusal, and nothing else.

Bodies and query strings have their own in tests/wire/test_door.py.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import make_url

from tallybook.api.call import Call, Identity
from tallybook.api.gateway import KEY_LIMIT, _idempotency
from tallybook.api.import_cards import cards_of
from tallybook.api.routes import all_routes
from tallybook.domain.canonical import canonical, parse
from tallybook.domain.codes import check_config, code_config, make_code
from tallybook.domain.dates import Duration
from tallybook.domain.filters import OPERATORS as OPERATORS_OF
from tallybook.domain.filters import Moment
from tallybook.domain.refusals import InvalidPayload, NotImplementedYet
from tallybook.domain.validity import wrong_hours
from tallybook.store.filter_fields import CARDS
from tallybook.store.filters import Narrowing, kinds
from tallybook.wire import door
from tallybook.wire.door import Malformed
from tallybook.wire.filters import SPOKEN, read_filters
from tallybook.wire.forms import file_of
from tallybook.wire.instants import date_of_text, instant_of_text

WORDS = st.text(max_size=12) | st.sampled_from(
    ["", "-0", "1e9", "9" * 30, "٣", "²", "2024-02-30", "9999-12-31", "0000-01-01", "true", "\x00", "\ud800", "%", "_", "\\"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
OPERATORS = st.sampled_from([*SPOKEN.split(", "), "$no_such", ""])
FIELDS = st.sampled_from([*kinds(CARDS), "metadata.key", "no_such", "junction", ""])
CONDITIONS = st.fixed_dictionaries({"conditions": st.dictionaries(OPERATORS, JSON, max_size=3)})
FITTING = st.sampled_from([(field, operator) for field, kind in kinds(CARDS).items() for operator in OPERATORS_OF[kind]])
"""A field and an operator that says something about it: of those drawn apart, next to none are let in."""
VALUES = st.sampled_from(["x", "5", "true", "2024-01-18", "2024-01-18T12:00:00Z"])
DIALECTS = [make_url(url).get_dialect()() for url in ("sqlite://", "postgresql+psycopg://")]
STARTS = st.integers(0, 300 * 365).map(lambda days: datetime(1900, 1, 1, 12, tzinfo=UTC) + timedelta(days))
IDENTITY = Identity("proj_1", "app", "till", "Till")


@given(
    st.dictionaries(FIELDS, CONDITIONS | JSON, max_size=3)
    | JSON
    | st.builds(lambda fitting, said: {fitting[0]: {"conditions": {fitting[1]: said}}}, FITTING, VALUES | st.lists(VALUES))
)
def test_filters_of_a_body(said: Any) -> None:
    """Any field, operator and value; what is let in has every field that says something."""
    with suppress(Malformed):
        filters = read_filters(said, kinds(CARDS))
        saying = {name for name, one in (said or {}).items() if name != "junction" and one["conditions"]}
        assert filters.fields.keys() == saying


@given(FITTING | st.tuples(FIELDS, OPERATORS), st.lists(VALUES | WORDS, max_size=3))
def test_filters_of_a_query(asked: tuple[str, str], values: list[str]) -> None:
    """The same in the brackets of a query, as they come over the wire; what is let in becomes a part of a statement."""
    field, operator = asked
    said = [(f"filters[{field}][conditions][{operator}][{number}]", value) for number, value in enumerate(values)]
    sent = urlencode(said, errors="surrogatepass").encode()
    call = Call(IDENTITY, {}, sent, b"")
    with suppress(Malformed):
        filters = read_filters(call.query.get("filters"), kinds(CARDS))
        clause = Narrowing(filters, CARDS, Moment(datetime(2024, 6, 15, tzinfo=UTC), ZoneInfo("UTC"))).clause()
        assert all(str(clause.compile(dialect=dialect)) for dialect in DIALECTS)


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"a", b"[", b"]", b"=", b"&", b"%5B", b"%00", b"%", b"\xff"])).map(b"".join)
)
def test_a_raw_query(raw: bytes) -> None:
    """Any bytes where the query stands."""
    call = Call(IDENTITY, {}, raw, b"")
    with suppress(Malformed):
        query = call.query
        for name in [*query, "a"]:
            for read in (door.text_of, door.values_of, door.instant_of):
                with suppress(Malformed):
                    read(query, name)


@given(WORDS | st.from_regex(r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d){0,2}([.,]\d+)?(Z|[+-]\d\d:?\d\d)?)?", fullmatch=True))
def test_dates(text: str) -> None:
    """An instant of whole milliseconds in UTC, a date, or nothing."""
    at, _ = instant_of_text(text), date_of_text(text)
    if at is not None:
        assert (at.tzinfo, at.microsecond % 1000) == (UTC, 0)


@given(
    WORDS
    | st.from_regex(r"P(\d+[YMWD]){0,3}(T(\d+[HMS]){0,3})?", fullmatch=True)
    | st.builds("P{}{}".format, st.sampled_from([1, 100, 1_200, 9_999]), st.sampled_from("YMWD")),
    STARTS,
)
@example("P9999Y", datetime(2024, 6, 15, tzinfo=UTC))
def test_durations(text: str, start: datetime) -> None:
    """A duration can be added to any instant that a calendar of ours has, and goes forward."""
    try:
        duration = Duration(text)
    except ValueError:
        return
    assert duration.after(start) >= start


@given(
    st.dictionaries(
        st.sampled_from(["daily", "other"]),
        JSON
        | st.lists(
            st.dictionaries(
                st.sampled_from(["start_time", "expiration_time", "days_of_week"]),
                JSON | st.sampled_from(["08:00", "23:59", [1]]),
            ),
            max_size=2,
        ),
    )
)
def test_hours(said: dict[str, Any]) -> None:
    """Any hours are right, or named by the path of what is wrong."""
    wrong = wrong_hours(said)
    assert wrong is None or wrong.startswith(".daily")


@given(
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.text(max_size=300),
    st.none() | st.text(max_size=300) | st.text("#-A", max_size=300),
    st.none() | st.text(max_size=300),
)
def test_code_patterns(length: int | None, charset: str | None, pattern: str | None, prefix: str | None) -> None:
    """A pattern makes codes of at most 255 characters, or is refused."""
    with suppress(InvalidPayload):
        config = check_config(code_config(length, charset, pattern, prefix, None), ".code_config")
        assert len(make_code(config, lambda count, alphabet: alphabet[:1] * count)) <= 255


CELLS = st.sampled_from(
    ["Code", "Active", "Loyalty Points", "Category", "Gift Amount", "x", "true", "5", "-5", "1.5", '"', '""', "٣", ""]
)
CSV = st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=5).map("\r\n".join).map(str.encode) | st.binary(max_size=80)


@given(CSV, st.sampled_from([b"", b"Code,x\nA,b\n", b"Code\n", b"Code,Active\n", b"\xef\xbb\xbfCode\n", b'"Code"\n']))
def test_a_file_of_cards(content: bytes, header: bytes) -> None:
    """Any file is cards, or refused by its line."""
    with suppress(Malformed, NotImplementedYet):
        for card in cards_of(header + content):
            assert parse(canonical(card.metadata)) == card.metadata


PIECES = st.sampled_from(
    [
        b"--b",
        b"--",
        b"\r\n",
        b"\n",
        b"Content-Disposition: form-data; ",
        b'name="file"',
        b"filename=x",
        b": ",
        b"a" * 300,
        b"\xff",
    ]
)
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename=x\r\n\r\n%b\r\n--b--\r\n'


@given(
    st.text(max_size=20)
    | st.sampled_from(["multipart/form-data; boundary=b", 'multipart/form-data; boundary="', "multipart/form-data"]),
    st.lists(PIECES, max_size=14).map(b"".join) | st.binary(max_size=80) | st.binary(max_size=80).map(FORM.__mod__),
)
def test_forms(content_type: str, body: bytes) -> None:
    """Any form has the file, as it was sent, or is refused."""
    with suppress(Malformed):
        assert file_of(content_type, body, "file") in body


@given(st.binary(max_size=300))
def test_idempotency_keys(key: bytes) -> None:
    """Any bytes that a header has are a key, unless there are too many."""
    route = next(route for route in all_routes("") if route.method == "POST")
    try:
        found = _idempotency(route, Call(IDENTITY, {}, b"", b""), {b"idempotency-key": key}, b"")
    except InvalidPayload:
        assert len(key) > KEY_LIMIT
    else:
        assert (found is None) == (not key)


@given(JSON)
def test_metadata_that_is_let_in_can_be_kept(value: Any) -> None:
    """What the door reads is what is stored and shown."""
    try:
        read = door.read(json.dumps({"metadata": value}).encode())
    except Malformed:
        return
    assert parse(canonical(read)) == read
