"""Instants on the wire: one way of writing, many of reading."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.wire.instants import date_of_text, date_text, instant_of_text, instant_text

INSTANT = datetime(2024, 1, 18, 15, 19, 20, 676_000, UTC)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (INSTANT, "2024-01-18T15:19:20.676Z"),
        (INSTANT.replace(microsecond=0), "2024-01-18T15:19:20.000Z"),
        (INSTANT.replace(microsecond=999_999), "2024-01-18T15:19:20.999Z"),
        (INSTANT.astimezone(ZoneInfo("UTC")), "2024-01-18T15:19:20.676Z"),
        (INSTANT.astimezone(timezone(timedelta(hours=-5))), "2024-01-18T15:19:20.676Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (None, None),
    ],
)
def test_instants_are_written_in_utc_with_three_digits(at: datetime | None, text: str | None) -> None:
    """Decision 30: milliseconds always, finer digits cut off, `Z`."""
    assert instant_text(at) == text


def test_a_naive_datetime_is_no_instant() -> None:
    """Nobody knows what it means, so it is not guessed."""
    with pytest.raises(ValueError, match="without a time zone"):
        instant_text(INSTANT.replace(tzinfo=None))


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_instant_reads_back(at: datetime) -> None:
    """Reading gives the same instant, to the millisecond."""
    assert instant_of_text(instant_text(at) or "") == at.replace(microsecond=at.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-01-18T15:19:20.676Z", INSTANT),
        ("2024-01-18T15:19:20.676999Z", INSTANT),
        ("2024-01-18t15:19:20.676999123z", INSTANT),
        ("2024-01-18 15:19:20,676", INSTANT),
        ("2024-01-18T16:19:20.676+01:00", INSTANT),
        ("2024-01-18T10:19:20.676-0500", INSTANT),
        ("2024-01-18T16:19:20.676+01", INSTANT),
        ("2030-01-02T00:00:00", datetime(2030, 1, 2, tzinfo=UTC)),
        ("2030-01-02T07:30", datetime(2030, 1, 2, 7, 30, tzinfo=UTC)),
        ("2030-01-02T07", datetime(2030, 1, 2, 7, tzinfo=UTC)),
        ("2030-01-02", datetime(2030, 1, 2, tzinfo=UTC)),
        ("2024-02-30", None),
        ("2023-02-29T00:00:00Z", None),
        ("0000-01-01", None),
        ("2024-01-18T25:00:00Z", None),
        ("2024-01-18T15:19:20+24:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2024-W03-4", None),
        ("20240118", None),
        ("2024-01-18T", None),
        ("2024-01-18T15:19:20Z ", None),
        ("2024-01-18\n", None),
        ("٢٠٢٤-01-18", None),
        ("18.01.2024", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_clients_may_write_iso_8601_in_many_forms(text: str, at: datetime | None) -> None:
    """Without a zone it is UTC, without a time it is midnight, and what is no date is None."""
    assert instant_of_text(text) == at


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("2024-01-18", date(2024, 1, 18)),
        ("2024-01-18T23:30:00-05:00", date(2024, 1, 18)),
        ("2030-01-02T00:00:00", date(2030, 1, 2)),
        ("2024-01-18T99:00", None),
        ("2024-13-01", None),
        ("", None),
    ],
)
def test_dates_are_read_as_written(text: str, on: date | None) -> None:
    """Of a date-time the date part is taken, whatever its zone."""
    assert date_of_text(text) == on


def test_dates_are_written_plainly() -> None:
    """A date has no time and no zone."""
    assert [date_text(date(2024, 1, 8)), date_text(INSTANT), date_text(None)] == ["2024-01-08", "2024-01-18", None]
