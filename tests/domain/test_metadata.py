"""Metadata against its schema: a table of types and limits, and the words of the documented answers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallybook.domain.config import Definition, MetadataSchema
from tallybook.domain.metadata import faults


def schema(*, only: bool | None = None, **properties: Any) -> MetadataSchema:
    """A schema of these definitions."""
    return MetadataSchema(
        id="ms_1",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        related_object="order",
        properties=properties,
        allow_defined_only=only,
    )


def of(kind: Any, **said: Any) -> Definition:
    """A definition: optional, one value."""
    return Definition(**{"type": kind, "array": False, "optional": True} | said)


FITTING = [
    (of("string"), ""),
    (of("string", eq=["L1", "L2"]), "L2"),
    (of("string", min_length=2, max_length=3), "abc"),
    (of("string", exact_length=4), "żółw"),
    (of("number"), 0),
    (of("number"), -1.5),
    (of("number", eq=[1, 2.5]), 2.5),
    (of("number", ne=[1, 2, 18, 22]), 3),
    (of("number", lt=10, gt=1), 9.99),
    (of("number", lte=10, gte=10), 10),
    (of("boolean"), False),
    (of("date"), "2024-02-29"),
    (of("datetime"), "2024-02-29T23:59:59.999Z"),
    (of("datetime"), "2024-02-29T23:59+02:00"),
    (of("image_url"), "https://images.example/a.b/c.JPG?size=2"),
    (of("image_url"), "http://images.example/c.png"),
    (of("geopoint"), "52.2297,21.0122"),
    (of("geopoint"), {"lat": -90, "lng": 180}),
    (of("geopoint"), {"latitude": 1.5, "longitude": 2}),
    (of("object"), {"anything": [1]}),
    (of("object", object_type="Unknown"), {"anything": 1}),
    (of("object", object_type="Payment"), {"method": "card"}),
    (of("string", array=True), []),
    (of("string", array=True, eq=["L1", "L2"]), ["L1", "L1"]),
    (of("object", array=True, object_type="Payment"), [{"method": "card"}, {"method": "cash", "more": 1}]),
    (of("string"), None),
    (of("string", deleted=True, optional=False), 5),
]
BROKEN = [
    (of("string"), 5, "k: must be a string (actual value is '5')"),
    (of("string"), ["a"], "k: must be a string (actual value is '[\"a\"]')"),
    (of("string", eq=["L1", "L2"]), "L3", "k: must be a string, must be equal to one of L1,L2 (actual value is 'L3')"),
    (of("string", min_length=2), "a", "k: must be a string, must have at least 2 characters (actual value is 'a')"),
    (of("string", max_length=2), "abc", "k: must be a string, must have at most 2 characters (actual value is 'abc')"),
    (of("string", exact_length=2), "abc", "k: must be a string, must have exactly 2 characters (actual value is 'abc')"),
    (of("number"), "5", "k: must be a number (actual value is '5')"),
    (of("number"), True, "k: must be a number (actual value is 'true')"),
    (of("number", eq=[1, 2.5]), 2, "k: must be a number, must be equal to one of 1,2.5 (actual value is '2')"),
    (of("number", ne=[1, 2]), 2, "k: must be a number, must not be equal to any of 1,2 (actual value is '2')"),
    (of("number", lt=2), 2, "k: must be a number, must be less than 2 (actual value is '2')"),
    (of("number", lte=2), 2.5, "k: must be a number, must be less than or equal to 2 (actual value is '2.5')"),
    (of("number", gt=2.5), 2.5, "k: must be a number, must be greater than 2.5 (actual value is '2.5')"),
    (of("number", gte=15), 14, "k: must be a number, must be greater than or equal to 15 (actual value is '14')"),
    (of("boolean"), 1, "k: must be a boolean (actual value is '1')"),
    (of("date"), "2023-02-29", "k: must be a date such as 2024-01-18 (actual value is '2023-02-29')"),
    (of("date"), "2024-01-18T00:00:00Z", "k: must be a date such as 2024-01-18 (actual value is '2024-01-18T00:00:00Z')"),
    (of("datetime"), "2024-01-18", "k: must be a date and time such as 2024-01-18T15:19:20Z (actual value is '2024-01-18')"),
    (of("image_url"), "http.com", "k: must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'http.com')"),
    (of("geopoint"), "91,0", "k: must be a latitude and a longitude such as 52.23,21.01 (actual value is '91,0')"),
    (of("geopoint"), {"lat": 1}, "k: must be a latitude and a longitude such as 52.23,21.01 (actual value is '{\"lat\":1}')"),
    (of("object"), "x", "k: must be an object (actual value is 'x')"),
    (of("object", object_type="Payment"), {"method": 5}, "k.method: must be a string (actual value is '5')"),
    (of("object", object_type="Payment"), {}, "k.method: is required"),
    (
        of("string", array=True, eq=["L1", "L2", "L3"]),
        "L1",
        "k: must be an array, and every element: must be a string, must be equal to one of L1,L2,L3 (actual value is 'L1')",
    ),
    (
        of("number", array=True),
        [1, "2"],
        "k: must be an array, and every element: must be a number (actual value is '[1,\"2\"]')",
    ),
    (of("string", optional=False), None, "k: is required"),
]
PAYMENT = schema(method=of("string", optional=False))


@pytest.mark.parametrize(("definition", "value"), FITTING)
def test_what_fits_has_no_faults(definition: Definition, value: Any) -> None:
    """Values of the type and within the limits; null counts as not there; a deleted definition asks for nothing."""
    assert faults({"k": value}, schema(k=definition), {"Payment": PAYMENT}) == []


@pytest.mark.parametrize(("definition", "value", "fault"), BROKEN)
def test_what_does_not_fit_is_named(definition: Definition, value: Any, fault: str) -> None:
    """The key, what it must be, and what it is: the words of the two documented answers."""
    assert faults({"k": value}, schema(k=definition), {"Payment": PAYMENT}) == [fault]


def test_what_is_required_must_be_there() -> None:
    """An optional key may be left out, a required one may not."""
    both = schema(a=of("string"), b=of("string", optional=False))
    assert faults({}, both, {}) == ["b: is required"]


def test_keys_of_ones_own_are_free_unless_forbidden() -> None:
    """What the schema does not define may be there unless it says `allow_defined_only`; a deleted definition defines nothing."""
    own = {"a": "x", "mine": 1, "gone": 2}
    properties: dict[str, Any] = {"a": of("string"), "gone": of("number", deleted=True)}
    assert faults(own, schema(**properties), {}) == []
    assert faults(own, schema(only=True, **properties), {}) == [
        "mine: is not defined in the metadata schema",
        "gone: is not defined in the metadata schema",
    ]


def test_every_fault_is_told() -> None:
    """All that is wrong is said at once, in the order of the schema."""
    both = schema(a=of("string"), b=of("number"))
    assert faults({"b": "1", "a": 1}, both, {}) == [
        "a: must be a string (actual value is '1')",
        "b: must be a number (actual value is '1')",
    ]
