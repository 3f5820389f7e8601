"""Checkpoints: what was committed is moved into SQLite's file while the server runs, and the log begins anew."""

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tallybook.store.checkpoints import PAUSE_SECONDS, Checkpoints
from tallybook.store.database import LOG_PAGES, MOST_LOG_PAGES
from tests.books import WAIT_SECONDS, Book, empty_book

PAGE_BYTES = 4_096


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """A book in a file."""
    with empty_book(f"sqlite:///{tmp_path / 'book.db'}") as book:
        yield book


def _soon(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def _orders_in_the_file_alone(book: Book, tmp_path: Path) -> int:
    """How many orders somebody finds who has the file, but not the log beside it."""
    assert book.database.path is not None
    alone = tmp_path / "alone.db"
    shutil.copy(book.database.path, alone)
    with contextlib.closing(sqlite3.connect(alone)) as connection:
        try:
            return int(connection.execute("SELECT COUNT(*) FROM orders").fetchone()[0])
        except sqlite3.DatabaseError:  # copied while it was written, or before its first checkpoint
            return 0


def test_what_was_committed_gets_into_the_file(book: Book, tmp_path: Path) -> None:
    """Soon after the commit, without the engine doing anything more; and not before somebody says that there was one."""
    checkpoints = Checkpoints(book.database)
    checkpoints.start()
    try:
        book.order("first")
        assert _orders_in_the_file_alone(book, tmp_path) == 0
        checkpoints.committed()
        assert _soon(lambda: _orders_in_the_file_alone(book, tmp_path) == 1)
    finally:
        checkpoints.stop()


def _times_begun(book: Book) -> int:
    """How often the log began anew, which its head counts."""
    assert book.database.path is not None
    head = book.database.path.with_name(book.database.path.name + "-wal").read_bytes()[:32]
    return int.from_bytes(head[12:16], "big")


@contextlib.contextmanager
def _heavy(book: Book) -> Iterator[Callable[[int], None]]:
    """Commits so many pages."""
    with book.database.writer.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE heavy (bytes BLOB)")
        connection.commit()

        def commit(pages: int) -> None:
            connection.exec_driver_sql(f"INSERT INTO heavy VALUES (zeroblob({pages * PAGE_BYTES}))")
            connection.commit()

        yield commit


def test_a_long_log_begins_anew(book: Book) -> None:
    """With the commit after the one that found nearly all of it moved, and nobody reading in it."""
    checkpoints = Checkpoints(book.database)
    checkpoints.start()
    try:
        with _heavy(book) as commit:
            commit(LOG_PAGES)
            with book.database.reading() as reader:
                reader.execute(text("SELECT COUNT(*) FROM heavy")).one()
                commit(1)
                checkpoints.committed()
                time.sleep(6 * PAUSE_SECONDS)  # the thread moves what the reader does not need
                before = _times_begun(book)
            commit(1)
            assert _times_begun(book) == before
            checkpoints.committed()
            commit(1)
            assert _times_begun(book) == before + 1
    finally:
        checkpoints.stop()


def test_the_log_does_not_grow_without_end(book: Book) -> None:
    """Not even where nobody moves it beside the commits."""
    largest = 0
    with _heavy(book) as commit:
        for _ in range(25):
            commit(MOST_LOG_PAGES // 10)
            largest = max(largest, book.database.wal_bytes())
    assert MOST_LOG_PAGES * PAGE_BYTES // 2 < largest < 1.5 * MOST_LOG_PAGES * PAGE_BYTES
