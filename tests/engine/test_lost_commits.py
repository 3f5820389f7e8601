"""A batch that fails where the database does: at its commit, or for want of room. The engine goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tallybook.domain.refusals import TryAgain
from tests.books import Book, empty_book, fixed, put_order


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """A programme on SQLite."""
    with empty_book(f"sqlite:///{tmp_path / 'book.db'}") as book:
        book.rules(book.programme(), fixed(3))
        yield book


def test_a_commit_that_the_database_refuses(postgres_url: str) -> None:
    """The command is answered "try again"; the engine is as good as before, and nothing of the command was kept."""
    with empty_book(postgres_url) as book:
        book.rules(book.programme(), fixed(3))
        with book.database.writing() as connection:
            for statement in (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no room''; END'",
                """CREATE CONSTRAINT TRIGGER cursed AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                   WHEN (NEW.source_id = 'cursed') EXECUTE FUNCTION refuse()""",
            ):
                connection.execute(text(statement))
        with pytest.raises(TryAgain):
            book.do(put_order("cursed"))
        assert book.order("blessed").status == "PAID"
        with book.database.reading() as connection:
            assert list(connection.scalars(text("SELECT source_id FROM orders"))) == ["blessed"]
        assert book.verify().findings == []


def test_a_database_without_room(book: Book) -> None:
    """While the disk is full a command is answered "try again"; when there is room again, it is done."""

    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    book.order("before")
    book.engine.errand(fill)
    answers = [type(answer).__name__ for answer in book.together([put_order(f"order-{n}", f"customer-{n}") for n in range(40)])]
    assert set(answers) <= {"OrderView", "TryAgain"}
    assert book.order("behind").status == "PAID"
    assert book.verify().findings == []
