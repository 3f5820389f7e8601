"""What the driver runs for us says what SQLAlchemy would have said: the same rows, the same errors."""

import contextlib
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from tallybook.store.among import Among
from tallybook.store.database import Database
from tallybook.store.driver import ahead, all_rows, all_values, arrive, commit_behind, execute, rows_later, run, together
from tallybook.store.migrate import migrate
from tallybook.store.tables import counters

NAMES = ["", "plain", "\"quoted\" 'both' \\ ways", "Zażółć 🎈 \u2028", "tab\tand\nline", "100 % :name %s ?"]
ADD: Any = insert(counters).values(name=bindparam("name"), n=bindparam("n"))
NAMED = select(counters.c.n, counters.c.name).where(counters.c.n >= bindparam("least")).order_by(counters.c.n)


def test_rows_come_as_they_were_written(database: Database) -> None:
    """Any text, the largest and the smallest integer; in the order asked for, with the values given."""
    rows = [[n, name] for n, name in enumerate(NAMES)] + [[2**63 - 1, "largest"]]
    with database.writing() as connection:
        for n, name in [*rows, [-(2**63), "smallest"]]:
            run(connection, ADD, {"name": name, "n": n})
    with database.reading() as connection:
        assert [list(row) for row in all_rows(connection, NAMED, {"least": 0})] == rows
        assert all_values(connection, NAMED, {"least": 2**63 - 1}) == [2**63 - 1]
        assert all_values(connection, NAMED.limit(1), {"least": -(2**63)}) == [-(2**63)]


def test_rows_are_found_by_any_key(database: Database) -> None:
    """A set of keys is one parameter in the notation of the database, whatever stands in them; an empty one finds nothing."""
    keys = [*NAMES, "{}", "{a,b}", "NULL", "null", ",", '"', "\\", '\\"', "a b", " "]
    among = Among(sqlite=database.is_sqlite)
    asked = select(counters.c.name).where(among(counters.c.name))
    with database.writing() as connection:
        for key in [*keys, "another"]:
            run(connection, ADD, {"name": key, "n": 1})
    with database.reading() as connection:
        assert sorted(all_values(connection, asked, {"keys": among.keys(keys)})) == sorted(keys)
        assert sorted(connection.scalars(asked, {"keys": among.keys(keys)})) == sorted(keys)
        assert all_values(connection, asked, {"keys": among.keys([])}) == []


def test_statements_sent_together_fail_together(database: Database) -> None:
    """What went wrong with one of them is raised with its type, and none of them took place."""

    def add(*names: str) -> None:
        with database.writing() as connection, together(connection):
            for name in names:
                run(connection, ADD, {"name": name, "n": 1})

    with pytest.raises(IntegrityError):
        add("first", "twice", "twice", "last")
    with database.writing() as connection:
        with together(connection):
            run(connection, ADD, {"name": "alone", "n": 1})
            rows = rows_later(connection, NAMED, {"least": 0})
        assert [list(row) for row in rows()] == [[1, "alone"]]


def test_what_is_sent_ahead_is_done_when_it_arrives(database: Database) -> None:
    """Its commit too, on PostgreSQL; nothing is raised before it arrives, and of what failed nothing took place."""

    def add(connection: Connection, *names: str) -> None:
        with ahead(connection):
            for name in names:
                run(connection, ADD, {"name": name, "n": 1})
            commit_behind(connection)

    with database.batches.connect() as connection:
        connection.begin()
        add(connection, "first", "second")
        arrive(connection)
        if not database.is_sqlite:
            assert _names(database) == ["first", "second"]
        connection.commit()
        connection.begin()
        if not database.is_sqlite:  # which runs it at once
            add(connection, "third", "first")
        with pytest.raises(IntegrityError):
            add(connection, "first") if database.is_sqlite else arrive(connection)
        connection.rollback()
        with connection.begin():
            add(connection, "fourth")
            arrive(connection)
    assert _names(database) == ["first", "fourth", "second"]


def test_a_commit_that_only_rolls_back_is_an_error(postgres_url: str) -> None:
    """PostgreSQL does not call it one, where a statement had failed and nobody minded: what was written is not there."""
    with contextlib.closing(Database(postgres_url)) as database:
        migrate(database)
        with database.batches.connect() as connection:
            connection.begin()
            run(connection, ADD, {"name": "lost", "n": 1})
            with pytest.raises(DBAPIError):
                execute(connection, "SELECT nothing FROM nowhere", [])
            with ahead(connection):
                commit_behind(connection)
            with pytest.raises(DBAPIError, match="rolled back"):
                arrive(connection)
        assert _names(database) == []


def _names(database: Database) -> list[str]:
    with database.reading() as connection:
        return sorted(all_values(connection, select(counters.c.name), {}))


def test_a_connection_works_on_after_a_failure(database: Database) -> None:
    """Statements that were known before it, and those that were first said in it: a refused batch is not the last one."""

    def add_again(connection: Connection, name: str) -> None:
        with connection.begin(), together(connection):
            run(connection, ADD, {"name": name, "n": 2})
            rows_later(connection, NAMED, {"least": 0})

    with database.writer.connect() as connection:
        for attempt in ("first", "second"):
            with connection.begin():
                run(connection, ADD, {"name": attempt, "n": 1})
            with pytest.raises(IntegrityError):
                add_again(connection, attempt)
            with connection.begin():
                assert [attempt, 1] in [[name, n] for n, name in all_rows(connection, NAMED, {"least": 0})]


def test_texts_are_utf_8_whatever_the_environment_says(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the same for a statement of ours and for one of SQLAlchemy."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with contextlib.closing(Database(database_url)) as database:
        migrate(database)
        with database.writing() as connection:
            run(connection, ADD, {"name": "Zażółć", "n": 1})
            connection.execute(ADD, {"name": "gęślą", "n": 1})
        with database.reading() as connection:
            assert sorted(connection.scalars(select(counters.c.name))) == ["Zażółć", "gęślą"]
            assert sorted(all_values(connection, select(counters.c.name), {})) == ["Zażółć", "gęślą"]


@pytest.mark.parametrize("change", ["DEALLOCATE ALL", "ALTER TABLE counters ALTER COLUMN n TYPE integer"])
def test_a_statement_that_must_be_prepared_again_fails_once(change: str, postgres_url: str) -> None:
    """The database forgot it, or the table is another one now: the connection that reads next is good again."""
    with contextlib.closing(Database(postgres_url)) as database:
        migrate(database)
        with database.writer.connect() as connection:
            with connection.begin():
                run(connection, ADD, {"name": "alone", "n": 1})
                assert len(all_rows(connection, NAMED, {"least": 0})) == 1
            with connection.begin():
                connection.exec_driver_sql(change)
            with pytest.raises(DBAPIError), connection.begin():
                all_rows(connection, NAMED, {"least": 0})
            with connection.begin():
                assert len(all_rows(connection, NAMED, {"least": 0})) == 1


def test_what_no_text_can_hold_is_refused_and_the_transaction_goes_on(database: Database) -> None:
    """PostgreSQL's library ends a text at a NUL, which SQLite keeps; half a surrogate pair is no text for anybody."""
    broken = ["\ud800"] if database.is_sqlite else ["\ud800", "half\0"]

    def add(connection: Connection, *names: str) -> None:
        with together(connection):
            for name in names:
                run(connection, ADD, {"name": name, "n": 1})

    with database.writing() as connection:
        for name in broken:
            with pytest.raises((DataError, UnicodeEncodeError)):
                add(connection, f"before {name!r}", name)
    with database.reading() as connection:
        assert set(all_values(connection, select(counters.c.name), {})) == {f"before {name!r}" for name in broken}


def test_the_drivers_errors_have_sqlalchemys_types(database: Database) -> None:
    """The engine tells by them whether a batch lost to others, broke a rule, or has no database any more."""

    def end(connection: Connection) -> None:
        with pytest.raises(OperationalError, match="administrator"):
            execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())", {})

    with database.writing() as connection:
        run(connection, ADD, {"name": "twice", "n": 1})
    with pytest.raises(IntegrityError), database.writing() as connection:
        run(connection, ADD, {"name": "twice", "n": 2})
    with pytest.raises((OperationalError, ProgrammingError)) as broken, database.writing() as connection:
        execute(connection, "SELECT nothing FROM nowhere", {})
    assert not broken.value.connection_invalidated
    if not database.is_sqlite:
        with pytest.raises(DataError), database.writing() as connection:
            execute(connection, "SELECT 'one'::int", {})
        with pytest.raises(OperationalError) as lost, database.writing() as connection:
            end(connection)
        assert lost.value.connection_invalidated


def test_outside_a_transaction_nothing_is_run(database: Database) -> None:
    """On SQLite each statement would see a moment of its own."""
    with database.readers.connect() as connection, pytest.raises(AssertionError):
        all_rows(connection, NAMED, {"least": 0})
