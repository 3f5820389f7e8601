"""Whether something applies now: dates, weekdays, hours, recurring windows. Pure."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import Any

from tallybook.domain.config import Validity
from tallybook.domain.dates import Duration

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def within_dates(validity: Validity, now: datetime) -> bool:
    """From `start_date` (included) to `expiration_date` (excluded)."""
    if validity.start_date is not None and now < validity.start_date:
        return False
    return validity.expiration_date is None or now < validity.expiration_date


def applies(validity: Validity, now: datetime, zone: tzinfo) -> bool:
    """Whether `now` is within the dates and every finer window that is set (semantics 2.1).

    `validity_timeframe`: open for `duration` at the start of every `interval`, counted from `start_date`. Weekdays and hours
    are those of the project's time zone; weekday 0 is Sunday.
    """
    if not within_dates(validity, now):
        return False
    local = now.astimezone(zone)
    weekday = local.isoweekday() % 7
    days = validity.validity_day_of_week
    if days and weekday not in days:
        return False
    if (
        validity.validity_timeframe
        and validity.start_date
        and not _in_timeframe(validity.validity_timeframe, validity.start_date, now)
    ):
        return False
    periods = (validity.validity_hours or {}).get("daily")
    return not periods or _in_hours(periods, weekday, local.strftime("%H:%M"))


def wrong_hours(hours: dict[str, Any]) -> str | None:
    """What is wrong with `validity_hours`: the path of the field and what it must be; None when nothing is (semantics 2.1)."""
    periods = hours.get("daily") or []
    if not isinstance(periods, list):
        return ".daily must be array"
    for position, period in enumerate(periods):
        path = f".daily[{position}]"
        if not isinstance(period, dict):
            return f"{path} must be object"
        for name in ("start_time", "expiration_time"):
            if period.get(name) is not None and not _CLOCK.fullmatch(str(period[name])):
                return f"{path}.{name} must be a time as HH:mm"
        days = period.get("days_of_week") or []
        if not isinstance(days, list) or any(day not in range(7) for day in days):
            return f"{path}.days_of_week must hold numbers from 0 to 6"
    return None


def _in_timeframe(timeframe: dict[str, str], start: datetime, now: datetime) -> bool:
    interval, duration = Duration(timeframe["interval"]), Duration(timeframe["duration"])
    if not interval.months:
        opened = start + (now - start) // interval.exact * interval.exact if interval.exact > timedelta() else start
        return now < duration.after(opened)
    longest = timedelta(days=31 * interval.months) + interval.exact
    times = max((now - start) // longest, 0)  # no more than have begun, so that a start long ago costs nothing
    while interval.after(start, times + 1) <= now:
        times += 1
    return now < duration.after(interval.after(start, times))


def _in_hours(periods: list[dict[str, object]], weekday: int, clock: str) -> bool:
    for period in periods:
        days = period.get("days_of_week")
        if isinstance(days, list) and days and weekday not in days:
            continue
        if str(period.get("start_time") or "00:00") <= clock <= str(period.get("expiration_time") or "23:59"):
            return True
    return False
