"""A small book per kind of database, for tests that undo what they do to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.books import Book, small_book
from tests.postgres import Cluster, drop_database, new_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """A book with orders in it, made once for all tests of a module."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("book")
        with small_book(f"sqlite:///{folder / 'book.db'}") as book:
            yield book
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    with small_book(url) as book:
        yield book
    drop_database(cluster, url)
