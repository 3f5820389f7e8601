"""When a send-out is tried again, when it has failed for good, and when its webhook is disabled. Pure: no clock, no I/O.

Source: decision 49, and webhooks.md 1.5 for the table. All instants are aware UTC datetimes.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import msgspec

QUIET = timedelta(hours=24)
"""A webhook is disabled when a send-out fails for good and nothing to it has succeeded for so long."""

LONGEST_ASKED = timedelta(days=365)
"""A Retry-After past this means the same as this: it is clamped far below anyway, and dates must not overflow."""


class Delivered(msgspec.Struct, frozen=True, tag="DELIVERED"):
    """The receiver has it: it answered 2xx."""


class RetryAt(msgspec.Struct, frozen=True, tag="RETRY"):
    """It is to be tried again at this instant, not before."""

    at: datetime


class Failed(msgspec.Struct, frozen=True, tag="FAILED"):
    """The last attempt failed: it is not tried again by itself."""


Step = Delivered | RetryAt | Failed


class RetryPolicy(msgspec.Struct, frozen=True):
    """The retries of a send-out: `due[n - 1]` is when retry n is due, counted from the FIRST attempt."""

    due: tuple[timedelta, ...]

    def next_step(
        self, attempts: int, first_attempt_at: datetime, now: datetime, status: int | None, retry_after: str | None = None
    ) -> Step:
        """What follows an attempt that ended `now`; `attempts` counts it too, so it is at least 1.

        `status` is None when there was no HTTP answer. With a Retry-After (the header as it came) the wait is the receiver's
        choice between the interval to the next retry and twice that. An attempt that was made late (the server was down, the
        webhook disabled) does not make the rest of the table due at once: each wait is at least half of its interval.
        """
        if succeeded(status):
            return Delivered()
        if attempts > len(self.due):
            return Failed()
        interval = self._interval(attempts)
        at = max(first_attempt_at + self.due[attempts - 1], now + interval / 2)
        asked = asked_wait(retry_after, now)
        if asked is not None:
            at = min(max(at, now + asked), at + interval)
        return RetryAt(at)

    def _interval(self, retry: int) -> timedelta:
        return self.due[retry - 1] - (self.due[retry - 2] if retry > 1 else timedelta(0))


POLICY = RetryPolicy(due=(*(timedelta(minutes=2**n) for n in range(11)), timedelta(hours=24)))
assert all(earlier < later for earlier, later in pairwise(POLICY.due))


def succeeded(status: int | None) -> bool:
    """Whether the receiver took it: any 2xx, and nothing else. A redirect is not followed, so it is a failure."""
    return status is not None and 200 <= status <= 299


def is_to_be_disabled(step: Step, now: datetime, last_success_at: datetime | None) -> bool:
    """Whether this step of a send-out disables its webhook; `last_success_at` is None when nothing ever succeeded."""
    return isinstance(step, Failed) and (last_success_at is None or now - last_success_at >= QUIET)


def asked_wait(retry_after: str | None, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as an HTTP date; None if it is absent or says neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text)) if len(text) <= 7 else LONGEST_ASKED
    try:
        asked = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    wait = (asked if asked.tzinfo else asked.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_ASKED)
