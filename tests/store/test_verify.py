"""`verify`: what it proves, and that it sees every way in which a book can be wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tallybook.store.verify import NAMED, Finding, check_names, verify
from tests.books import Book
from tests.store.corruptions import CORRUPTIONS, Corruption


@contextmanager
def undone(book: Book) -> Iterator[Connection]:
    """A transaction of which nothing stays, whatever is done to tables and rows."""
    with book.database.writer.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def _remove_constraints(connection: Connection, table: str) -> None:
    connection.execute(text(f"CREATE TABLE unbound AS SELECT * FROM {table}"))
    connection.execute(text(f"DROP TABLE {table}"))
    connection.execute(text(f"ALTER TABLE unbound RENAME TO {table}"))


def _names(connection: Connection) -> dict[str, Any]:
    """What the corruptions speak of."""
    bob = connection.scalar(text("SELECT c.id FROM cards c JOIN customers u ON u.id = c.customer_id WHERE u.source_id = 'bob'"))
    of_bob = {"bob": bob}
    first, second = connection.scalars(text("SELECT id FROM transactions WHERE card_id = :bob ORDER BY id LIMIT 2"), of_bob)
    lot = connection.scalar(text("SELECT id FROM lots WHERE card_id = :bob"), of_bob)
    waiting = connection.scalar(text("SELECT id FROM cards WHERE customer_id IS NULL"))
    return {"bob": bob, "first": first, "second": second, "lot": lot, "waiting": waiting}


def _run(connection: Connection, sql: str, names: dict[str, Any]) -> Any:
    # PostgreSQL cannot know the type of a bare parameter: the names are ids of ours, so they go in as literals.
    for name, value in names.items():
        sql = sql.replace(f":{name}", f"'{value}'")
    return connection.execute(text(sql.replace(":", r"\:")))


def test_a_book_made_by_the_engine_is_proved(shared_book: Book) -> None:
    """Every check looks at rows, and none is broken."""
    found = shared_book.verify()
    assert found.ok
    assert (found.broken, found.findings) == ({}, [])
    assert list(found.checked) == check_names()
    assert {name for name, rows in found.checked.items() if rows == 0} == {"one_receipt_per_key"}


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.check)
def test_a_corrupted_row_is_found_and_named(shared_book: Book, corruption: Corruption) -> None:
    """The check names the rows, and no check complains that has no reason to."""
    with undone(shared_book) as connection:
        names = _names(connection)
        if corruption.unbound:
            _remove_constraints(connection, corruption.unbound)
        assert _run(connection, corruption.statement, names).rowcount > 0
        rows = [str(row[0]) for row in _run(connection, corruption.row, names)]
        found = verify(connection)
    assert set(found.broken) == {corruption.check, *corruption.also}
    assert [finding.id for finding in found.findings if finding.check == corruption.check] == rows
    assert found.broken[corruption.check] == len(rows)


def test_every_check_has_a_corruption() -> None:
    """No check is trusted that was never seen to fail."""
    assert {corruption.check for corruption in CORRUPTIONS} == set(check_names())


def test_a_finding_says_what_was_expected_and_what_was_found(shared_book: Book) -> None:
    """A person reads which row it is, and both numbers."""
    with undone(shared_book) as connection:
        bob = _names(connection)["bob"]
        balance = connection.scalar(text("SELECT balance FROM cards WHERE id = :bob"), {"bob": bob})
        connection.execute(text("UPDATE lots SET status = 'EXPIRED' WHERE card_id = :bob"), {"bob": bob})
        found = verify(connection)
    expected = Finding(check="lots_make_balance", table="cards", id=bob, expected="0", found=str(balance))
    assert found.findings == [expected]
    assert str(expected) == f"lots_make_balance: cards {bob}: expected 0, found {balance}"


def test_many_broken_rows_are_counted_and_the_first_are_named(shared_book: Book) -> None:
    """The answer stays short, however much is wrong."""
    rows = [{"name": f"vouchers:camp_{number:04}", "n": 1} for number in range(NAMED + 50)]
    with undone(shared_book) as connection:
        connection.execute(text("INSERT INTO counters (name, n) VALUES (:name, :n)"), rows)
        found = verify(connection)
    assert found.broken == {"counter_counts_cards": NAMED + 50}
    assert [finding.id for finding in found.findings] == [row["name"] for row in rows[:NAMED]]


def test_a_book_may_grow_while_it_is_proved(shared_book: Book) -> None:
    """All checks speak of one moment, so a server need not stand still."""
    numbers = iter(range(4))

    def write_meanwhile(_: str) -> None:
        if (number := next(numbers, None)) is not None:
            shared_book.order(f"meanwhile-{number}", customer=f"somebody-{number}")

    with shared_book.database.reading() as connection:
        found = verify(connection, write_meanwhile)
    assert found.findings == []
    assert next(numbers, None) is None
