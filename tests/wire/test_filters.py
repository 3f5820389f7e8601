"""Filters as they are sent: what is read of a query and of a body, and what is refused."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tallybook.domain.filters import NO_FILTERS, Condition, Filters, Kind
from tallybook.wire.door import Malformed, read_query
from tallybook.wire.filters import SPOKEN, read_filters

FIELDS = {
    "id": Kind.TEXT,
    "amount": Kind.NUMBER,
    "active": Kind.FLAG,
    "created_at": Kind.INSTANT,
    "birthdate": Kind.DATE,
    "metadata.": Kind.PROPERTY,
}
FORM = (
    "Property .filters should match either `filters[${field}][conditions][${condition}][${index}]` or "
    f"`filters[${{field}}][conditions][${{condition}}]` format and condition must be one of: {SPOKEN}"
)


def one(field: str, operator: str, *values: Any) -> Filters:
    """Filters with one condition."""
    return Filters({field: (Condition(operator, values),)})


IN_QUERIES = {
    "filters[id][conditions][$is]=a": one("id", "$is", "a"),
    "filters[id][conditions][$in][0]=a&filters[id][conditions][$in][1]=b": one("id", "$in", "a", "b"),
    "filters[id][conditions][$in][]=a&filters[id][conditions][$in][]=b": one("id", "$in", "a", "b"),
    "filters[id][conditions][$in]=a&filters[id][conditions][$in]=b": one("id", "$in", "a", "b"),
    "filters[id][conditions][$is_unknown]=": one("id", "$is_unknown"),
    "filters[amount][conditions][$more_than]=100": one("amount", "$more_than", 100),
    "filters[amount][conditions][$is]=-5": one("amount", "$is", -5),
    "filters[active][conditions][$is]=true": one("active", "$is", True),
    "filters[created_at][conditions][$after]=2024-10-01": one("created_at", "$after", datetime(2024, 10, 1, tzinfo=UTC)),
    "filters[created_at][conditions][$is]=2024-10-01": one("created_at", "$is", date(2024, 10, 1)),
    "filters[created_at][conditions][$before][0]=2024-10-01T02:00:00.5%2B02:00": one(
        "created_at", "$before", datetime(2024, 10, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    ),
    "filters[created_at][conditions][$less_than]=10": one("created_at", "$less_than", 10),
    "filters[created_at][conditions][$today]=": one("created_at", "$today"),
    "filters[birthdate][conditions][$is]=1990-02-28T00:00:00.000Z": one("birthdate", "$is", date(1990, 2, 28)),
    "filters[birthdate][conditions][$is_day]=0": one("birthdate", "$is_day", 0),
    "filters[metadata.color][conditions][$is]=red": one("metadata.color", "$is", "red"),
    "filters[metadata.size][conditions][$more_than]=1.5": one("metadata.size", "$more_than", "1.5"),
    "filters[junction]=or&filters[id][conditions][$is]=a": Filters({"id": (Condition("$is", ("a",)),)}, any_field=True),
    "filters[junction]=AND&filters[id][conditions][$is]=a": one("id", "$is", "a"),
    "filters[junction]=OR": Filters(any_field=True),
    "limit=5": NO_FILTERS,
}


@pytest.mark.parametrize(("query", "expected"), IN_QUERIES.items())
def test_a_query_says_filters(query: str, expected: Filters) -> None:
    """With an index, without, or with the name given again; values are read as what the field holds."""
    pairs = [(name, value.replace("%2B", "+")) for name, _, value in (part.partition("=") for part in query.split("&"))]
    assert read_filters(read_query(pairs).get("filters"), FIELDS) == expected


IN_BODIES: list[tuple[Any, Filters]] = [
    ({"amount": {"conditions": {"$more_than": 100000}}}, one("amount", "$more_than", 100_000)),
    ({"amount": {"conditions": {"$in": [1, 2]}}}, one("amount", "$in", 1, 2)),
    ({"id": {"conditions": {"$in": []}}}, one("id", "$in")),
    ({"active": {"conditions": {"$is": [False]}}}, one("active", "$is", False)),
    ({"metadata.n": {"conditions": {"$is": [5, 0.5, True, "x"]}}}, one("metadata.n", "$is", "5", "0.5", "true", "x")),
    (
        {"junction": "and", "created_at": {"conditions": {"$after": ["2024-10-01T00:00:00.000Z"], "$this_year": []}}},
        Filters({"created_at": (Condition("$after", (datetime(2024, 10, 1, tzinfo=UTC),)), Condition("$this_year"))}),
    ),
    ({"id": {"conditions": {}}}, NO_FILTERS),
    (None, NO_FILTERS),
]


@pytest.mark.parametrize(("body", "expected"), IN_BODIES)
def test_a_body_says_filters(body: Any, expected: Filters) -> None:
    """The same as objects, with values as JSON has them."""
    assert read_filters(body, FIELDS, ".parameters.filters", "invalid_payload") == expected


REFUSED: list[tuple[Any, str]] = [
    ("x", FORM),
    ({"id": "x"}, FORM),
    ({"id": {"$is": "x"}}, FORM),
    ({"id": {"conditions": "x"}}, FORM),
    ({"id": {"conditions": {"$like": "x"}}}, FORM),
    ({"id": {"conditions": {"is": "x"}}}, FORM),
    ({"id": {"conditions": {"$is": "x"}, "junction": "or"}}, FORM),
    ({"junction": "xor"}, "Property .filters.junction must be one of: and, or"),
    (
        {"colour": {"conditions": {"$is": "red"}}},
        "Property .filters.colour is not supported. Allowed fields: id, amount, active, created_at, birthdate, metadata.*",
    ),
    (
        {"metadata.": {"conditions": {"$is": "red"}}},
        "Property .filters.metadata. is not supported. Allowed fields: id, amount, active, created_at, birthdate, metadata.*",
    ),
    (
        {"amount": {"conditions": {"$contains": "1"}}},
        "Property .filters.amount.conditions.$contains is not supported: the field is a number",
    ),
    ({"id": {"conditions": {"$count": "1"}}}, "Property .filters.id.conditions.$count is not supported: the field is a text"),
    ({"amount": {"conditions": {"$is": "five"}}}, "Property .filters.amount.conditions.$is must be integer"),
    ({"amount": {"conditions": {"$is": 1.5}}}, "Property .filters.amount.conditions.$is must be integer"),
    ({"amount": {"conditions": {"$is": True}}}, "Property .filters.amount.conditions.$is must be integer"),
    ({"amount": {"conditions": {"$is": "٣"}}}, "Property .filters.amount.conditions.$is must be integer"),
    ({"id": {"conditions": {"$is": 5}}}, "Property .filters.id.conditions.$is must be string"),
    ({"id": {"conditions": {"$is": [["a"]]}}}, "Property .filters.id.conditions.$is must be string"),
    ({"active": {"conditions": {"$is": "yes"}}}, "Property .filters.active.conditions.$is must be boolean"),
    ({"active": {"conditions": {"$is": [["true"]]}}}, "Property .filters.active.conditions.$is must be boolean"),
    (
        {"created_at": {"conditions": {"$after": "soon"}}},
        "Property .filters.created_at.conditions.$after cannot be recognized as a ISO-8601 compliant date",
    ),
    (
        {"created_at": {"conditions": {"$is_month": "13"}}},
        "Property .filters.created_at.conditions.$is_month must be >= 1 and <= 12",
    ),
    (
        {"created_at": {"conditions": {"$more_than": "-1"}}},
        "Property .filters.created_at.conditions.$more_than must be >= 0 and <= 36525",
    ),
    ({"metadata.n": {"conditions": {"$more_than": "x"}}}, "Property .filters.metadata.n.conditions.$more_than must be number"),
    ({"id": {"conditions": {"$in": ["x"] * 1_001}}}, "Property .filters must not have more than 1000 values"),
]


@pytest.mark.parametrize(("said", "details"), REFUSED, ids=range(len(REFUSED)))
def test_filters_that_say_nothing_are_refused(said: Any, details: str) -> None:
    """Each with the path of what is wrong: a condition that was passed over would let too many rows through."""
    with pytest.raises(Malformed) as refused:
        read_filters(said, FIELDS)
    assert (refused.value.key, refused.value.details) == ("invalid_query_params", details)
