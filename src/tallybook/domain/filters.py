"""Filters of lists and exports: conditions on the fields of a row, joined by AND or by OR (semantics 12).

Conditions on one field hold together; the junction stands between fields. A condition with several values holds when it holds
for any of them, a negative one (`$is_not`, `$not_in`, `$not_contain`) when it denies all of them. What is not there is not any
value: the negative conditions are true of it, all others but `$is_unknown` are false.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from tallybook.domain.dates import add_months, local_date


class Kind(StrEnum):
    """What the values of a field are, and so which conditions it takes."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    INSTANT = "instant"
    DATE = "date"
    PROPERTY = "property"
    """Of metadata or an address: whatever the shop keeps there, a text, a number, a flag."""


Value = str | int | bool | datetime | date


class Condition(msgspec.Struct, frozen=True):
    """An operator, and the values it is about."""

    operator: str
    values: tuple[Value, ...] = ()


class Filters(msgspec.Struct, frozen=True):
    """The conditions on each field. `any_field`: one field that fits is enough (junction `or`)."""

    fields: Mapping[str, tuple[Condition, ...]] = {}
    any_field: bool = False


NO_FILTERS = Filters()


class Moment(msgspec.Struct, frozen=True):
    """The instant and the time zone that words such as `today` are about: those of the project."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The local date."""
        return local_date(self.now, self.zone)


# --- which operators there are -------------------------------------------------------------------------------------------

NEGATIVE = frozenset({"$not_in", "$is_not", "$not_contain"})
PRESENCE = frozenset({"$has_value", "$is_unknown"})
EQUALITY = frozenset({"$in", "$not_in", "$is", "$is_not"})
WORDS = frozenset({"$contains", "$not_contain", "$starts_with", "$ends_with"})
SIZE = frozenset({"$more_than", "$less_than", "$more_than_equal", "$less_than_equal"})
SIDES = frozenset({"$after", "$before"})
DISTANCES = frozenset(
    {"$more_than", "$less_than", "$more_than_ago", "$less_than_ago", "$more_than_future", "$less_than_future"}
    | {"$is_days_ago", "$is_days_in_future", "$is_years_ago", "$is_days_ago_md", "$is_days_in_future_md"}
    | {"$is_more_days_ago_md", "$is_less_days_ago_md", "$is_more_days_in_future_md", "$is_less_days_in_future_md"}
)
"""About so many days (or years) from now."""
PARTS = {"$is_day_of_month": (1, 31), "$is_day": (0, 6), "$is_month": (1, 12), "$is_year": (1, 9999)}
"""About a part of the date, by its number: `$is_day` is the day of the week, 0 for Sunday as everywhere in the API."""
FARTHEST = 36_525
"""Days that a distance may have: a hundred years, and no date that follows from it leaves the calendar."""
PERIODS = frozenset(
    {"$today", "$tomorrow", "$yesterday", "$this_week", "$last_week", "$next_week"}
    | {"$this_month", "$last_month", "$next_month", "$this_year", "$last_year", "$next_year"}
)
ANNIVERSARIES = frozenset(f"{name}_md" for name in PERIODS if not name.endswith("_year"))
"""About month and day, whatever the year: birthdays."""

_CALENDAR = PRESENCE | EQUALITY | SIDES | DISTANCES | frozenset(PARTS) | PERIODS | ANNIVERSARIES
OPERATORS: dict[Kind, frozenset[str]] = {
    Kind.TEXT: PRESENCE | EQUALITY | WORDS,
    Kind.NUMBER: PRESENCE | EQUALITY | SIZE,
    Kind.FLAG: PRESENCE | EQUALITY,
    Kind.INSTANT: _CALENDAR,
    Kind.DATE: _CALENDAR,
    Kind.PROPERTY: PRESENCE | EQUALITY | WORDS | SIZE | SIDES,
}
"""What can be asked of a field of each kind."""

VALUELESS = PRESENCE | PERIODS | ANNIVERSARIES
"""Operators that need no value; one that is sent, an empty text as documented, is not looked at."""


def bounds(operator: str) -> tuple[int, int]:
    """The numbers that an operator about dates takes, from and to."""
    return PARTS.get(operator, (0, FARTHEST if operator != "$is_years_ago" else 1_000))


# --- what the words about dates mean -------------------------------------------------------------------------------------


class Days(msgspec.Struct, frozen=True):
    """Local days from `first` to `last`, both included; None is no end."""

    first: date | None = None
    last: date | None = None


class Moments(msgspec.Struct, frozen=True):
    """Instants after one and before another, both excluded; None is no end."""

    after: datetime | None = None
    before: datetime | None = None


class Anniversary(msgspec.Struct, frozen=True):
    """Month and day are among these (`MM-DD`); with `others`, they are not."""

    days: frozenset[str]
    others: bool = False


class Part(msgspec.Struct, frozen=True):
    """The part of the local date that this operator is about has this number."""

    operator: str
    number: int


Meaning = Days | Moments | Anniversary | Part

_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
_SPOKEN = {"yesterday": -1, "today": 0, "tomorrow": 1, "last": -1, "this": 0, "next": 1}


def meaning(operator: str, value: Value | None, moment: Moment, *, whole_days: bool) -> Meaning:
    """What an operator about dates asks for. With `whole_days`, as of a field that has days only."""
    if operator in PERIODS:
        return _period(operator, moment.today)
    if operator in ANNIVERSARIES:
        return Anniversary(_month_days(_period(operator.removesuffix("_md"), moment.today)))
    if operator in SIDES:
        return _side(operator, value)
    assert isinstance(value, int), f"{operator} without a number"
    if operator in PARTS:
        return Part(operator, value)
    if operator.endswith("_md"):
        return _anniversary_at(operator, value, moment.today)
    if operator == "$is_years_ago":
        day = add_months(moment.today, -12 * value)
        return Days(day, day)
    if operator in ("$is_days_ago", "$is_days_in_future"):
        day = moment.today + (value if operator == "$is_days_in_future" else -value) * _DAY
        return Days(day, day)
    return _days_away(operator, value, moment.today) if whole_days else _moments_away(operator, value, moment.now)


def _side(operator: str, value: Value | None) -> Meaning:
    """What comes after an instant or a whole day, or before it. Beyond the calendar's ends there is nothing."""
    if isinstance(value, datetime):
        return Moments(after=value) if operator == "$after" else Moments(before=value)
    assert isinstance(value, date), f"{operator} without a date"
    if operator == "$after":
        return Days(first=min(value, date.max - _DAY) + _DAY)
    return Days(last=max(value, date.min + _DAY) - _DAY)


def _period(operator: str, today: date) -> Days:
    """The days of a spoken period: a week begins on Monday (ISO 8601)."""
    word, _, unit = operator[1:].partition("_")
    step = _SPOKEN[word]
    if not unit:
        return Days(today + step * _DAY, today + step * _DAY)
    if unit == "week":
        monday = today + (7 * step - today.weekday()) * _DAY
        return Days(monday, monday + 6 * _DAY)
    months, begin = (1, today.replace(day=1)) if unit == "month" else (12, today.replace(month=1, day=1))
    first = add_months(begin, step * months)
    return Days(first, add_months(first, months) - _DAY)


def _anniversary_at(operator: str, value: int, today: date) -> Anniversary:
    """The last anniversary was, or the next one is, exactly so many days away, less, or more."""
    direction = 1 if "future" in operator else -1
    days = min(value, 366)
    if "_less_" in operator:
        near, far, others = 0, days - 1, False
    elif "_more_" in operator:
        near, far, others = 0, days, True
    else:
        near, far, others = value, value, False
    ends = sorted((today + direction * near * _DAY, today + direction * far * _DAY))
    return Anniversary(_month_days(Days(*ends)) if far >= near else frozenset(), others)


def _month_days(days: Days) -> frozenset[str]:
    """Month and day of each; who was born on 29 February has the day on the 28th in a year without one."""
    assert days.first is not None
    assert days.last is not None
    found = set()
    for number in range((days.last - days.first).days + 1):
        day = days.first + number * _DAY
        found.add(f"{day:%m-%d}")
        if (day.month, day.day) == (2, 28) and (day + _DAY).month == 3:
            found.add("02-29")
    return frozenset(found)


def _moments_away(operator: str, days: int, now: datetime) -> Moments:
    """More or less than so many times 24 hours from now."""
    if operator.endswith("_future"):
        edge = now + days * _DAY
        return Moments(after=edge) if operator.startswith("$more") else Moments(now - _MS, edge)
    edge = now - days * _DAY
    return Moments(before=edge) if operator.startswith("$more") else Moments(edge, now + _MS)


def _days_away(operator: str, days: int, today: date) -> Days:
    """More or less than so many days from today."""
    if operator.endswith("_future"):
        edge = today + days * _DAY
        return Days(first=edge + _DAY) if operator.startswith("$more") else Days(today, edge - _DAY)
    edge = today - days * _DAY
    return Days(last=edge - _DAY) if operator.startswith("$more") else Days(edge + _DAY, today)
