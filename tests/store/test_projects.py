"""Several processes that start at the same moment."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tallybook.clock import real_now
from tallybook.ids import Ids
from tallybook.settings import FirstProject
from tallybook.store.database import Database
from tallybook.store.projects import draw_node, make_first_project
from tallybook.store.tables import api_keys, projects


def _at_once(url: str, deed: Callable[[Connection], Any], times: int = 8) -> list[Any]:
    """What as many threads get, each with a connection and a transaction of its own, all begun before any has ended."""
    results: list[Any] = []
    ready = threading.Barrier(times)

    def run() -> None:
        with contextlib.closing(Database(url)) as database:
            ready.wait()
            try:
                with database.writing() as connection:
                    results.append(deed(connection))
            except Exception as failed:  # noqa: BLE001  # the test shows it
                results.append(failed)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.usefixtures("database")
def test_processes_that_start_together_get_different_nodes(shared_url: str) -> None:
    """Ids of two processes differ by the node alone when they are made in the same millisecond (decision 34)."""
    nodes = _at_once(shared_url, lambda connection: draw_node(connection, real_now()))
    assert sorted(nodes, key=str) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_processes_that_start_together_make_one_project(database: Database, shared_url: str) -> None:
    """One of them makes it, with its two keys; the others find it there."""
    made = _at_once(shared_url, lambda connection: make_first_project(connection, Ids(1), real_now(), FirstProject()))
    with database.reading() as connection:
        found = [connection.scalars(select(column)).all() for column in (projects.c.id, api_keys.c.project_id)]
    (keys,) = [one for one in made if one is not None]
    assert found == [[keys.project_id], [keys.project_id] * 2]
