"""A word from process to process that something waits to be sent. PostgreSQL carries it; SQLite has one process."""

import time
from collections.abc import Callable

import psycopg

from tallybook.store.database import REACHABLE, Connection, Database
from tallybook.store.driver import execute

CHANNEL = "tallybook_send_outs"
PAUSE_SECONDS = 1.0
"""Pause before listening again after the connection was lost."""


def announce(connection: Connection) -> None:
    """Says it to every listener when the current transaction commits."""
    if connection.dialect.name != "sqlite":
        execute(connection, f"NOTIFY {CHANNEL}", [])


def listen(database: Database, heard: Callable[[], None]) -> None:
    """Calls `heard` for every word, and after each lost connection. Never returns; for a thread of its own."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            with psycopg.connect(url, autocommit=True, **REACHABLE) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                heard()
                for _ in connection.notifies():
                    heard()
        except psycopg.Error:
            time.sleep(PAUSE_SECONDS)
