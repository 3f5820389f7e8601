"""Goes on with the cards that were asked for: a slice of one generation or import, then of the next, and round again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tallybook.clock import monotonic
from tallybook.domain.records import AsyncAction
from tallybook.engine.engine import Engine
from tallybook.jobs.leases import Leases
from tallybook.store.database import Database
from tallybook.store.queries_async_actions import unfinished
from tallybook.usecases.command import Actor
from tallybook.usecases.generate_cards import GENERATE, GenerateSlice, task_of
from tallybook.usecases.import_cards import IMPORTS, ImportSlice, next_cards

NAME = "generation"
SLICE = 50
"""Cards made in one batch of the engine: a few milliseconds, which the orders of that batch wait."""
REST = 3
"""After a slice it rests for so many times as long as that took: requests always have most of the engine."""


class Generation:
    """Small generations asked for behind a large one do not wait for its end (the API's documentation promises it)."""

    def __init__(self, database: Database, engine: Engine, leases: Leases, monotonic: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._engine = engine
        self._leases = leases
        self._monotonic = monotonic
        self._last = ""
        self._rests_until: datetime | None = None

    def next_due(self, now: datetime, /) -> datetime | None:
        """Now, while a generation is unfinished, or at the end of the rest."""
        if self._rests_until is not None and now < self._rests_until:
            return self._rests_until
        return now if self._unfinished() else None

    def run_slice(self, now: datetime, /) -> bool:
        """Makes some cards of the generation whose turn it is; false, for then it rests."""
        if waiting := self._unfinished():
            began = self._monotonic()
            action = next((one for one in waiting if one.id > self._last), waiting[0])
            self._last = action.id
            self._engine.do(self._command(action))
            self._rests_until = now + (1 + REST) * timedelta(seconds=self._monotonic() - began)
        return False

    def _unfinished(self) -> list[AsyncAction]:
        with self._database.reading() as connection:
            return unfinished(connection, (GENERATE, *IMPORTS))

    def _command(self, action: AsyncAction) -> GenerateSlice | ImportSlice:
        said: dict[str, Any] = {
            "project_id": action.project_id,
            "actor": Actor(channel="INTERNAL"),
            "fence": self._leases.fence(NAME),
            "campaign_id": action.entity_id,
            "action_id": action.id,
        }
        if action.type in IMPORTS:
            return ImportSlice(**said, start=action.done_count, cards=next_cards(action))
        return GenerateSlice(**said, size=SLICE, code_config=task_of(action).terms.code_config)
