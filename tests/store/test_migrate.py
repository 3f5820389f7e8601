"""Migrations: they make exactly the schema of `tables.py`, once, whoever starts first."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from tallybook.store import tables
from tallybook.store.database import Database
from tallybook.store.migrate import NewerSchema, current_revision, head_revision, is_current, migrate


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, without a schema."""
    with contextlib.closing(Database(database_url)) as database:
        yield database


def _schema(connection: Connection) -> dict[str, Any]:
    """All that the database says about its tables, in words that can be compared."""
    found = inspect(connection)
    return {
        name: {
            "columns": [{key: str(value) for key, value in column.items()} for column in found.get_columns(name)],
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted((one["name"] or "", one["column_names"]) for one in found.get_unique_constraints(name)),
            "checks": sorted((str(one["name"]), one["sqltext"]) for one in found.get_check_constraints(name)),
            "indexes": sorted(
                (str(one["name"]), one["column_names"], one["unique"], str(sorted(_conditions(one))))
                for one in found.get_indexes(name)
            ),
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def _conditions(index: Any) -> list[str]:
    return [f"{key} {value}" for key, value in index.get("dialect_options", {}).items() if key.endswith("_where")]


def test_an_empty_database_gets_exactly_the_tables(database: Database) -> None:
    """Columns, keys, indexes with their conditions, unique and check constraints are those of `tables.py`."""
    migrate(database)
    with database.writing() as connection:
        migrated = _schema(connection)
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
        tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
        wanted = _schema(connection)
    assert differences == []
    assert migrated == wanted


def test_migrating_tells_what_it_did(database: Database) -> None:
    """The missing revisions the first time, none the second."""
    with database.reading() as connection:
        before = (current_revision(connection), is_current(connection))
    applied = [migrate(database), migrate(database)]
    with database.reading() as connection:
        after = (current_revision(connection), is_current(connection))
    assert (before, after) == ((None, False), (head_revision(), True))
    assert applied[0][-1] == head_revision()
    assert applied[1] == []


def test_of_several_that_start_together_one_migrates(database: Database, database_url: str) -> None:
    """The others wait for it, and find nothing to do."""
    results: list[list[str]] = []

    def start() -> None:
        with contextlib.closing(Database(database_url)) as mine:
            results.append(migrate(mine))

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, results)) == [0, 0, 0, 0, len(max(results, key=len))]
    with database.reading() as connection:
        assert is_current(connection)


def test_a_schema_of_a_newer_tallybook_is_left_alone(database: Database) -> None:
    """It is said which one is there and which one is known."""
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchema, match=f"schema 9999, this Tallybook knows up to {head_revision()}"):
        migrate(database)
    with database.reading() as connection:
        assert not is_current(connection)


def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    """All or none: a database with a table in the way is as it was before."""
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE receipts (own TEXT)"))
    with pytest.raises(Exception, match="receipts"):
        migrate(database)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["receipts"]
