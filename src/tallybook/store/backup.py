"""Backups: a copy of one moment, made while a server goes on working, and restored into an empty database only.

SQLite is copied by its online backup, PostgreSQL by pg_dump. A backup appears under its name when it is whole and on disk. It
is as secret as the book: only its owner may read it.
"""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, inspect

from tallybook.store.database import Database
from tallybook.store.migrate import current_revision, is_known
from tallybook.store.opening import NotReady

_SQLITE, _POSTGRES = b"SQLite format 3\x00", b"PGDMP"
"""How the files begin."""
_DEBIAN = Path("/usr/lib/postgresql")


def back_up(database: Database, file: Path, *, overwrite: bool = False) -> str:
    """Copies the book as it is at one moment into `file`, and gives its schema. Raises NotReady.

    Nothing stops meanwhile. Whatever was answered before it began is in the copy. On SQLite the write-ahead log grows until
    it is done.
    """
    if database.path is not None and not database.path.exists():
        raise NotReady(f"There is no database at {database.path}.")
    if database.path is not None and file.exists() and database.path.samefile(file):
        raise NotReady(f"{file} is the database itself.")
    if file.exists() and not overwrite:
        raise NotReady(f"{file} is there already; say --overwrite to replace it when the new backup is whole.")
    with database.reading() as connection:
        revision = current_revision(connection)
    if revision is None:
        raise NotReady("There is no book in this database.")
    with _appearing(file) as partial:
        (_copy_sqlite if database.is_sqlite else _dump)(database, partial)
    return revision


def restore(database: Database, file: Path) -> str:
    """Fills an empty database from a backup of the same kind, all or nothing, and gives the schema of it. Raises NotReady.

    The caller keeps servers away (`Database.lock`). What waited to be sent when the backup was made is sent again.
    """
    revision = _revision_in(database, file)
    if revision is None:
        raise NotReady(f"{file} is no backup of a book.")
    if not is_known(revision):
        raise NotReady(f"{file} has schema {revision}, which only a newer Tallybook knows.")
    with database.reading() as connection:
        if inspect(connection).get_table_names():
            raise NotReady("The database is not empty; a backup is restored into an empty one only.")
    if database.path is not None:
        with contextlib.closing(_read_only(file)) as kept, contextlib.closing(sqlite3.connect(database.path)) as book:
            kept.backup(book)
    else:
        words = ["--no-owner", "--no-privileges", "--single-transaction", f"--dbname={_address(database)}", str(file)]
        _run("pg_restore", words, database)
    return revision


@contextlib.contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A file beside `file` that takes its place, or its name, when all of it is on disk; gone when that fails."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as wrong:
        raise NotReady(f"Cannot write into {file.parent}: {wrong.strerror}.") from wrong
    os.close(number)
    partial = Path(name)
    try:
        yield partial
        _sync(partial)
        partial.replace(file)
        _sync(file.parent)
    except OSError as wrong:
        raise NotReady(f"Cannot write {file}: {wrong.strerror}.") from wrong
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _copy_sqlite(database: Database, partial: Path) -> None:
    """All pages in one step, which reads one moment: in smaller steps every write of the server would begin it again."""
    with database.reading() as connection, contextlib.closing(sqlite3.connect(partial)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            _check(copy, "The copy is damaged")
        except sqlite3.Error as wrong:
            raise NotReady(f"The backup failed: {wrong}.") from wrong


def _dump(database: Database, partial: Path) -> None:
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--file={partial}", f"--dbname={_address(database)}"]
    _run("pg_dump", words, database)


def _check(connection: sqlite3.Connection, complaint: str) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise NotReady(f"{complaint}: {found}.")


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)


def _revision_in(database: Database, file: Path) -> str | None:
    """The schema of a backup; None when it is none. Raises NotReady when it is damaged, or of the other kind of database."""
    try:
        with file.open("rb") as opened:
            head = opened.read(len(_SQLITE))
    except OSError as wrong:
        raise NotReady(f"Cannot read {file}: {wrong.strerror}.") from wrong
    for magic, kind, fits in (
        (_SQLITE, "SQLite", database.is_sqlite),
        (_POSTGRES, "PostgreSQL", not database.is_sqlite),
    ):
        if head.startswith(magic) and not fits:
            raise NotReady(f"{file} is a backup of a {kind} database; it can be restored into one of these only.")
    if head == _SQLITE:
        return _revision_in_sqlite(file)
    return _revision_in_dump(database, file) if head.startswith(_POSTGRES) else None


def _revision_in_sqlite(file: Path) -> str | None:
    with contextlib.closing(_read_only(file)) as kept:
        try:
            _check(kept, f"{file} is damaged")
            kept.execute("SELECT 1 FROM projects LIMIT 1")
            row = kept.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:  # no such table
            return None
        except sqlite3.DatabaseError as wrong:
            raise NotReady(f"{file} is damaged: {wrong}.") from wrong
    return None if row is None else str(row[0])


def _revision_in_dump(database: Database, file: Path) -> str | None:
    said = _run("pg_restore", ["--data-only", "--table=alembic_version", "--file=-", str(file)], database)
    found = re.search(r"alembic_version .*FROM stdin;\n(\w+)\n", said)
    return found[1] if found else None


def _address(database: Database) -> str:
    """The database for libpq, without the password, which others would see in the list of processes."""
    url = database.url
    plain = URL.create("postgresql", url.username, host=url.host, port=url.port, database=url.database, query=url.query)
    return plain.render_as_string()


def _run(name: str, words: list[str], database: Database) -> str:
    """What a program of PostgreSQL prints. Raises NotReady when it is not there, or fails."""
    password = {"PGPASSWORD": database.url.password} if database.url.password else {}
    done = subprocess.run(  # noqa: S603  # PostgreSQL's own program
        [_program(name), *words], env={**os.environ, **password}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotReady(f"{name} failed: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str:
    """The program on PATH, else Debian's newest. It must not be older than the server."""
    newest = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(re.match(r"\d+", path.parts[-3])[0]))  # type: ignore[index]
    found = shutil.which(name) or (str(newest[-1]) if newest else None)
    if found is None:
        raise NotReady(f"{name} was not found: install PostgreSQL's client programs (Debian: postgresql-client).")
    return found
