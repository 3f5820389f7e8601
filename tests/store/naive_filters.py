"""The meaning of filters said once more, row by row in plain Python: what the databases are compared with.

Days are looked for one by one, so that nothing here shares the arithmetic of what it checks.
"""

import calendar
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tallybook.domain.filters import Condition, Filters, Moment

DAY = timedelta(days=1)
NEGATIVE = {"$not_in": "$in", "$is_not": "$is", "$not_contain": "$contains"}

WORDS: dict[str, Callable[[Any, Any], bool]] = {
    "$in": lambda one, said: bool(one == said),
    "$is": lambda one, said: bool(one == said),
    "$contains": lambda one, said: said in one,
    "$starts_with": lambda one, said: bool(one.startswith(said)),
    "$ends_with": lambda one, said: bool(one.endswith(said)),
    "$more_than": lambda one, said: bool(one > said),
    "$less_than": lambda one, said: bool(one < said),
    "$more_than_equal": lambda one, said: bool(one >= said),
    "$less_than_equal": lambda one, said: bool(one <= said),
    "$after": lambda one, said: bool(one > said),
    "$before": lambda one, said: bool(one < said),
}


@dataclass(frozen=True)
class Kept:
    """A property of metadata: what was kept under it."""

    value: Any


def fits(row: dict[str, Any], filters: Filters, moment: Moment) -> bool:
    """Whether these filters let the row through."""
    each = [all(_holds(row[name], one, moment) for one in conditions) for name, conditions in filters.fields.items()]
    return not each or (any(each) if filters.any_field else all(each))


def _holds(value: Any, condition: Condition, moment: Moment) -> bool:
    operator = condition.operator
    if operator in ("$has_value", "$is_unknown"):
        return (value is None) == (operator == "$is_unknown")
    if operator in NEGATIVE:
        return not any(_fits(value, NEGATIVE[operator], said, moment) for said in condition.values)
    values = condition.values or ((None,) if isinstance(value, date) else ())
    return any(_fits(value, operator, said, moment) for said in values)


def _fits(value: Any, operator: str, said: Any, moment: Moment) -> bool:
    if value is None:
        return False
    if isinstance(value, Kept):
        return _kept_fits(value.value, operator, said)
    if not isinstance(value, date):
        return WORDS[operator](value, said)
    if isinstance(said, date) and isinstance(value, datetime) and not isinstance(said, datetime):
        return _local(value, moment.zone) == said
    if isinstance(said, date):
        return WORDS[operator](value, said)
    if operator.startswith(("$more_than", "$less_than")):
        return _away(value, operator, said, moment)
    day = _local(value, moment.zone)
    return _on_day(day, operator, said, moment.now.astimezone(moment.zone).date())


def _kept_fits(value: Any, operator: str, said: str) -> bool:
    if operator.startswith(("$more", "$less")):
        return type(value) in (int, float) and WORDS[operator](Decimal(str(value)), Decimal(said))
    return WORDS[operator](value if isinstance(value, str) else json.dumps(value), said)


def _local(value: Any, zone: ZoneInfo) -> date:
    return value.astimezone(zone).date() if isinstance(value, datetime) else value


def _away(value: Any, operator: str, days: int, moment: Moment) -> bool:
    start = moment.now if isinstance(value, datetime) else moment.now.astimezone(moment.zone).date()
    ago = start - value if not operator.endswith("_future") else value - start
    return bool(ago > days * DAY if operator.startswith("$more") else timedelta() <= ago < days * DAY)


def _on_day(day: date, operator: str, said: Any, today: date) -> bool:
    parts = {"$is_year": day.year, "$is_month": day.month, "$is_day_of_month": day.day, "$is_day": day.isoweekday() % 7}
    if operator in parts:
        return bool(parts[operator] == said)
    if operator == "$is_years_ago":
        return (day.year, day.month) == (today.year - said, today.month) and day.day == _in_month(today.day, day)
    if operator == "$is_days_ago":
        return bool((today - day).days == said)
    if operator == "$is_days_in_future":
        return bool((day - today).days == said)
    if operator.startswith("$is_"):
        return _anniversary(day, operator, said, today)
    if operator.endswith("_md"):
        near = (today + step * DAY for step in range(-80, 80))
        return any(_in_period(one, operator.removesuffix("_md"), today) and _has_birthday(day, one) for one in near)
    return _in_period(day, operator, today)


def _in_month(number: int, day: date) -> int:
    return min(number, calendar.monthrange(day.year, day.month)[1])


def _has_birthday(born: date, day: date) -> bool:
    if (born.month, born.day) == (2, 29) and not calendar.isleap(day.year):
        return (day.month, day.day) == (2, 28)
    return (born.month, born.day) == (day.month, day.day)


def _anniversary(born: date, operator: str, said: int, today: date) -> bool:
    step = 1 if "future" in operator else -1
    if operator in ("$is_days_ago_md", "$is_days_in_future_md"):
        return _has_birthday(born, today + step * said * DAY)
    away = next(number for number in range(400) if _has_birthday(born, today + step * number * DAY))
    return away < said if "_less_" in operator else away > said


def _in_period(day: date, operator: str, today: date) -> bool:
    word, _, unit = operator[1:].partition("_")
    step = {"yesterday": -1, "last": -1, "today": 0, "this": 0, "tomorrow": 1, "next": 1}[word]
    if not unit:
        return day == today + step * DAY
    if unit == "week":
        return day.isocalendar()[:2] == (today + step * 7 * DAY).isocalendar()[:2]
    if unit == "year":
        return day.year == today.year + step
    return day.year * 12 + day.month == today.year * 12 + today.month + step
