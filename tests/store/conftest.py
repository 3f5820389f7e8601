"""A database, and a small book, per module and kind of database, for tests that leave nothing behind."""

import contextlib
from collections.abc import Iterator

import pytest

from tallybook.store import tables
from tallybook.store.database import Database
from tallybook.store.migrate import migrate
from tests.books import Book, small_book
from tests.postgres import Cluster, drop_database, new_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database for all tests of a module."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('shared') / 'book.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    yield url
    drop_database(cluster, url)


@pytest.fixture(scope="module")
def shared_database(shared_url: str) -> Iterator[Database]:
    """A database with the schema."""
    with contextlib.closing(Database(shared_url)) as database:
        migrate(database)
        yield database


@pytest.fixture
def database(shared_database: Database) -> Database:
    """A database with the schema and no row."""
    with shared_database.writing() as connection:
        for table in tables.metadata.tables.values():
            connection.execute(table.delete())
    return shared_database


@pytest.fixture(scope="module")
def shared_book(shared_url: str) -> Iterator[Book]:
    """A book with orders in it."""
    with small_book(shared_url) as book:
        yield book
