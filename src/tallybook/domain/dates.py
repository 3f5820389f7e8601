"""Calendar arithmetic of the programmes: local dates, months, durations, and the day points expire.

All of it is pure. Local dates are those of the project's time zone; the caller hands in the zone.
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from tallybook.domain.config import ExpirationRules
from tallybook.domain.records import NEVER

_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)

_LONGEST_MONTHS, _LONGEST_SECONDS = 1_200, 36_525 * 86_400
"""A hundred years: no date that follows from a duration leaves the calendar."""

_LAST_MONTH_OF: dict[str, Callable[[int], int]] = {
    "END_OF_MONTH": lambda month: month,
    "END_OF_QUARTER": lambda month: (month + 2) // 3 * 3,
    "END_OF_HALF_YEAR": lambda month: 6 if month <= 6 else 12,
    "END_OF_YEAR": lambda _: 12,
}


@lru_cache(4096)  # one instant is written in a dozen places of an order's events
def utc_text(at: datetime) -> str:
    """An aware instant as `2024-01-18T15:19:20.676Z`: UTC, always three digits, finer ones cut off. ValueError if naive."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError("an instant without a time zone")
        at = at.astimezone(UTC)
    return at.isoformat("T", "milliseconds")[:-6] + "Z"


def local_date(at: datetime, zone: tzinfo) -> date:
    """The calendar day of `at` where the project is."""
    return at.astimezone(zone).date()


def month_end(year: int, month: int) -> date:
    """The last day of a month."""
    return date(year, month, calendar.monthrange(year, month)[1])


def add_months(day: date, months: int) -> date:
    """The same day so many months later, clamped to the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Duration:
    """An ISO 8601 duration such as P3M, P1D or PT1H. Years and months are calendar ones; the rest is exact."""

    def __init__(self, text: str) -> None:
        found = _DURATION.fullmatch(text)
        if not found or text.endswith(("P", "T")):
            raise ValueError(f"'{text}' is not an ISO 8601 duration")
        years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        self.months = years * 12 + months
        exact = (weeks * 7 + days) * 86_400 + hours * 3_600 + minutes * 60 + seconds
        if self.months > _LONGEST_MONTHS or exact > _LONGEST_SECONDS:
            raise ValueError(f"'{text}' is longer than a hundred years")
        self.exact = timedelta(seconds=exact)

    def after(self, at: datetime, times: int = 1) -> datetime:
        """The instant so many times this long after `at`. The months are added first, together, and clamped once."""
        if self.months:
            day = add_months(at.date(), self.months * times)
            at = at.replace(year=day.year, month=day.month, day=day.day)
        return at + self.exact * times


def expires_on(rules: ExpirationRules | None, base: date) -> date:
    """The last day on which points earned on `base` can be used; NEVER without rules.

    Semantics 2.3: first the month arithmetic with its clamping, then the rounding. Seeds 001 (PARTICULAR_MONTH) and 003.
    """
    if rules is None:
        return NEVER
    if rules.period_type == "FIXED_DAY_OF_YEAR":
        return _next_day_of_year(rules.fixed_month or 12, rules.fixed_day or 31, base)
    day = add_months(base, rules.period_value or 0)
    if rules.rounding_type is None:
        return day
    if rules.rounding_type == "PARTICULAR_MONTH":
        month = rules.rounding_value or 12
        return month_end(day.year + (month < day.month), month)
    return month_end(day.year, _LAST_MONTH_OF[rules.rounding_type](day.month))


def _next_day_of_year(month: int, day: int, base: date) -> date:
    for year in (base.year, base.year + 1):
        candidate = date(year, month, min(day, calendar.monthrange(year, month)[1]))
        if candidate >= base:
            return candidate
    raise AssertionError("a day of the year comes at least once a year")
