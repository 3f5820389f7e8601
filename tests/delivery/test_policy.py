"""Decision 49: when a send-out is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.delivery.policy import (
    LONGEST_ASKED,
    POLICY,
    Delivered,
    Failed,
    RetryAt,
    Step,
    asked_wait,
    is_to_be_disabled,
    succeeded,
)

FIRST = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DUE_MINUTES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440)


@pytest.mark.parametrize(("attempts", "minutes"), list(enumerate(DUE_MINUTES, start=1)), ids=[f"retry {n}" for n in range(1, 13)])
def test_retries_are_due_by_the_table(attempts: int, minutes: int) -> None:
    """Retry n is due 2^(n−1) minutes after the first attempt, the twelfth after 24 hours."""
    now = FIRST + timedelta(minutes=(0, *DUE_MINUTES)[attempts - 1], seconds=10)
    assert POLICY.next_step(attempts, FIRST, now, 500) == RetryAt(FIRST + timedelta(minutes=minutes))


def test_the_thirteenth_failure_is_final() -> None:
    """A send-out has one attempt and twelve retries, whatever the receiver asks for."""
    now = FIRST + timedelta(hours=24)
    assert POLICY.next_step(13, FIRST, now, None) == Failed()
    assert POLICY.next_step(13, FIRST, now, 503, "60") == Failed()


@pytest.mark.parametrize(
    ("status", "taken"),
    [(status, True) for status in (200, 201, 202, 204, 226, 299)]
    + [(status, False) for status in (None, 100, 101, 199, 300, 301, 304, 308, 400, 404, 410, 429, 500, 503)],
)
def test_success_is_any_2xx(status: int | None, taken: bool) -> None:
    """2xx is success; a redirect, an error and no answer at all are not."""
    assert succeeded(status) is taken
    assert isinstance(POLICY.next_step(1, FIRST, FIRST, status), Delivered) is taken


@pytest.mark.parametrize(
    ("attempts", "now", "retry_after", "expected"),
    [
        (1, timedelta(0), "0", timedelta(minutes=1)),
        (1, timedelta(0), "59", timedelta(minutes=1)),
        (1, timedelta(0), "90", timedelta(seconds=90)),
        (1, timedelta(0), "120", timedelta(minutes=2)),
        (1, timedelta(0), "121", timedelta(minutes=2)),
        (1, timedelta(0), "999999999999999999999999", timedelta(minutes=2)),
        (1, timedelta(0), "Sun, 01 Mar 2026 12:01:30 GMT", timedelta(seconds=90)),
        (1, timedelta(0), "Sun, 01 Mar 2026 11:00:00 GMT", timedelta(minutes=1)),
        (1, timedelta(0), "Fri, 31 Dec 9999 23:59:59 GMT", timedelta(minutes=2)),
        (1, timedelta(0), "-5", timedelta(minutes=1)),
        (1, timedelta(0), "soon", timedelta(minutes=1)),
        (1, timedelta(0), "", timedelta(minutes=1)),
        # The interval is that to the retry it is about: from 4 to 8 minutes, from 17 h 04 to 24 h.
        (4, timedelta(minutes=4), "300", timedelta(minutes=9)),
        (4, timedelta(minutes=4), "3600", timedelta(minutes=12)),
        (12, timedelta(minutes=1024), "1", timedelta(hours=24)),
        (12, timedelta(minutes=1024), "86400", timedelta(minutes=1440 + 416)),
    ],
)
def test_retry_after_is_clamped(attempts: int, now: timedelta, retry_after: str, expected: timedelta) -> None:
    """With a Retry-After the delay is what it asks for, at least the interval and at most twice the interval."""
    assert POLICY.next_step(attempts, FIRST, FIRST + now, 503, retry_after) == RetryAt(FIRST + expected)


@pytest.mark.parametrize(
    ("attempts", "late", "expected"),
    [
        (2, timedelta(hours=3), timedelta(hours=3, seconds=30)),
        (8, timedelta(hours=3), timedelta(hours=3, minutes=32)),
        (9, timedelta(hours=3), timedelta(hours=4, minutes=16)),
        (12, timedelta(days=9), timedelta(days=9, hours=3, minutes=28)),
    ],
)
def test_a_late_attempt_does_not_use_up_the_rest(attempts: int, late: timedelta, expected: timedelta) -> None:
    """After a standstill the retries are not all due at once: each waits at least half of its interval."""
    assert POLICY.next_step(attempts, FIRST, FIRST + late, None) == RetryAt(FIRST + expected)


@given(
    attempts=st.integers(1, 12),
    late=st.timedeltas(timedelta(0), timedelta(days=400)),
    retry_after=st.none() | st.text() | st.integers().map(str) | st.datetimes().map(lambda at: f"{at:%a, %d %b %Y %H:%M:%S GMT}"),
)
def test_a_retry_is_always_ahead_and_never_far(attempts: int, late: timedelta, retry_after: str | None) -> None:
    """Whatever a receiver sends, the next attempt is in the future and at most two intervals later than planned."""
    now = FIRST + late
    step = POLICY.next_step(attempts, FIRST, now, 500, retry_after)
    assert isinstance(step, RetryAt)
    assert now < step.at or step.at == FIRST + POLICY.due[attempts - 1]
    assert step.at <= max(now, FIRST + POLICY.due[attempts - 1]) + timedelta(hours=14)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, None),
        ("", None),
        ("later", None),
        ("1.5", None),
        ("٣", None),
        (" 7 ", timedelta(seconds=7)),
        ("00000120", LONGEST_ASKED),
        ("Sun, 01 Mar 2026 12:00:05 GMT", timedelta(seconds=5)),
        ("Sun, 01 Mar 2026 13:00:05 +0100", timedelta(seconds=5)),
        ("Sun Mar  1 12:00:05 2026", timedelta(seconds=5)),
        ("Sun, 99 Mar 2026 12:00:05 GMT", None),
    ],
)
def test_retry_after_is_read(text: str | None, wait: timedelta | None) -> None:
    """Retry-After is whole seconds or an HTTP date; anything else is as if it were absent."""
    assert asked_wait(text, FIRST) == wait


@pytest.mark.parametrize(
    ("step", "success_ago", "disabled"),
    [
        (Failed(), None, True),
        (Failed(), timedelta(hours=24), True),
        (Failed(), timedelta(hours=23, minutes=59), False),
        (Failed(), timedelta(0), False),
        (RetryAt(FIRST), None, False),
        (Delivered(), None, False),
    ],
)
def test_when_a_webhook_is_disabled(step: Step, success_ago: timedelta | None, disabled: bool) -> None:
    """A webhook is disabled when a send-out fails for good and nothing to it has succeeded for 24 hours."""
    last = None if success_ago is None else FIRST - success_ago
    assert is_to_be_disabled(step, FIRST, last) is disabled
