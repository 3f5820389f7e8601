"""Calendar arithmetic: when points expire, how long durations last, which day it is where the project is."""

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.config import ExpirationRules
from tallybook.domain.dates import Duration, add_months, expires_on, local_date, month_end
from tallybook.domain.records import NEVER

DAYS = st.dates(date(2016, 5, 4), date(2200, 12, 31))
ROUNDINGS = ("END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR")


def months(value: int, rounding: str | None = None, month: int | None = None) -> ExpirationRules:
    """Rules of so many months, perhaps rounded; `month` is that of PARTICULAR_MONTH, 1 = January."""
    return ExpirationRules(period_type="MONTH", period_value=value, rounding_type=rounding, rounding_value=month)


def particular(value: int, month: int) -> ExpirationRules:
    """Rules of so many months, up to the end of the next such month."""
    return months(value, "PARTICULAR_MONTH", month)


def each_year(month: int, day: int) -> ExpirationRules:
    """Rules that let points expire on one day of each year."""
    return ExpirationRules(period_type="FIXED_DAY_OF_YEAR", fixed_month=month, fixed_day=day)


EXPIRY = [
    # rules, earned on, last day of use, why
    (None, "2025-01-28", NEVER.isoformat(), "no rules: points do not expire"),
    # months, clamped to the end of a shorter month
    (months(0), "2025-01-25", "2025-01-25", "zero months: the day itself"),
    (months(1), "2025-01-25", "2025-02-25", "the same day of the next month"),
    (months(1), "2025-01-31", "2025-02-28", "a shorter month: its last day"),
    (months(1), "2024-01-31", "2024-02-29", "a shorter month of a leap year"),
    (months(1), "2025-02-28", "2025-03-28", "the end of a month is no special day"),
    (months(3), "2024-11-30", "2025-02-28", "over the end of the year"),
    (months(12), "2024-02-29", "2025-02-28", "a leap day a year later"),
    (months(48), "2024-02-29", "2028-02-29", "a leap day four years later"),
    (months(1200), "2024-02-29", "2124-02-29", "the longest that is allowed"),
    (months(12), "2024-07-24", "2025-07-24", "seed 003"),
    # rounded up
    (months(1, "END_OF_MONTH"), "2025-01-10", "2025-02-28", "the documented example"),
    (months(1, "END_OF_MONTH"), "2024-01-31", "2024-02-29", "clamped, and there already"),
    (months(0, "END_OF_MONTH"), "2025-04-30", "2025-04-30", "the last day is in its month"),
    (months(0, "END_OF_QUARTER"), "2025-01-01", "2025-03-31", "first quarter"),
    (months(0, "END_OF_QUARTER"), "2025-06-30", "2025-06-30", "second quarter"),
    (months(1, "END_OF_QUARTER"), "2025-06-30", "2025-09-30", "third quarter"),
    (months(1, "END_OF_QUARTER"), "2025-09-15", "2025-12-31", "fourth quarter"),
    (months(0, "END_OF_HALF_YEAR"), "2025-06-30", "2025-06-30", "first half"),
    (months(1, "END_OF_HALF_YEAR"), "2025-06-30", "2025-12-31", "second half"),
    (months(0, "END_OF_YEAR"), "2025-01-01", "2025-12-31", "the year"),
    (months(1, "END_OF_YEAR"), "2025-12-31", "2026-12-31", "the next year"),
    # up to the end of a particular month
    (particular(2, 1), "2025-01-28", "2026-01-31", "seed 001: 28 March, and the January after it"),
    (particular(1, 2), "2025-01-31", "2025-02-28", "clamped first: February of the SAME year"),
    (particular(1, 2), "2024-01-31", "2024-02-29", "the same in a leap year"),
    (particular(1, 2), "2025-01-10", "2025-02-28", "the month it is in counts"),
    (particular(2, 2), "2025-01-31", "2026-02-28", "March has passed February"),
    (particular(0, 12), "2025-12-31", "2025-12-31", "December on its last day"),
    (particular(0, 1), "2025-12-31", "2026-01-31", "January after December"),
    (particular(12, 4), "2025-05-01", "2027-04-30", "a year, and eleven months to April"),
    # one day of each year
    (each_year(12, 31), "2025-01-28", "2025-12-31", "later this year"),
    (each_year(1, 27), "2025-01-28", "2026-01-27", "passed: next year"),
    (each_year(1, 28), "2025-01-28", "2025-01-28", "the day itself"),
    (each_year(2, 29), "2024-02-01", "2024-02-29", "a leap day in a leap year"),
    (each_year(2, 29), "2025-02-01", "2025-02-28", "a leap day in another year"),
    (each_year(2, 29), "2025-02-28", "2025-02-28", "the same, on the day"),
    (each_year(2, 29), "2023-03-01", "2024-02-29", "passed, and the next year is a leap year"),
    (each_year(2, 28), "2024-02-29", "2025-02-28", "passed yesterday"),
    (each_year(4, 31), "2025-04-01", "2025-04-30", "a day that its month has not"),
]


@pytest.mark.parametrize(("rules", "earned", "last"), [row[:3] for row in EXPIRY], ids=[row[3] for row in EXPIRY])
def test_last_day_of_points(rules: ExpirationRules | None, earned: str, last: str) -> None:
    """Points earned on a day can be used up to and including the day that the rules say."""
    assert expires_on(rules, date.fromisoformat(earned)).isoformat() == last


@given(day=DAYS, count=st.integers(0, 1200))
def test_months_are_counted_by_the_calendar(day: date, count: int) -> None:
    """So many months later is that many months on, on the same day or on the last one of a shorter month."""
    later = add_months(day, count)
    assert (later.year - day.year) * 12 + later.month - day.month == count
    assert later.day == min(day.day, calendar.monthrange(later.year, later.month)[1])


@given(day=DAYS, count=st.integers(0, 1200), rounding=st.sampled_from(ROUNDINGS))
def test_rounding_goes_up_to_the_first_end_of_a_period(day: date, count: int, rounding: str) -> None:
    """A rounded date is the first end of such a period that is not before the unrounded one."""
    exact, rounded = expires_on(months(count), day), expires_on(months(count, rounding), day)
    ends = {"END_OF_MONTH": range(1, 13), "END_OF_QUARTER": (3, 6, 9, 12), "END_OF_HALF_YEAR": (6, 12), "END_OF_YEAR": (12,)}
    assert rounded == min(end for year in (exact.year,) for month in ends[rounding] if (end := month_end(year, month)) >= exact)


@given(day=DAYS, count=st.integers(0, 1200), month=st.integers(1, 12))
def test_a_particular_month_is_the_first_that_has_not_ended(day: date, count: int, month: int) -> None:
    """PARTICULAR_MONTH gives the end of the first such month whose last day is not before the unrounded date."""
    exact = expires_on(months(count), day)
    candidates = [month_end(year, month) for year in (exact.year, exact.year + 1)]
    assert expires_on(particular(count, month), day) == min(end for end in candidates if end >= exact)


@given(day=DAYS, month=st.integers(1, 12), fixed=st.integers(1, 31))
def test_a_day_of_the_year_comes_within_a_year(day: date, month: int, fixed: int) -> None:
    """FIXED_DAY_OF_YEAR gives that day, clamped to its month: not before the day of earning, and at most a year after it."""
    last = expires_on(each_year(month, fixed), day)
    assert (last.month, last.day) == (month, min(fixed, calendar.monthrange(last.year, month)[1]))
    assert day <= last < add_months(day, 12) + timedelta(days=2)


@given(first=DAYS, second=DAYS, rules=st.sampled_from([row[0] for row in EXPIRY]))
def test_earned_later_never_expires_earlier(first: date, second: date, rules: ExpirationRules | None) -> None:
    """Whatever the rules: points of a later day last at least as long as those of an earlier day."""
    earlier, later = sorted([first, second])
    assert expires_on(rules, earlier) <= expires_on(rules, later)


DURATIONS = [
    # duration, from, to
    ("P1D", "2025-03-30T00:30:00", "2025-03-31T00:30:00"),
    ("PT1H", "2025-01-01T23:30:00", "2025-01-02T00:30:00"),
    ("PT90M", "2025-01-01T23:30:00", "2025-01-02T01:00:00"),
    ("PT86400S", "2025-01-01T12:00:00", "2025-01-02T12:00:00"),
    ("P2W", "2025-01-01T12:00:00", "2025-01-15T12:00:00"),
    ("P3M", "2024-11-30T12:00:00", "2025-02-28T12:00:00"),
    ("P1Y", "2024-02-29T12:00:00", "2025-02-28T12:00:00"),
    ("P1M1D", "2025-01-31T12:00:00", "2025-03-01T12:00:00"),
    ("P1Y2M3W4DT5H6M7S", "2025-01-01T00:00:00", "2026-03-26T05:06:07"),
    ("P0D", "2025-01-01T12:00:00", "2025-01-01T12:00:00"),
    ("P100Y", "2025-01-01T12:00:00", "2125-01-01T12:00:00"),
]


@pytest.mark.parametrize(("text", "start", "end"), DURATIONS)
def test_a_duration_from_an_instant(text: str, start: str, end: str) -> None:
    """Months and years are calendar ones, clamped to the month; then weeks, days and times are added exactly."""
    assert Duration(text).after(datetime.fromisoformat(start).replace(tzinfo=UTC)).replace(tzinfo=None).isoformat() == end


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "1D", "P1", "P1H", "PT1D", "P-1D", "P1.5D", "p1d", "P1D1M", " P1D", "P1D\n", "P٣M"]
)
def test_what_is_no_duration(text: str) -> None:
    """Anything but an ISO 8601 duration in whole numbers is refused."""
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        Duration(text)


@pytest.mark.parametrize(
    "text", ["P101Y", "P1201M", "P36526D", "P99999999999D", "PT9999999999999999999H", "P99999999999999999999Y"]
)
def test_a_duration_past_a_century(text: str) -> None:
    """A duration of more than a hundred years is refused, as no date could be computed from it."""
    with pytest.raises(ValueError, match="longer than a hundred years"):
        Duration(text)


LOCAL = [
    # instant (UTC), zone, day there
    ("2025-01-28T22:59:59.999", "Europe/Warsaw", "2025-01-28"),
    ("2025-01-28T23:00:00.000", "Europe/Warsaw", "2025-01-29"),
    ("2025-07-28T22:00:00.000", "Europe/Warsaw", "2025-07-29"),
    ("2025-07-28T21:59:59.999", "Europe/Warsaw", "2025-07-28"),
    ("2025-01-29T04:59:59.999", "America/New_York", "2025-01-28"),
    ("2025-01-28T10:00:00.000", "Pacific/Kiritimati", "2025-01-29"),
    ("2025-03-30T00:59:59.999", "Europe/Warsaw", "2025-03-30"),
    ("2025-01-28T18:15:00.000", "Asia/Kathmandu", "2025-01-29"),
]


@pytest.mark.parametrize(("at", "zone", "day"), LOCAL)
def test_the_day_where_the_project_is(at: str, zone: str, day: str) -> None:
    """An instant belongs to the calendar day of the project's time zone, in summer as in winter."""
    assert local_date(datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo(zone)).isoformat() == day
