"""The ids of batches are kept for an hour, for an engine that lost its connection in the commit."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from tallybook.ids import Ids, least_at
from tallybook.store.database import Database
from tallybook.store.driver import arrive
from tallybook.store.write_facts import BATCHES_BETWEEN_CLEARANCES, BATCHES_KEPT, FactWriter, was_written
from tallybook.usecases.book import Book

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)


def test_a_batch_is_known_for_an_hour_and_forgotten_after_it(database: Database) -> None:
    """A thousand batches later those of more than an hour ago are gone, and no others."""
    ids, writer = Ids(7), FactWriter(sqlite=database.is_sqlite)
    written = []
    with database.batches.connect() as connection:
        for before in (
            BATCHES_KEPT + timedelta(milliseconds=1),
            BATCHES_KEPT,
            *[timedelta(0)] * (BATCHES_BETWEEN_CLEARANCES - 2),
        ):
            written.append(ids.hex18(NOON - before))
            with connection.begin():
                writer.enter(connection, written[-1], NOON - before)
                writer.write(connection, Book(), NOON - before)
                arrive(connection)
    with database.batches.connect() as connection, connection.begin() as looking:
        assert [was_written(connection, batch_id) for batch_id in written[:3]] == [False, True, True]
        looking.rollback()


def test_old_batches_are_found_by_their_ids(database: Database) -> None:
    """An hour of a busy server is hundreds of thousands of rows, and orders wait while they are looked through."""
    old = f"DELETE FROM batches WHERE id < '{least_at(NOON)}' AND created_at < 1"
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.batches.connect() as connection, connection.begin():
        plan = " ".join(str(row) for row in connection.execute(text(f"{explain} {old}")))
    assert "SEARCH batches USING INDEX" in plan if database.is_sqlite else "Index Cond" in plan


def test_an_id_of_an_earlier_instant_is_below_the_least_of_a_later_one() -> None:
    """And one of that instant is not, whatever node and counter it has."""
    for node in (0, 1, (1 << 14) - 1):
        ids = Ids(node)
        assert ids.hex18(NOON - timedelta(milliseconds=1), line="earlier") < least_at(NOON) <= ids.hex18(NOON)
