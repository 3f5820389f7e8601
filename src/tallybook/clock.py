"""The only file that asks what time it is."""

import time
from datetime import UTC, datetime


def real_now() -> datetime:
    """The real instant: aware, UTC, whole milliseconds."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)


def monotonic() -> float:
    """Seconds of a clock that never goes back, for measuring durations."""
    return time.monotonic()
