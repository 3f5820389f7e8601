"""Who is calling: the key of a request, compared in constant time with the hash that is kept."""

import hmac

from tallybook.api.call import Identity
from tallybook.api.errors import Forbidden, Unauthorized
from tallybook.clock import monotonic
from tallybook.store.database import Database
from tallybook.store.projects import ApiKey, find_key, hash_token

KEPT_SECONDS = 5.0
"""How long a key that was read is trusted before it is read again."""
KEPT_KEYS = 1000
"""Most keys kept in memory."""


class Doorman:
    """Tells whose key it is. Keys are remembered for a few seconds, so that a request costs no read of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, tuple[float, ApiKey | None]] = {}

    def known(self, app_id: str, token: str, realm: str) -> Identity | None:
        """The identity when this very key was checked a moment ago; None when it has to be looked up."""
        kept = self._kept.get(app_id)
        if kept is None or kept[0] < monotonic():
            return None
        return self._checked(kept[1], token, realm)

    def look_up(self, app_id: str, token: str, realm: str) -> Identity:
        """The identity of a key. Refuses: Unauthorized; Forbidden for a good key of the wrong kind. Reads the database."""
        if not app_id or not token:
            raise Unauthorized
        with self._database.reading() as connection:
            key = find_key(connection, app_id)
        if len(self._kept) >= KEPT_KEYS:
            self._kept.clear()
        self._kept[app_id] = (monotonic() + KEPT_SECONDS, key)
        return self._checked(key, token, realm)

    @staticmethod
    def _checked(key: ApiKey | None, token: str, realm: str) -> Identity:
        expected = key.token_hash if key else hash_token("nobody has this token")
        if not hmac.compare_digest(expected, hash_token(token)) or key is None:
            raise Unauthorized
        if key.kind != realm:
            raise Forbidden
        return Identity(key.project_id, key.kind, key.app_id, key.name)
