"""Canonical JSON is what ECMAScript writes: a fixed table, properties, and Node itself where it is installed."""

import json
import shutil
import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.domain.canonical import canonical, merge, parse

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = (
    TEXTS
    | st.integers(0, 2**33).map(str)
    | st.sampled_from(["", "0", "00", "-1", "1.5", "4294967294", "4294967295", "__proto__"])
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | DOUBLES | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
RESTRINGIFY = """
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(texts.map(text => JSON.stringify(JSON.parse(text)))))
"""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ({}, "{}"),
        ([], "[]"),
        (0, "0"),
        (-7, "-7"),
        (2**53 - 1, "9007199254740991"),
        (10**16, "10000000000000000"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        (-0.00001234, "-0.00001234"),
        (0.1, "0.1"),
        (5.0, "5"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (-1.2345678901234568e20, "-123456789012345680000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        ("é😀\u2028/\x7f", '"é😀\u2028/\x7f"'),
        ('\b\f\n\r\t\\"\x00\x1f\x0b', '"\\b\\f\\n\\r\\t\\\\\\"\\u0000\\u001f\\u000b"'),
        ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
        ({"b": 1, "10": 2, "9": 3, "a": 4}, '{"9":3,"10":2,"b":1,"a":4}'),
        ({"x": [{"b": 0, "1": 0.5}]}, '{"x":[{"1":0.5,"b":0}]}'),
        ({"01": 1, "-1": 2, "1.0": 3, "1": 4, "": 5, "²": 6, "٣": 7}, '{"1":4,"01":1,"-1":2,"1.0":3,"":5,"²":6,"٣":7}'),
        ({"4294967295": 1, "4294967294": 2, "99999999999": 3, "0": 4}, '{"0":4,"4294967294":2,"4294967295":1,"99999999999":3}'),
    ],
)
def test_values_are_written_as_ecmascript_writes_them(value: Any, text: str) -> None:
    """Numbers, escapes and the order of keys are those of JSON.stringify."""
    assert canonical(value) == text
    assert canonical(parse(text)) == text


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 2**53 + 1, 10**21, 10**400, "\ud800", {"\udfff": 1}]
)
def test_what_no_parser_keeps_is_an_error(value: Any) -> None:
    """The door refuses these, so one that arrives here is a broken invariant."""
    with pytest.raises(ValueError):  # noqa: PT011 - three kinds of it
        canonical([value])


@pytest.mark.parametrize("value", [{5: 1}, {"a": 0.5, "b": {5: 1}}, (1, 2), b"x", object(), msgspec.UNSET])
def test_only_json_values_are_taken(value: Any) -> None:
    """Other kinds of value are an error of the caller."""
    with pytest.raises(TypeError):
        canonical(value)


@given(VALUES)
def test_canonical_text_is_stable_json(value: Any) -> None:
    """It says the same value to readers of doubles, and does not change when it is parsed and written again."""
    text = canonical(value)
    assert json.loads(text, parse_int=float) == value
    assert canonical(parse(text)) == text


def test_node_writes_the_same_bytes() -> None:
    """A receiver in JavaScript that parses and re-serialises a text has the bytes that were signed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    texts: list[str] = []

    @settings(max_examples=400)
    @given(VALUES)
    def collect(value: Any) -> None:
        texts.append(canonical(value))

    collect()
    run = subprocess.run([node, "-e", RESTRINGIFY], input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
    assert json.loads(run.stdout) == texts


@pytest.mark.parametrize(
    ("old", "changes", "unset", "new"),
    [
        ("{}", {}, (), "{}"),
        ('{"a":1,"b":2}', {"c": 3}, (), '{"a":1,"b":2,"c":3}'),
        ('{"a":1,"b":2}', {"a": 5.0}, (), '{"a":5,"b":2}'),
        ('{"a":1,"b":2}', {"b": None}, (), '{"a":1,"b":null}'),
        ('{"a":1,"b":2}', {"3": True}, ("a", "z"), '{"3":true,"b":2}'),
        ('{"a":{"b":1}}', {"a": {"c": 2}}, (), '{"a":{"c":2}}'),
        ('{"7":1,"a":1e-7,"b":"é"}', {"b": "é", "7": 1}, (), '{"7":1,"a":1e-7,"b":"é"}'),
    ],
)
def test_metadata_is_merged_by_key(old: str, changes: dict[str, Any], unset: tuple[str, ...], new: str) -> None:
    """Keys given replace, keys not given stay in their place, and changes that change nothing give the same text."""
    assert merge(old, changes, unset) == new
