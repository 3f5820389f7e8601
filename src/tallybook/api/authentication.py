"""Who is calling: the key of a request, compared in constant time with the hash that is kept."""

import hmac
from collections.abc import Callable
from datetime import datetime

from tallybook.api.call import Identity
from tallybook.api.errors import Forbidden, Unauthorized
from tallybook.clock import monotonic, real_now
from tallybook.domain.api_keys import hash_token
from tallybook.domain.records import ApiKey
from tallybook.store.database import Database
from tallybook.store.projects import find_key

KEPT_SECONDS = 5.0
"""How long a key that was read is trusted before it is read again: so long may a key that another process revoked go on."""
KEPT_KEYS = 1000
"""Most keys kept in memory."""


class Doorman:
    """Tells whose key it is. Keys are remembered for a few seconds, so that a request costs no read of its own."""

    def __init__(
        self, database: Database, now: Callable[[], datetime] = real_now, seconds: Callable[[], float] = monotonic
    ) -> None:
        self._database = database
        self._now = now
        self._seconds = seconds
        self._kept: dict[str, tuple[float, ApiKey | None]] = {}

    def forget(self) -> None:
        """A key was made, changed or revoked in this process: all of them are read afresh."""
        self._kept = {}  # a look-up that began before writes into the dictionary that it began with

    def known(self, app_id: str, token: str, realm: str) -> Identity | None:
        """The identity when this very key was checked a moment ago; None when it has to be looked up."""
        kept = self._kept.get(app_id)
        if kept is None or kept[0] < self._seconds():
            return None
        return self._checked(kept[1], token, realm)

    def look_up(self, app_id: str, token: str, realm: str) -> Identity:
        """The identity of a key. Refuses: Unauthorized; Forbidden for a good key of the wrong kind. Reads the database."""
        if not app_id or not token:
            raise Unauthorized
        remembered = self._kept
        with self._database.reading() as connection:
            key = find_key(connection, app_id)
        if len(remembered) >= KEPT_KEYS:
            remembered.clear()
        remembered[app_id] = (self._seconds() + KEPT_SECONDS, key)
        return self._checked(key, token, realm)

    def _checked(self, key: ApiKey | None, token: str, realm: str) -> Identity:
        expected = key.token_hash if key else hash_token("nobody has this token")
        if not hmac.compare_digest(expected, hash_token(token)) or key is None or not key.opens(self._now()):
            raise Unauthorized
        if key.kind != realm:
            raise Forbidden
        return Identity(key.project_id, key.kind, key.id, key.name)
