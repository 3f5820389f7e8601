"""Filters: every operator on every kind of field, in both databases, against the same said in plain Python."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, Table, Text, insert, select

from tallybook.domain.filters import (
    DISTANCES,
    OPERATORS,
    PARTS,
    SIDES,
    SIZE,
    VALUELESS,
    Condition,
    Filters,
    Kind,
    Moment,
    bounds,
)
from tallybook.store.database import Database
from tallybook.store.filters import Field, clause
from tallybook.store.mapping import to_ms
from tests.store.naive_filters import Kept, fits

ROWS = Table(
    "filtered_rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", Text),
    Column("number", BigInteger),
    Column("flag", Boolean),
    Column("instant", BigInteger),
    Column("day", Text),
    Column("kept", Text),
)
FIELDS = {
    "text": Field(ROWS.c.text, Kind.TEXT),
    "number": Field(ROWS.c.number, Kind.NUMBER),
    "flag": Field(ROWS.c.flag, Kind.FLAG),
    "instant": Field(ROWS.c.instant, Kind.INSTANT),
    "day": Field(ROWS.c.day, Kind.DATE),
    "metadata.": Field(ROWS.c.kept, Kind.PROPERTY),
}
WARSAW = Moment(datetime(2024, 2, 29, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Warsaw"))
"""In UTC the last day of a leap February, in Warsaw the first of March."""

TEXTS = ["", "a", "A", "ab", "abba", "b a", "żółw", "ŻÓŁW", "🎈", "a🎈b", "%", "_", "a_b", "'", '"', "\\", "a%b\\'", "true", "5"]
NUMBERS = [0, 1, -1, 5, 10, 100, 2**53 - 1, -(2**53) + 1]
DAYS = [
    date(2024, 3, 1),
    *(date(2024, 3, 1) + timedelta(days=step) for step in (-1, 1, -2, 2, -6, 6, -7, 7, -8, -30, 31, -365, 365, 366)),
    *(date(year, month, 28) for year in (1960, 2023, 2024) for month in (1, 2, 12)),
    date(1996, 2, 29),
    date(2000, 2, 29),
    date(1970, 1, 1),
    date(2024, 12, 31),
    date(2025, 1, 1),
]
INSTANTS = [
    WARSAW.now + timedelta(hours=hours, milliseconds=ms)
    for hours in (0, -1, 1, -23, 24, -24, -48, 48, -240, 240, -8760, 8760)
    for ms in (-1, 0, 1)
] + [datetime(2024, 3, 31, 1, 0, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2016, 5, 4, tzinfo=UTC)]
KEPT = [*TEXTS, 5, 0, -3, 2.5, True, False, None, "2024-02-29", "2024-03-01T00:00:00.000Z"]
KEY = 'metadata.a "key".'
VALUES: dict[str, list[Any]] = {
    "text": TEXTS,
    "number": NUMBERS,
    "flag": [True, False],
    "instant": INSTANTS,
    "day": DAYS,
    KEY: KEPT,
}
KIND_OF = {
    "text": Kind.TEXT,
    "number": Kind.NUMBER,
    "flag": Kind.FLAG,
    "instant": Kind.INSTANT,
    "day": Kind.DATE,
    KEY: Kind.PROPERTY,
}
CASES = [(name, operator) for name, kind in KIND_OF.items() for operator in sorted(OPERATORS[kind])]


def _rows() -> list[dict[str, Any]]:
    """Every value in some row, beside every other in some, and one row of nothing at all."""
    most = max(map(len, VALUES.values()))
    rows = [{"id": n} | {name: some[n % len(some)] for name, some in VALUES.items()} for n in range(most)]
    for row in rows:
        row.update({name: None for place, name in enumerate(VALUES) if (row["id"] + place) % 11 == 0})
    return [*rows, {"id": most} | dict.fromkeys(VALUES)]


ALL = _rows()


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "text", "number", "flag")},
        "instant": row["instant"] and to_ms(row["instant"]),
        "day": row["day"] and row["day"].isoformat(),
        "kept": json.dumps({KEY.removeprefix("metadata."): row[KEY], "other": "x"}) if row["id"] % 5 else None,
    }


def _read(row: dict[str, Any]) -> dict[str, Any]:
    there = row[KEY] is not None and row["id"] % 5
    return row | {KEY: Kept(row[KEY]) if there else None}


@pytest.fixture(scope="module")
def connection(shared_url: str) -> Iterator[Connection]:
    """A connection that reads a table of all rows."""
    with contextlib.closing(Database(shared_url)) as database:
        with database.writing() as writer:
            ROWS.create(writer)
            writer.execute(insert(ROWS), [_stored(row) for row in ALL])
        with database.reading() as connection:
            yield connection


def _values(name: str, operator: str) -> st.SearchStrategy[Any]:
    """Values that a reader of filters would let through."""
    kind = KIND_OF[name]
    if kind is Kind.PROPERTY:
        return st.sampled_from(["1", "5", "-3", "2.5", "0"] if operator in SIZE else [*TEXTS, "2.5", "false", "2024-03-01"])
    if kind is Kind.TEXT:
        return st.sampled_from(TEXTS) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=2)
    if kind in (Kind.INSTANT, Kind.DATE) and (operator in DISTANCES or operator in PARTS):
        low, high = bounds(operator)
        near = [low, low + 1, 2, 6, 7, 8, 28, 29, 30, 31, 59, 60, 335, 336, 365, 366, 2023, 2024, high]
        return st.sampled_from([number for number in near if low <= number <= (high if operator in PARTS else 400)])
    if kind is Kind.INSTANT and operator not in SIDES:
        return st.sampled_from([*INSTANTS, *DAYS])
    return st.sampled_from(VALUES[name])


def _conditions(name: str, operator: str) -> st.SearchStrategy[Condition]:
    if operator in VALUELESS:
        return st.just(Condition(operator))
    return st.lists(_values(name, operator), min_size=1, max_size=3).map(lambda values: Condition(operator, tuple(values)))


def _found(connection: Connection, filters: Filters) -> list[int]:
    return list(connection.scalars(select(ROWS.c.id).where(clause(filters, FIELDS, WARSAW)).order_by(ROWS.c.id)))


def _expected(filters: Filters) -> list[int]:
    return [row["id"] for row in ALL if fits(_read(row), filters, WARSAW)]


@pytest.mark.parametrize(("name", "operator"), CASES)
@settings(max_examples=25)
@given(drawn=st.data())
def test_an_operator_means_the_same_everywhere(connection: Connection, name: str, operator: str, drawn: st.DataObject) -> None:
    """Each database finds the rows that plain Python finds."""
    filters = Filters({name: (drawn.draw(_conditions(name, operator)),)})
    assert _found(connection, filters) == _expected(filters)


_FIELD = st.sampled_from(list(VALUES)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.lists(
            st.sampled_from(sorted(OPERATORS[KIND_OF[name]])).flatmap(lambda operator: _conditions(name, operator)),
            min_size=1,
            max_size=2,
        ).map(tuple),
    )
)


@settings(max_examples=150)
@given(fields=st.lists(_FIELD, max_size=4).map(dict), any_field=st.booleans())
def test_conditions_of_a_field_hold_together_and_fields_as_the_junction_says(
    connection: Connection, fields: dict[str, tuple[Condition, ...]], any_field: bool
) -> None:
    """AND within a field; AND or OR between fields; no condition lets everything through."""
    filters = Filters(fields, any_field)
    assert _found(connection, filters) == _expected(filters)


def test_the_rows_tell_the_operators_apart(connection: Connection) -> None:
    """There are rows for which the dates of another time zone, or the days of another month, would be found out."""
    today = Filters({"instant": (Condition("$today"),)})
    leap = Filters({"day": (Condition("$is_days_ago_md", (1,)),)})
    assert 0 < len(_found(connection, today)) < len(ALL)
    assert 0 < len(_found(connection, leap)) < len(ALL)
