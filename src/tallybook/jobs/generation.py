"""Goes on with the cards that were asked for: a slice of one generation, then of the next, and round again."""

from datetime import datetime

from tallybook.engine.engine import Engine
from tallybook.jobs.leases import Leases
from tallybook.store.database import Database
from tallybook.store.queries_async_actions import unfinished
from tallybook.usecases.command import Actor
from tallybook.usecases.generate_cards import GENERATE, GenerateSlice, task_of

NAME = "generation"
SLICE = 100
"""Cards made in one batch of the engine: some milliseconds, which the orders of that batch wait."""


class Generation:
    """Small generations asked for behind a large one do not wait for its end (the API's documentation promises it)."""

    def __init__(self, database: Database, engine: Engine, leases: Leases) -> None:
        self._database = database
        self._engine = engine
        self._leases = leases
        self._last = ""

    def next_due(self, now: datetime, /) -> datetime | None:
        """Now, while a generation is unfinished."""
        with self._database.reading() as connection:
            return now if unfinished(connection, GENERATE) else None

    def run_slice(self, _: datetime, /) -> bool:
        """Makes some cards of the generation whose turn it is; whether there may be more to make."""
        with self._database.reading() as connection:
            waiting = unfinished(connection, GENERATE)
        if not waiting:
            return False
        action = next((one for one in waiting if one.id > self._last), waiting[0])
        self._last = action.id
        self._engine.do(
            GenerateSlice(
                project_id=action.project_id,
                actor=Actor(channel="INTERNAL"),
                fence=self._leases.fence(NAME),
                campaign_id=action.entity_id,
                action_id=action.id,
                size=SLICE,
                code_config=task_of(action).terms.code_config,
            )
        )
        return True
