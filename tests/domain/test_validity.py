"""Whether something applies now: dates, weekdays and hours where the project is, recurring windows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.config import Validity
from tallybook.domain.validity import applies, within_dates, wrong_hours

WARSAW = ZoneInfo("Europe/Warsaw")
ZONES = st.sampled_from(["UTC", "Europe/Warsaw", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"]).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2016, 5, 4), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is beside it


def utc(text: str) -> datetime:
    """An instant, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(*periods: dict[str, Any]) -> Validity:
    """Valid within these periods of a day."""
    return Validity(validity_hours={"daily": list(periods)})


def frame(start: str, interval: str, duration: str) -> Validity:
    """Valid for `duration` at the start of every `interval`."""
    return Validity(start_date=utc(start), validity_timeframe={"interval": interval, "duration": duration})


DATES = Validity(start_date=utc("2025-01-01T00:00:00"), expiration_date=utc("2025-02-01T00:00:00"))
WEEKEND = Validity(validity_day_of_week=[0, 6])
MORNING = hours({"start_time": "09:00", "expiration_time": "11:30"})
WORK = hours(
    {"start_time": "09:00", "expiration_time": "17:00", "days_of_week": [1, 2, 3, 4]},
    {"start_time": "09:00", "expiration_time": "12:00", "days_of_week": [5]},
)
EVERY_OTHER_DAY = frame("2025-01-01T08:00:00", "P2D", "PT1H")
MONTHLY = frame("2025-01-31T00:00:00", "P1M", "P1D")
LEAP_YEARLY = frame("2024-02-29T00:00:00", "P1Y", "P1D")

WINDOWS = [
    # validity; instant in UTC; whether it applies in Warsaw; why
    (Validity(), "2025-01-01T00:00:00", True, "nothing is set"),
    (DATES, "2024-12-31T23:59:59.999", False, "before the start"),
    (DATES, "2025-01-01T00:00:00", True, "the start is included"),
    (DATES, "2025-01-31T23:59:59.999", True, "just before the end"),
    (DATES, "2025-02-01T00:00:00", False, "the end is excluded"),
    # weekdays of the project's zone: 0 = Sunday
    (WEEKEND, "2025-01-03T22:59:59.999", False, "Friday, a moment before midnight in Warsaw"),
    (WEEKEND, "2025-01-03T23:00:00", True, "Saturday in Warsaw, Friday in UTC"),
    (WEEKEND, "2025-01-05T22:59:59.999", True, "Sunday's last moment in Warsaw"),
    (WEEKEND, "2025-01-05T23:00:00", False, "Monday in Warsaw, Sunday in UTC"),
    (WEEKEND, "2025-07-04T22:00:00", True, "Saturday in summer, two hours ahead"),
    (Validity(validity_day_of_week=[]), "2025-01-06T12:00:00", True, "no day said: every day"),
    # hours of the project's zone, through the changes of its clocks
    (MORNING, "2025-03-29T07:59:59", False, "08:59 in winter"),
    (MORNING, "2025-03-29T08:00:00", True, "09:00 in winter"),
    (MORNING, "2025-03-30T06:59:59", False, "08:59 on the first day of summer time"),
    (MORNING, "2025-03-30T07:00:00", True, "09:00 on the first day of summer time"),
    (MORNING, "2025-03-30T09:30:00", True, "11:30 is included"),
    (MORNING, "2025-03-30T09:31:00", False, "11:31 is not"),
    (MORNING, "2025-10-26T08:00:00", True, "09:00 on the first day of winter time"),
    (hours({"start_time": "02:00", "expiration_time": "02:59"}), "2025-03-30T01:00:00", False, "no such hour on that day"),
    (hours({"start_time": "02:00", "expiration_time": "02:59"}), "2025-10-26T00:30:00", True, "that hour, the first time"),
    (hours({"start_time": "02:00", "expiration_time": "02:59"}), "2025-10-26T01:30:00", True, "that hour, again"),
    (WORK, "2025-01-09T15:59:00", True, "Thursday, 16:59"),
    (WORK, "2025-01-10T11:01:00", False, "Friday, 12:01: the other period is not Friday's"),
    (WORK, "2025-01-10T11:00:00", True, "Friday, 12:00"),
    (WORK, "2025-01-11T11:00:00", False, "Saturday has no period"),
    (hours({"start_time": "20:00"}), "2025-01-09T22:59:59", True, "no end: to the end of the day"),
    (hours({"expiration_time": "06:00"}), "2025-01-09T23:00:00", True, "no start: from midnight"),
    (Validity(validity_hours={}), "2025-01-09T23:00:00", True, "no hours said: all"),
    (hours(), "2025-01-09T23:00:00", True, "no period said: all"),
    # at the start of every interval, counted from the start date
    (EVERY_OTHER_DAY, "2025-01-01T07:59:59", False, "before the first"),
    (EVERY_OTHER_DAY, "2025-01-01T08:00:00", True, "the first opens"),
    (EVERY_OTHER_DAY, "2025-01-01T08:59:59.999", True, "the first is open for its hour"),
    (EVERY_OTHER_DAY, "2025-01-01T09:00:00", False, "and closed after it"),
    (EVERY_OTHER_DAY, "2025-01-02T08:30:00", False, "not on the next day"),
    (EVERY_OTHER_DAY, "2025-01-03T08:30:00", True, "on the day after that"),
    (EVERY_OTHER_DAY, "2025-04-01T08:30:00", True, "exact days: no hour is lost in spring"),
    (frame("2025-01-01T00:00:00", "P1D", "P2D"), "2025-06-01T12:34:56", True, "longer than its interval: always open"),
    (MONTHLY, "2025-02-28T12:00:00", True, "the last day of February, for 31 January"),
    (MONTHLY, "2025-03-28T12:00:00", False, "not the 28th of March"),
    (MONTHLY, "2025-03-31T12:00:00", True, "the months are counted from the 31st"),
    (MONTHLY, "2026-01-31T23:59:59", True, "a year later"),
    (LEAP_YEARLY, "2025-02-28T12:00:00", True, "the last day of February in other years"),
    (LEAP_YEARLY, "2028-02-28T12:00:00", False, "but not in a leap year"),
    (LEAP_YEARLY, "2028-02-29T12:00:00", True, "which has the day itself"),
    (frame("2025-01-01T00:00:00", "P0D", "PT1H"), "2025-01-01T00:30:00", True, "no interval: open once"),
    (frame("2025-01-01T00:00:00", "P0D", "PT1H"), "2025-01-02T00:30:00", False, "no interval: and no more"),
]  # fmt: skip


@pytest.mark.parametrize(("validity", "at", "open_"), [row[:3] for row in WINDOWS], ids=[row[3] for row in WINDOWS])
def test_windows_of_a_project_in_warsaw(validity: Validity, at: str, open_: bool) -> None:
    """Something applies when the dates and every finer window that is set let it, on the clock of the project's zone."""
    assert applies(validity, utc(at), WARSAW) is open_


@given(now=INSTANTS, zone=ZONES, days=st.lists(st.integers(0, 6), min_size=1, unique=True))
def test_a_weekday_is_that_of_the_zone(now: datetime, zone: ZoneInfo, days: list[int]) -> None:
    """On each weekday either the days said or the others apply, by the local calendar."""
    sunday_first = (now.astimezone(zone).weekday() + 1) % 7
    assert applies(Validity(validity_day_of_week=days), now, zone) is (sunday_first in days)


@given(now=INSTANTS, start=INSTANTS, hours=st.integers(1, 100), share=st.integers(1, 100))
def test_a_window_is_open_at_the_start_of_each_interval(now: datetime, start: datetime, hours: int, share: int) -> None:
    """Counted in whole seconds from the start date, the window is open for its duration in every interval, and never before."""
    duration = timedelta(hours=hours * share) // 100
    seconds = int(duration.total_seconds())
    validity = Validity(start_date=start, validity_timeframe={"interval": f"PT{hours}H", "duration": f"PT{seconds}S"})
    open_ = now >= start and (now - start) % timedelta(hours=hours) < timedelta(seconds=seconds)
    assert applies(validity, now, WARSAW) is open_


@given(now=INSTANTS, first=INSTANTS, second=INSTANTS, zone=ZONES)
def test_the_zone_does_not_move_the_dates(now: datetime, first: datetime, second: datetime, zone: ZoneInfo) -> None:
    """The dates are instants: where the project is does not matter to them."""
    start, end = sorted([first, second])
    validity = Validity(start_date=start, expiration_date=end)
    assert applies(validity, now, zone) is within_dates(validity, now) is (start <= now < end)


WRONG_HOURS: list[tuple[Any, str | None]] = [
    ({}, None),
    ({"daily": None}, None),
    ({"daily": []}, None),
    ({"daily": [{}]}, None),
    ({"daily": [{"start_time": "00:00", "expiration_time": "23:59", "days_of_week": [0, 6]}]}, None),
    ({"daily": [{"start_time": None, "expiration_time": None, "days_of_week": None}]}, None),
    ({"daily": {}}, None),
    ({"daily": "09:00"}, ".daily must be array"),
    ({"daily": ["09:00"]}, ".daily[0] must be object"),
    ({"daily": [{}, {"start_time": "9:00"}]}, ".daily[1].start_time must be a time as HH:mm"),
    ({"daily": [{"expiration_time": "24:00"}]}, ".daily[0].expiration_time must be a time as HH:mm"),
    ({"daily": [{"expiration_time": 900}]}, ".daily[0].expiration_time must be a time as HH:mm"),
    ({"daily": [{"days_of_week": [7]}]}, ".daily[0].days_of_week must hold numbers from 0 to 6"),
    ({"daily": [{"days_of_week": ["1"]}]}, ".daily[0].days_of_week must hold numbers from 0 to 6"),
    ({"daily": [{"days_of_week": 1}]}, ".daily[0].days_of_week must hold numbers from 0 to 6"),
]


@pytest.mark.parametrize(("hours", "wrong"), WRONG_HOURS)
def test_hours_that_are_none(hours: dict[str, Any], wrong: str | None) -> None:
    """What would never be compared rightly is found before it is stored, with its path."""
    assert wrong_hours(hours) == wrong


@given(now=INSTANTS, zone=ZONES, hours=st.sampled_from([said for said, wrong in WRONG_HOURS if wrong is None]))
def test_hours_that_are_right_never_break(now: datetime, zone: ZoneInfo, hours: dict[str, Any]) -> None:
    """Whatever passes can be asked at any time; none of these periods excludes a moment of the weekend."""
    open_ = applies(Validity(validity_hours=hours), now, zone)
    assert open_ or 0 < now.astimezone(zone).isoweekday() < 6
