"""A post office per kind of database: the schema is made once for all tests of a module, the rows of each are its own."""

from collections.abc import Iterator

import pytest

from tallybook.clock import real_now
from tallybook.store.database import Database
from tallybook.store.migrate import migrate
from tallybook.store.tables import metadata
from tests.delivery.post_office import PostOffice, post_office
from tests.postgres import Cluster, drop_database, new_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the schema and perhaps rows of earlier tests."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path_factory.mktemp('post') / 'book.db'}")
        migrate(made)
        yield made
        made.close()
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    made = Database(url)
    migrate(made)
    yield made
    made.close()
    drop_database(cluster, url)


@pytest.fixture
def empty(database: Database) -> Database:
    """The same without rows."""
    with database.writing() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())
    return database


@pytest.fixture
def office(empty: Database) -> Iterator[PostOffice]:
    """A project without anything in it, on a clock that is told."""
    with post_office(empty) as office:
        yield office


@pytest.fixture
def real_office(empty: Database) -> Iterator[PostOffice]:
    """A project without anything in it, in real time."""
    with post_office(empty, real_now) as office:
        yield office
