"""The writes of delivery, done by whoever writes: the engine of this process, or of the one that started it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from tallybook import telemetry
from tallybook.delivery.outbox import OutboxUnavailable
from tallybook.delivery.policy import Failed, is_to_be_disabled
from tallybook.domain.refusals import OutcomeUnknown, TryAgain
from tallybook.engine.engine import Engine, Overloaded
from tallybook.store import send_outs
from tallybook.store.database import Connection, Database, SQLAlchemyError
from tallybook.store.leases import drop_lease, take_lease
from tallybook.store.send_outs import Result
from tallybook.usecases.webhooks import DisableWebhook

log = structlog.get_logger()

LEASE_NAME = "delivery"
_NOT_NOW = (Overloaded, TryAgain, OutcomeUnknown, SQLAlchemyError)
"""What the engine and the store say when asking again may help."""


class Clerk(Protocol):
    """What delivery asks to be written. Every method may raise OutboxUnavailable."""

    def record(self, results: Sequence[Result]) -> None:
        """What came of attempts, all or none; a webhook that is dead by it is disabled (decision 49)."""

    def take_lease(self, owner: str, now: datetime, until: datetime) -> bool:
        """Makes `owner` the one that delivers, until then; false when somebody else is."""

    def drop_lease(self, owner: str) -> None:
        """Lets somebody else deliver."""


class EngineClerk:
    """Writes through the engine, like everybody."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    def record(self, results: Sequence[Result]) -> None:
        """What came of attempts."""
        try:
            self._engine.errand(lambda connection: self._write(connection, results))
            for state, count in Counter(one.state for one in results).items():
                telemetry.SEND_OUTS.labels(result=state.lower()).inc(count)
            for one in results:
                if one.state == "FAILED" and one.receiver_failed and self._is_dead(one):
                    log.warning("webhook_disabled", webhook=one.webhook_id, project=one.project_id)
                    self._engine.do(DisableWebhook(project_id=one.project_id, webhook_id=one.webhook_id))
        except _NOT_NOW as away:
            raise OutboxUnavailable(str(away)) from away

    def _write(self, connection: Connection, results: Sequence[Result]) -> None:
        with telemetry.stage("record"):
            send_outs.record(connection, results, sqlite=self._database.is_sqlite)

    def _is_dead(self, one: Result) -> bool:
        with self._database.reading() as connection:
            success = send_outs.last_success_at(connection, one.webhook_id)
        return is_to_be_disabled(Failed(), one.at, success)

    def take_lease(self, owner: str, now: datetime, until: datetime) -> bool:
        """A SQLite file has one process, which needs no lease."""
        if self._database.is_sqlite:
            return True
        try:
            fence = self._engine.errand(lambda connection: take_lease(connection, LEASE_NAME, owner, now, until))
        except _NOT_NOW as away:
            raise OutboxUnavailable(str(away)) from away
        return fence is not None

    def drop_lease(self, owner: str) -> None:
        """Lets somebody else deliver."""
        if not self._database.is_sqlite:
            self._engine.errand(lambda connection: drop_lease(connection, LEASE_NAME, owner))
