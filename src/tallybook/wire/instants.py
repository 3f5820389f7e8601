"""Instants and dates on the wire: written one way, read in every form that clients send (decision 30)."""

import re
from datetime import UTC, date, datetime

from tallybook.domain.dates import utc_text

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def instant_text(at: datetime | None) -> str | None:
    """An aware instant as `2024-01-18T15:19:20.676Z`: UTC, always three digits, finer ones cut off. ValueError if naive."""
    return None if at is None else utc_text(at)


def date_text(on: date | None) -> str | None:
    """A local date as `2024-01-18`."""
    return None if on is None else on.isoformat()[:10]


def instant_of_text(text: str) -> datetime | None:
    """The instant a client means, aware UTC, cut to whole milliseconds; None if the text is not ISO 8601.

    Taken: `YYYY-MM-DD` (its midnight) and date-times down to hours, with `Z`, an offset, or neither. Without one it is UTC: the
    official Python client sends naive date-times.
    """
    try:
        at = _parsed(text)
        return at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def date_of_text(text: str) -> date | None:
    """The date as written, from `YYYY-MM-DD` or the date part of a date-time; None if the text is not ISO 8601."""
    try:
        return _parsed(text).date()
    except ValueError:
        return None


def _parsed(text: str) -> datetime:
    if _ISO.fullmatch(text) is None:
        raise ValueError("not ISO 8601")
    return datetime.fromisoformat(text.upper())
