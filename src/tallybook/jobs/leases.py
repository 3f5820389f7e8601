"""Which jobs this worker may do: on PostgreSQL one worker at a time does a job, by a lease; a SQLite file has one worker."""

from datetime import datetime, timedelta

from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.leases import drop_lease, take_lease
from tallybook.usecases.command import Fence

LEASE = timedelta(seconds=5)
"""How long a job is this worker's without a word. After a crash, another one waits so long before it takes over."""


class Leases:
    """The leases of one worker."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._engine = engine
        self._needed = not database.is_sqlite
        self._owner = Ids(0).random(20)
        self._held: dict[str, tuple[Fence, datetime]] = {}

    def hold(self, job: str, now: datetime) -> bool:
        """Takes the lease of a job, or prolongs it when half of it is over; false when another worker has it."""
        if not self._needed:
            return True
        _, until = self._held.get(job, (None, now))
        if until - now > LEASE / 2:
            return True
        number = self._engine.errand(lambda connection: take_lease(connection, job, self._owner, now, now + LEASE))
        if number is None:
            self._held.pop(job, None)
            return False
        self._held[job] = (Fence(job, number), now + LEASE)
        return True

    def fence(self, job: str) -> Fence | None:
        """What a command of this job carries, so that it is refused when another worker has taken over; None on SQLite."""
        held = self._held.get(job)
        return held and held[0]

    def drop(self, job: str) -> None:
        """Gives the lease of a job back, if it is held."""
        if self._held.pop(job, None) is not None:
            self._engine.errand(lambda connection: drop_lease(connection, job, self._owner))
