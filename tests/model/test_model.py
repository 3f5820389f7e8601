"""The engine does what the model does, step by step, whatever is asked in whatever order, on both databases.

Each run has the same examples; TALLYBOOK_TEST_MODEL=long looks for new ones for some minutes.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import insert, select

from tallybook.store import tables
from tallybook.store.database import Database
from tests.books import Book, empty_book, engine_on
from tests.model.machine import START, BookMachine, OpenBook
from tests.postgres import Cluster, drop_database, new_database

LONG = os.environ.get("TALLYBOOK_TEST_MODEL") == "long"
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _settings(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples * (40 if LONG else 1),
        stateful_step_count=steps * (2 if LONG else 1),
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=_SLOW,
    )


def _start() -> datetime:
    return START


def _run(open_book: OpenBook, how: settings) -> None:
    class Machine(BookMachine):
        def __init__(self) -> None:
            super().__init__(open_book)

    run_state_machine_as_test(Machine, settings=how)


def test_the_engine_does_what_the_model_does_on_sqlite(tmp_path: Path) -> None:
    """Balances, points, what waits, lots by date, tiers and ledgers are the model's after every step, and the book is proven."""
    template, numbers = tmp_path / "template.db", itertools.count()
    with empty_book(f"sqlite:///{template}", _start, sandbox=True):
        pass

    @contextlib.contextmanager
    def open_book() -> Iterator[Book]:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(template, path)
        with contextlib.closing(Database(f"sqlite:///{path}")) as database, engine_on(database, now=_start) as engine:
            yield Book(database, engine)
        path.unlink()

    _run(open_book, _settings(24, 25))


def test_the_engine_does_what_the_model_does_on_postgresql(postgres_cluster: Cluster) -> None:
    """The same with fewer examples, since each costs more."""
    url = new_database(postgres_cluster)
    with empty_book(url, _start, sandbox=True) as book, book.database.reading() as connection:
        project = dict(connection.execute(select(tables.projects)).mappings().one())

    @contextlib.contextmanager
    def open_book() -> Iterator[Book]:
        with contextlib.closing(Database(url)) as database:
            with database.writing() as connection:
                for table in tables.metadata.tables.values():
                    connection.execute(table.delete())
                connection.execute(insert(tables.projects), [project])
            with engine_on(database, now=_start) as engine:
                yield Book(database, engine)

    _run(open_book, _settings(5, 20))
    drop_database(postgres_cluster, url)
