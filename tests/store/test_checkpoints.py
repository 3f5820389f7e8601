"""Checkpoints: what was committed is moved into SQLite's file while the server runs, and the log begins anew."""

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tallybook.store.checkpoints import Checkpoints
from tallybook.store.database import LOG_PAGES
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


def test_the_log_does_not_grow_without_end(book: Book) -> None:
    """Though orders go on coming, and the log can begin anew only when all of it has been moved."""
    checkpoints = Checkpoints(book.database)
    checkpoints.start()
    try:
        largest = 0
        with book.database.writer.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE heavy (bytes BLOB)")
            connection.commit()
            for _ in range(60):
                connection.exec_driver_sql(f"INSERT INTO heavy VALUES (zeroblob({LOG_PAGES * PAGE_BYTES // 10}))")
                connection.commit()
                checkpoints.committed()
                largest = max(largest, book.database.wal_bytes())
    finally:
        checkpoints.stop()
    assert LOG_PAGES * PAGE_BYTES // 2 < largest < 2 * LOG_PAGES * PAGE_BYTES
