"""Whether something applies now: dates, weekdays, hours, recurring windows. Pure."""

from datetime import datetime, timedelta, tzinfo

from tallybook.domain.config import Validity
from tallybook.domain.dates import Duration


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
    return not validity.validity_hours or _in_hours(validity.validity_hours.get("daily", []), weekday, local.strftime("%H:%M"))


def _in_timeframe(timeframe: dict[str, str], start: datetime, now: datetime) -> bool:
    interval, duration = Duration(timeframe["interval"]), Duration(timeframe["duration"])
    if not interval.months:
        opened = start + (now - start) // interval.exact * interval.exact if interval.exact > timedelta() else start
        return now < duration.after(opened)
    opened = start
    while (following := interval.after(opened)) <= now:
        opened = following
    return now < duration.after(opened)


def _in_hours(periods: list[dict[str, object]], weekday: int, clock: str) -> bool:
    for period in periods:
        days = period.get("days_of_week")
        if isinstance(days, list) and weekday not in days:
            continue
        if str(period.get("start_time", "00:00")) <= clock <= str(period.get("expiration_time", "23:59")):
            return True
    return False
