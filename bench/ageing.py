"""Makes a book old: copies all customers of a small one, with whatever their orders wrote, until there are so many orders.

Each copy is a shop's worth of customers of the same project, with cards, lots, orders, ledger, awards, occurrences and events,
so that `tallybook verify` finds as little in the old book as in the small one. Its ids are others. Those that sort by time are
older than the ones they were copied from, as are its instants: what the server writes next comes last, as it would have.

The texts (what an occurrence keeps of its subjects, what a transaction says of its cause) are copied as they are. Nothing that
an order asks looks into them, and the books take as much room.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import BigInteger, Connection, Table, text

from tallybook.store.database import Database
from tallybook.store.tables import metadata

TABLES = (
    "customers",
    "cards",
    "publications",
    "lots",
    "tier_memberships",
    "orders",
    "transactions",
    "lot_movements",
    "awards",
    "occurrences",
    "events",
)
"""Where joining and ordering write what is kept, but for the counter of the cards."""

_BY_TIME = {"orders", "transactions", "occurrences", "events"}
"""Tables whose ids sort by time."""
_NAMES_BY_TIME = {"occurrence_id", "cause_id", "given_id", "last_transaction_id"}
_NAMES = {"customer_id", "card_id", "lot_id", "entity_id", "source_id", "tracking_id", "code"}
_RANDOM = ("cust_", "v_", "pub_", "lopb_", "BENCH-")
"""How the ids and codes that do not sort by time begin."""

LEADING = 5
"""Hex digits of a time-ordered body that are changed: the lowest of them is 2^22 ms, more than the small book is old."""
STEP = 16
"""Each copy is older than the one before by so many of the lowest of these digits."""
STEP_MS = STEP << 22
ORDERS = 10_000
"""Orders of the small book, numbered from 0, and no more customers than that: their last four digits stay, in every copy."""


def age(url: str, copies: int, say: Callable[[str], None]) -> None:
    """So many copies of all customers, into the book at `url`, which nobody serves. It is on the disk at the end."""
    database = Database(url)
    try:
        with database.writer.connect() as connection:
            _hurry(connection, sqlite=database.is_sqlite)
            with connection.begin():
                starts = _starts(connection)
                for table in TABLES:
                    connection.execute(text(f"CREATE TEMPORARY TABLE young_{table} AS SELECT * FROM {table}"))
            for number in range(1, copies + 1):
                with connection.begin():
                    for table in TABLES:
                        connection.execute(text(_copying(metadata.tables[table], number, starts)))
                if number % 10 == 0:
                    say(f"{number} of {copies} copies")
            with connection.begin():
                connection.execute(text("UPDATE counters SET n = n * :times WHERE name LIKE 'vouchers%'"), {"times": copies + 1})
        settle(database)
    finally:
        database.close()


def settle(database: Database) -> None:
    """Nothing is left for later that would be done while the server is measured: pages to write, rows to count."""
    if database.path is not None:
        with database.path.open("rb") as file:
            os.fsync(file.fileno())
        return
    with database.writer.connect() as connection:
        own = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            own.execute(text(statement))


def sqlite_copy(path: Path, of: Path) -> str:
    """A copy of a SQLite book that nobody serves, in another file; its URL."""
    with closing(sqlite3.connect(of)) as connection:
        connection.execute("VACUUM INTO ?", [str(path)])
    return f"sqlite:///{path}"


def _hurry(connection: Connection, *, sqlite: bool) -> None:
    """Nothing need outlive a crash before the whole copy is made."""
    if sqlite:  # not inside a transaction, which SQLAlchemy would begin
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-1000000"):
            connection.connection.cursor().execute(f"PRAGMA {pragma}")
    else:
        connection.execute(text("SET synchronous_commit = off"))
        connection.commit()


def _starts(connection: Connection) -> list[str]:
    """How the bodies of the time-ordered ids begin: one start, or two when the book was begun shortly before the turn."""
    found = connection.scalars(text(f"SELECT DISTINCT substr(id, 3, {LEADING}) FROM occurrences"))
    return sorted(str(start) for start in found)


def _copying(table: Table, number: int, starts: list[str]) -> str:
    """The statement that writes one copy of a table's rows."""
    names = [column.name for column in table.columns]
    values = [_value(table.name, name, isinstance(table.columns[name].type, BigInteger), number, starts) for name in names]
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} FROM young_{table.name}"


def _value(table: str, name: str, whole: bool, number: int, starts: list[str]) -> str:
    if whole:
        return f"{name} - {number * STEP_MS}" if name.endswith("_at") else name
    if name == "last_event_key":  # a body alone
        return "substr(" + _older("'_' || last_event_key", number, starts) + ", 2)"
    if name in _NAMES_BY_TIME or (name == "id" and table in _BY_TIME):
        return _older(name, number, starts)
    return _other(name, number) if name in _NAMES or name == "id" else name


def _older(value: str, number: int, starts: list[str]) -> str:
    """The id of a row that was written that many steps earlier."""
    for start in starts:
        earlier = f"{int(start, 16) - number * STEP:0{LEADING}x}"
        for sign in "_-":
            value = f"replace({value}, '{sign}{start}', '{sign}{earlier}')"
    return value


def _other(value: str, number: int) -> str:
    """The id, code or source id of another customer's row. Customers and orders count on from copy to copy."""
    for start in _RANDOM:
        value = f"replace({value}, '{start}', '{start}{number:03d}')"
    value = f"replace({value}, 'customer-0', 'customer-{number}')"
    return f"replace({value}, 'order-00000', 'order-{number:05d}')"
