"""The word from process to process that something waits to be sent: on PostgreSQL, when a transaction commits."""

import queue
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tallybook.store.database import Database
from tallybook.store.notices import CHANNEL, announce, listen
from tests.postgres import Cluster, drop_database, new_database

SOON = 10.0
"""Seconds after which a word would never come."""
NEVER = 0.2
"""Seconds in which a word would have come."""


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> Iterator[Database]:
    """An empty database on a server."""
    url = new_database(postgres_cluster)
    database = Database(url)
    yield database
    _cut(database)  # the listener's thread never ends by itself: it finds its database gone
    database.close()
    drop_database(postgres_cluster, url)


def _cut(database: Database) -> None:
    """End every other connection to this database, as a restart of the server does."""
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with database.writing() as connection:
        connection.execute(text(others))


def _listening(database: Database) -> "queue.Queue[str]":
    """What a listener hears: it has said once that it listens."""
    words: queue.Queue[str] = queue.Queue()
    threading.Thread(target=listen, args=(database, lambda: words.put("heard")), daemon=True).start()
    assert words.get(timeout=SOON) == "heard"
    return words


def _silent(words: "queue.Queue[str]") -> bool:
    try:
        words.get(timeout=NEVER)
    except queue.Empty:
        return True
    return False


def test_a_word_is_heard_when_it_is_committed(postgres: Database) -> None:
    """Every listener hears an announcement, once, when its transaction commits and not before."""
    listeners = [_listening(postgres), _listening(postgres)]
    with postgres.writing() as connection:
        announce(connection)
        announce(connection)
        assert all(_silent(words) for words in listeners)
    assert [words.get(timeout=SOON) for words in listeners] == ["heard", "heard"]
    assert all(_silent(words) for words in listeners)


def test_a_word_that_is_rolled_back(postgres: Database) -> None:
    """What was not committed is not announced."""
    words = _listening(postgres)
    with postgres.writer.connect() as connection, connection.begin() as transaction:
        announce(connection)
        transaction.rollback()
    assert _silent(words)


def test_a_lost_connection_is_made_again(postgres: Database) -> None:
    """When the server ends the connection the listener comes back, says so once for what it may have missed, and hears again."""
    words = _listening(postgres)
    _cut(postgres)
    assert words.get(timeout=SOON) == "heard"
    with postgres.writing() as connection:
        announce(connection)
    assert words.get(timeout=SOON) == "heard"


def test_a_sqlite_file_has_nobody_to_tell(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On SQLite, which one process uses, an announcement is nothing at all."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('notices') / 'book.db'}")
    with database.writing() as connection:
        announce(connection)
    database.close()
    assert CHANNEL.startswith("tallybook_")
