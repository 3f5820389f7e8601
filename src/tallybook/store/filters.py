"""Filters as SQL: a table of fields per list says which column each name means, and of what kind it is.

All that a client sent goes in as bound parameters. Both databases answer alike, to the letter: a text is compared by its code
points, with upper and lower case told apart.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Numeric, Text, and_, cast, false, func, literal, not_, or_, true
from sqlalchemy.sql import ColumnElement

from tallybook.domain.filters import (
    EQUALITY,
    NEGATIVE,
    SIZE,
    WORDS,
    Anniversary,
    Condition,
    Days,
    Filters,
    Kind,
    Meaning,
    Moment,
    Moments,
    Part,
    Value,
    meaning,
)
from tallybook.store.mapping import to_ms
from tallybook.store.sql_functions import by_code_points, local_day, property_number, property_text, weekday

Clause = ColumnElement[bool]


class Field(NamedTuple):
    """What a name means: a column (or another expression), and the kind of its values. Of a PROPERTY, the object it is in."""

    column: ColumnElement[Any]
    kind: Kind


Fields = Mapping[str, Field]
"""By name. A name that ends with a dot stands for every property of an object: `metadata.`"""


class Narrowing(NamedTuple):
    """Filters on their way to a query: what they say, of which fields, and when it is asked."""

    filters: Filters
    fields: Fields
    moment: Moment

    def clause(self) -> Clause:
        """The rows that are let through."""
        return clause(self.filters, self.fields, self.moment)


def kinds(fields: Fields) -> dict[str, Kind]:
    """The names of the fields and their kinds: what is needed to read filters."""
    return {name: field.kind for name, field in fields.items()}


def clause(filters: Filters, fields: Fields, moment: Moment) -> Clause:
    """The rows that these filters let through; all of them when there is no condition."""
    each = [_field(_named(fields, name), conditions, moment) for name, conditions in filters.fields.items()]
    if not each:
        return true()
    return or_(*each) if filters.any_field else and_(*each)


def _named(fields: Fields, name: str) -> Field:
    if name in fields:
        return fields[name]
    prefix = next(one for one in fields if one.endswith(".") and name.startswith(one))
    return Field(property_text(fields[prefix].column, literal(name.removeprefix(prefix), Text)), Kind.PROPERTY)


def _field(field: Field, conditions: tuple[Condition, ...], moment: Moment) -> Clause:
    return and_(*(_condition(field, one, moment) for one in conditions))


def _condition(field: Field, condition: Condition, moment: Moment) -> Clause:
    column, operator = field.column, condition.operator
    if operator == "$has_value":
        return column.is_not(None)
    if operator == "$is_unknown":
        return column.is_(None)
    positive = {"$not_in": "$in", "$is_not": "$is", "$not_contain": "$contains"}.get(operator, operator)
    # A word about dates that has no value is one condition all the same.
    values: tuple[Value | None, ...] = condition.values or (() if operator in EQUALITY | WORDS | SIZE else (None,))
    fits = or_(false(), *(_fits(field, positive, value, moment) for value in values))
    return or_(column.is_(None), not_(fits)) if operator in NEGATIVE else and_(column.is_not(None), fits)


def _fits(field: Field, operator: str, value: Any, moment: Moment) -> Clause:
    if operator in EQUALITY:
        return _equal(field, value, moment)
    if field.kind in (Kind.INSTANT, Kind.DATE):
        return _within(field, meaning(operator, value, moment, whole_days=field.kind is Kind.DATE), moment.zone)
    if operator in WORDS:
        return _WORDS[operator](field.column, value)
    if field.kind is Kind.PROPERTY:
        return _property_compared(field.column, operator, value)
    return _SIZES[operator](field.column, value)


def _equal(field: Field, value: Any, moment: Moment) -> Clause:
    if isinstance(value, datetime):
        return field.column == to_ms(value)
    if isinstance(value, date):
        return _within(field, Days(value, value), moment.zone)
    return field.column == (literal(value, Text) if isinstance(value, str) else literal(value))


# --- texts ---------------------------------------------------------------------------------------------------------------


def _contains(column: ColumnElement[Any], part: str) -> Clause:
    # Not LIKE: SQLite's does not tell upper from lower case.
    return func.replace(column, literal(part, Text), literal("", Text)) != column if part else column.is_not(None)


def _starts(column: ColumnElement[Any], part: str) -> Clause:
    return func.substr(column, 1, len(part)) == literal(part, Text)


def _ends(column: ColumnElement[Any], part: str) -> Clause:
    size = func.length(column)
    return and_(size >= len(part), func.substr(column, size - (len(part) - 1), len(part)) == literal(part, Text))


_WORDS: dict[str, Callable[[ColumnElement[Any], str], Clause]] = {
    "$contains": _contains,
    "$starts_with": _starts,
    "$ends_with": _ends,
}
_SIZES: dict[str, Callable[[Any, Any], Clause]] = {
    "$more_than": lambda column, value: column > value,
    "$less_than": lambda column, value: column < value,
    "$more_than_equal": lambda column, value: column >= value,
    "$less_than_equal": lambda column, value: column <= value,
}


def _property_compared(column: ColumnElement[Any], operator: str, value: str) -> Clause:
    """Numbers by their size; dates as the texts they are, which ISO 8601 made for that."""
    if operator in _SIZES:
        assert isinstance(column, property_text)
        return _SIZES[operator](property_number(*column.clauses), cast(literal(value, Text), Numeric))
    text = by_code_points(column)
    return text > literal(value, Text) if operator == "$after" else text < literal(value, Text)


# --- dates ---------------------------------------------------------------------------------------------------------------


def _within(field: Field, asked: Meaning, zone: ZoneInfo) -> Clause:
    column, by_instant = field.column, field.kind is Kind.INSTANT
    if isinstance(asked, Moments):
        return _between(column, asked)
    if isinstance(asked, Days):
        return _between(column, _instants_of(asked, zone)) if by_instant else _from_to(column, asked)
    day = local_day(column, literal(zone.key, Text)) if by_instant else column
    if isinstance(asked, Anniversary):
        found = func.substr(day, 6, 5).in_(sorted(asked.days))
        return not_(found) if asked.others else found
    return _part(day, asked)


def _between(column: ColumnElement[Any], asked: Moments) -> Clause:
    after = [] if asked.after is None else [column > to_ms(asked.after)]
    return and_(true(), *after, *([] if asked.before is None else [column < to_ms(asked.before)]))


def _from_to(column: ColumnElement[Any], asked: Days) -> Clause:
    first = [] if asked.first is None else [by_code_points(column) >= asked.first.isoformat()]
    return and_(true(), *first, *([] if asked.last is None else [by_code_points(column) <= asked.last.isoformat()]))


def _instants_of(days: Days, zone: ZoneInfo) -> Moments:
    """From the first midnight up to the one that ends the last day."""
    after = None if days.first is None else _midnight(days.first, zone) - timedelta(milliseconds=1)
    before = None if days.last is None or days.last == date.max else _midnight(days.last + timedelta(days=1), zone)
    return Moments(after, before)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Two days off the ends of the calendar, where another time zone has no date any more.
    inside = min(max(day, date.min + timedelta(days=2)), date.max - timedelta(days=2))
    return datetime.combine(inside, time(), zone).astimezone(UTC)


def _part(day: ColumnElement[Any], asked: Part) -> Clause:
    if asked.operator == "$is_day":
        return weekday(day) == asked.number
    begin, size = {"$is_year": (1, 4), "$is_month": (6, 2), "$is_day_of_month": (9, 2)}[asked.operator]
    return func.substr(day, begin, size) == literal(str(asked.number).zfill(size), Text)
