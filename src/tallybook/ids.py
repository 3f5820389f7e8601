"""Identifiers: time-ordered ids and random ids.

The forms are those of decisions 34 and 35: a time-ordered id is 18 hex digits (42 bits of milliseconds since
2016-05-04T00:00Z, 14 bits of node, 16 bits of counter); a random id is base62 from the operating system's secure source.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
EPOCH = datetime(2016, 5, 4, tzinfo=UTC)
EPOCH_MS = 1_462_320_000_000
NODES = 1 << 14
_COUNTERS = 1 << 16

RandomBytes = Callable[[int], bytes]
"""Gives so many random bytes; only a simulation passes anything but `secrets.token_bytes`."""


def unix_ms(instant: datetime) -> int:
    """Whole milliseconds of an aware instant since 1970, UTC."""
    return int(instant.timestamp() * 1000 + 0.5)


def least_at(instant: datetime) -> str:
    """The least body of a time-ordered id at that instant: those of earlier instants are below it."""
    return f"{(unix_ms(instant) - EPOCH_MS) << 30:018x}"


class Ids:
    """Hands out ids that sort by time. One per process: `node` comes from the database at start.

    Each project has a line of its own, so that a test clock that ran ahead does not carry the ids of others with it.
    """

    def __init__(self, node: int, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        self._node = node % NODES
        self._random_bytes = random_bytes
        self._last_ms: dict[str, int] = {}
        self._at: datetime | None = None  # the last instant asked for: commands ask for many ids of one instant
        self._at_ms = 0
        self._head_ms, self._head = 0, self._head_of(0)  # all but the counter, of the last id
        self._counter = int.from_bytes(random_bytes(1), "big")
        self._instants = 0

    def hex18(self, at: datetime, after: str = "", line: str = "") -> str:
        """A time-ordered body: never below the last one of its line, and greater than `after` (another body) if that is given."""
        if at is not self._at:
            self._at, self._at_ms = at, unix_ms(at) - EPOCH_MS
        ms = max(self._at_ms, self._last_ms.get(line, 0))
        self._counter += 1
        if self._counter == _COUNTERS:
            self._counter = 0
            ms += 1
        if ms != self._head_ms:
            self._head_ms, self._head = ms, self._head_of(ms)
        body = f"{self._head}{self._counter:04x}"
        if body <= after:
            ms = (int(after, 16) >> 30) + 1
            body = f"{self._head_of(ms)}{self._counter:04x}"
        self._last_ms[line] = ms
        return body

    def _head_of(self, ms: int) -> str:
        return f"{(ms << 14) | self._node:014x}"

    def at_instant(self, at: datetime) -> str:
        """A body that encodes `at` (a pending entry carries its activation): unique, not ordered with the others.

        It has a counter of its own: a test clock may stand still while any number of entries are made for one instant.
        """
        self._instants += 1
        ms = unix_ms(at) - EPOCH_MS + self._instants // _COUNTERS
        return f"{(ms << 30) | (self._node << 16) | self._instants % _COUNTERS:018x}"

    def random(self, length: int, alphabet: str = BASE62) -> str:
        """`length` characters drawn evenly from `alphabet`, from the secure source."""
        size = len(alphabet)
        fair = 256 - 256 % size
        out: list[str] = []
        while len(out) < length:
            out += [alphabet[b % size] for b in self._random_bytes(length + 8) if b < fair]
        return "".join(out[:length])
