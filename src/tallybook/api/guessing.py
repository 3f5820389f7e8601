"""How often somebody may be wrong within a minute: wrong keys by address, unknown card codes by key and by address.

Counted in the memory of one worker, so that with N workers N times as many pass. Addresses of one IPv6 network (/64) count
as one: whoever has one of them has all.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import structlog

from tallybook.api.errors import TooManyRequests
from tallybook.clock import real_now
from tallybook.domain.api_keys import hash_token

log = structlog.get_logger()

WINDOW_SECONDS = 60
MOST_NAMES = 10_000
"""Names that are counted apart; those that come when so many were wrong in this minute are counted together."""
MOST_PROVEN = 10_000
_THE_REST = "the rest"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Wrong keys and unknown codes within a minute; 0 is any number."""

    wrong_keys: int = 0
    unknown_codes: int = 0


ANY_NUMBER = Allowed()


class Tally:
    """Counts by name, begun afresh with each minute."""

    def __init__(self, what: str, most: int, now: Callable[[], datetime]) -> None:
        self._what = what
        self._most = most
        self._now = now
        self._until = 0
        self._counts: dict[str, int] = {}

    def is_full(self, name: str) -> bool:
        """Whether nothing more may be tried under this name in this minute."""
        if not self._counts or not name:
            return False
        self._turn()
        count = self._counts.get(name)
        if count is None and len(self._counts) > MOST_NAMES:
            count = self._counts.get(_THE_REST)
        return count is not None and count >= self._most

    def add(self, name: str) -> None:
        """It was wrong once more."""
        if not self._most or not name:
            return
        self._turn()
        if name not in self._counts and len(self._counts) >= MOST_NAMES:
            name = _THE_REST
        self._counts[name] = count = self._counts.get(name, 0) + 1
        if count == self._most:
            log.warning("guessing", what=self._what, by=name, within_seconds=WINDOW_SECONDS, count=count)

    def refusal(self) -> TooManyRequests:
        """What is answered when it is full."""
        return TooManyRequests(self._most, self._until, max(1, self._until - int(self._now().timestamp())))

    def _turn(self) -> None:
        seconds = int(self._now().timestamp())
        if not self._until - WINDOW_SECONDS <= seconds < self._until:  # a clock that was set back begins a minute too
            self._counts = {}
            self._until = seconds - seconds % WINDOW_SECONDS + WINDOW_SECONDS


class Guesses:
    """Who guessed how much. A key that was right from an address goes on being looked at, whoever guesses beside it."""

    def __init__(self, allowed: Allowed, now: Callable[[], datetime] = real_now) -> None:
        self._keys = Tally("keys", allowed.wrong_keys, now)
        self._codes = Tally("codes", allowed.unknown_codes, now)
        self._proven: dict[tuple[str, str], str] = {}

    def check_key(self, address: str, app_id: str, token: str) -> None:
        """Refuses: TooManyRequests, before the key is looked at, so that the right one is not told from others."""
        if self._keys.is_full(network(address)) and self._proven.get((address, app_id)) != hash_token(token):
            raise self._keys.refusal()

    def right_key(self, address: str, app_id: str, token: str) -> None:
        """The key was right."""
        if (address, app_id) not in self._proven:
            if len(self._proven) >= MOST_PROVEN:
                self._proven.clear()
            self._proven[address, app_id] = hash_token(token)

    def wrong_key(self, address: str) -> None:
        """The key was wrong."""
        self._keys.add(network(address))

    def check_code(self, address: str, app_id: str) -> None:
        """Refuses: TooManyRequests, before a card is looked for."""
        if self._codes.is_full("key " + app_id) or self._codes.is_full(network(address)):
            raise self._codes.refusal()

    def unknown_code(self, address: str, app_id: str) -> None:
        """There was no such card."""
        self._codes.add("key " + app_id)
        self._codes.add(network(address))


@lru_cache(4096)
def network(address: str) -> str:
    """What an address is counted as: itself, or its network of IPv6; what is no address stands for itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))
