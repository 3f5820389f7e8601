"""Filters as they are sent: `filters[field][conditions][$operator][0]=value` in a query, the same as objects in a body."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tallybook.domain.canonical import canonical
from tallybook.domain.filters import (
    DISTANCES,
    NO_FILTERS,
    OPERATORS,
    PARTS,
    SIZE,
    VALUELESS,
    Condition,
    Filters,
    Kind,
    Value,
    bounds,
)
from tallybook.wire.door import SAFE_INTEGER, Malformed
from tallybook.wire.instants import date_of_text, instant_of_text

MOST_VALUES = 1_000
"""Values in all conditions together: no database takes any number of them in one statement."""

SPOKEN = (
    "$in, $not_in, $in_location, $not_in_location, $is, $is_days_ago, $is_days_in_future, $is_not, $has_value, $is_unknown, "
    "$contains, $not_contain, $starts_with, $ends_with, $more_than, $less_than, $more_than_ago, $less_than_ago, "
    "$more_than_future, $less_than_future, $more_than_equal, $less_than_equal, $after, $before, $count, $count_less, "
    "$count_more, $today, $tomorrow, $yesterday, $this_week, $last_week, $next_week, $this_month, $last_month, $next_month, "
    "$this_year, $next_year, $last_year, $is_day_of_month, $is_day, $is_month, $is_year, $today_md, $tomorrow_md, "
    "$yesterday_md, $this_week_md, $last_week_md, $next_week_md, $this_month_md, $last_month_md, $next_month_md, "
    "$is_days_ago_md, $is_more_days_ago_md, $is_less_days_ago_md, $is_days_in_future_md, $is_more_days_in_future_md, "
    "$is_less_days_in_future_md, $is_years_ago, $active, $failed, $in_progress, $expired, $before_start, $enabled, $disabled, "
    "$redeemed, $redeemable"
)
"""The operators that the documented error names, in its order. Some are about things that no field of ours is."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")

Fields = Mapping[str, Kind]
"""The fields that may be filtered by. A name that ends with a dot stands for all that begin with it: `metadata.`"""


def read_filters(said: Any, fields: Fields, path: str = ".filters", key: str = "invalid_query_params") -> Filters:
    """The filters of a list (or, with the key `invalid_payload`, of a body).

    Malformed: another form, a field or operator that is not there, an operator that says nothing about the field, a value of
    another kind. Nothing is passed over: a condition that were would give too many rows.
    """
    return _Reader(fields, path, key).filters(said)


def kind_of(fields: Mapping[str, Any], name: str) -> str | None:
    """The name in the table of fields by which this field is meant; None if it is none of them."""
    if name in fields and not name.endswith("."):
        return name
    return next((one for one in fields if one.endswith(".") and name.startswith(one) and name != one), None)


class _Reader:
    def __init__(self, fields: Fields, path: str, key: str) -> None:
        self._fields = fields
        self._path = path
        self._key = key
        self._count = 0

    def filters(self, said: Any) -> Filters:
        if said is None:
            return NO_FILTERS
        if not isinstance(said, dict):
            raise self._shapeless()
        junction = said.get("junction", "and")
        if not isinstance(junction, str) or junction.lower() not in ("and", "or"):
            raise self._wrong(f"Property {self._path}.junction must be one of: and, or")
        named = {name: self._field(name, one) for name, one in said.items() if name != "junction"}
        return Filters({name: one for name, one in named.items() if one}, junction.lower() == "or")

    def _field(self, name: str, said: Any) -> tuple[Condition, ...]:
        known = kind_of(self._fields, name)
        if known is None:
            names = ", ".join(f"{one}*" if one.endswith(".") else one for one in self._fields)
            raise self._wrong(f"Property {self._path}.{name} is not supported. Allowed fields: {names}")
        conditions = said.get("conditions") if isinstance(said, dict) and set(said) == {"conditions"} else None
        if not isinstance(conditions, dict):
            raise self._shapeless()
        return tuple(self._condition(name, self._fields[known], operator, one) for operator, one in conditions.items())

    def _condition(self, name: str, kind: Kind, operator: str, said: Any) -> Condition:
        if operator not in SPOKEN.split(", "):
            raise self._shapeless()
        path = f"{self._path}.{name}.conditions.{operator}"
        if operator not in OPERATORS[kind]:
            raise self._wrong(f"Property {path} is not supported: the field is a {kind}")
        if operator in VALUELESS:
            return Condition(operator)
        values = said if isinstance(said, list) else list(said.values()) if isinstance(said, dict) else [said]
        self._count += len(values)
        if self._count > MOST_VALUES:
            raise self._wrong(f"Property {self._path} must not have more than {MOST_VALUES} values")
        return Condition(operator, tuple(self._value(path, kind, operator, one) for one in values))

    def _value(self, path: str, kind: Kind, operator: str, said: Any) -> Value:
        if kind in (Kind.INSTANT, Kind.DATE):
            return self._of_calendar(path, kind, operator, said)
        if kind is Kind.NUMBER:
            return self._integer(path, said, -SAFE_INTEGER, SAFE_INTEGER)
        if kind is Kind.FLAG:
            return self._flag(path, said)
        if kind is Kind.PROPERTY and operator in SIZE and not _NUMBER.fullmatch(str(said)):
            raise self._wrong(f"Property {path} must be number")
        if isinstance(said, str):
            return said
        if kind is Kind.PROPERTY and isinstance(said, bool | int | float):
            return canonical(said)
        raise self._wrong(f"Property {path} must be string")

    def _of_calendar(self, path: str, kind: Kind, operator: str, said: Any) -> Value:
        if operator in DISTANCES or operator in PARTS:
            return self._integer(path, said, *bounds(operator))
        found: datetime | date | None = None
        if isinstance(said, str):
            # A day is a whole one where it is asked for, and its midnight where an instant is before or after it.
            whole = kind is Kind.DATE or (len(said) == len("2024-01-18") and operator not in ("$after", "$before"))
            found = date_of_text(said) if whole else instant_of_text(said)
        if found is None:
            raise self._wrong(f"Property {path} cannot be recognized as a ISO-8601 compliant date")
        return found

    def _integer(self, path: str, said: Any, low: int, high: int) -> int:
        if isinstance(said, str) and said.removeprefix("-").isdecimal() and said.isascii() and len(said) < 17:
            said = int(said)
        if not isinstance(said, int) or isinstance(said, bool):
            raise self._wrong(f"Property {path} must be integer")
        if not low <= said <= high:
            raise self._wrong(f"Property {path} must be >= {low} and <= {high}")
        return said

    def _flag(self, path: str, said: Any) -> bool:
        if isinstance(said, bool):
            return said
        if said not in ("true", "false"):
            raise self._wrong(f"Property {path} must be boolean")
        return bool(said == "true")

    def _shapeless(self) -> Malformed:
        return self._wrong(
            f"Property {self._path} should match either `filters[${{field}}][conditions][${{condition}}][${{index}}]` or "
            f"`filters[${{field}}][conditions][${{condition}}]` format and condition must be one of: {SPOKEN}"
        )

    def _wrong(self, details: str) -> Malformed:
        return Malformed(details, self._key)
