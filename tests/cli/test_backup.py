"""`tallybook backup` and `restore`, on books where nothing else happens."""

import contextlib
import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from tallybook.store.backup import _program
from tallybook.store.database import Database
from tallybook.store.migrate import head_revision, migrate
from tallybook.store.opening import NotReady
from tallybook.store.tables import metadata
from tests.books import small_book
from tests.cli.test_main import run
from tests.postgres import Cluster, drop_database, new_database


@pytest.fixture
def url(database_url: str) -> str:
    """A book with a programme, members and orders."""
    with small_book(database_url):
        pass
    return database_url


@pytest.fixture
def empty(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = new_database(cluster)
    yield url
    drop_database(cluster, url)


def rows(url: str) -> dict[str, list[Any]]:
    """Everything in a book."""
    with contextlib.closing(Database(url)) as database, database.reading() as connection:
        return {table.name: sorted(map(tuple, connection.execute(table.select())), key=repr) for table in metadata.sorted_tables}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_restored_book_is_the_same_book(url: str, empty: str, tmp_path: Path) -> None:
    """Every row of every table, and the books close; the backup can be read by its owner only, and nothing lies beside it."""
    file = tmp_path / "backups" / "book"
    file.parent.mkdir()
    done = run("backup", str(file), "--database", url, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"file": str(file), "bytes": file.stat().st_size, "revision": head_revision()}
    assert (stat.S_IMODE(file.stat().st_mode), _names(file.parent)) == (0o600, ["book"])
    restored = run("restore", str(file), "--database", empty, "--json")
    assert json.loads(restored.stdout) == {"file": str(file), "revision": head_revision(), "applied": []}
    assert rows(empty) == rows(url)
    assert run("verify", "--database", empty).returncode == 0


def test_a_book_is_restored_into_an_empty_database_only(url: str, empty: str, tmp_path: Path) -> None:
    """Also a schema without a row is something: it is refused, and stays as it is."""
    file = tmp_path / "book.bak"
    run("backup", str(file), "--database", url)
    run("migrate", "--database", empty)
    before = rows(empty)
    for target in (empty, url):
        done = run("restore", str(file), "--database", target)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "The database is not empty; a backup is restored into an empty one only.\n"
    assert rows(empty) == before


def test_a_backup_does_not_take_the_place_of_another_unasked(url: str, tmp_path: Path) -> None:
    """With --overwrite the new one takes it when it is whole."""
    file = tmp_path / "book.bak"
    file.write_text("precious")
    done = run("backup", str(file), "--database", url)
    assert (done.returncode, file.read_text()) == (2, "precious")
    assert "--overwrite" in done.stderr
    assert run("backup", str(file), "--overwrite", "--database", url).returncode == 0
    assert file.stat().st_size > 1000


def test_a_backup_that_fails_leaves_what_was_there(database_url: str, tmp_path: Path) -> None:
    """A database without a book gives no backup, and the older one stays."""
    file = tmp_path / "backups" / "book.bak"
    file.parent.mkdir()
    file.write_text("precious")
    with contextlib.closing(Database(database_url)) as database, database.writing() as connection:
        connection.execute(text("CREATE TABLE other (id INTEGER)"))
    done = run("backup", str(file), "--overwrite", "--database", database_url)
    assert (done.returncode, done.stderr) == (2, "There is no book in this database.\n")
    assert (file.read_text(), _names(file.parent)) == ("precious", ["book.bak"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_cannot_take_the_place_of_its_database(url: str) -> None:
    """Not even when asked to overwrite."""
    path = url.removeprefix("sqlite:///")
    done = run("backup", path, "--overwrite", "--database", url)
    assert (done.returncode, done.stderr) == (2, f"{path} is the database itself.\n")
    assert run("verify", "--database", url).returncode == 0


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\x00", b"PGDMP", b"PGDMP\x01\x0e\x00"])
def test_a_file_that_is_no_backup_is_refused(empty: str, tmp_path: Path, content: bytes) -> None:
    """In a sentence, and the database stays empty."""
    file = tmp_path / "file"
    file.write_bytes(content)
    done = run("restore", str(file), "--database", empty)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(file) in done.stderr or "pg_restore" in done.stderr
    assert "Traceback" not in done.stderr
    with contextlib.closing(Database(empty)) as database, database.reading() as connection:
        assert inspect(connection).get_table_names() == []


def test_a_backup_that_is_not_there_is_told(empty: str, tmp_path: Path) -> None:
    """It ends with 2."""
    done = run("restore", str(tmp_path / "none"), "--database", empty)
    assert (done.returncode, done.stderr) == (2, f"Cannot read {tmp_path / 'none'}: No such file or directory.\n")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_refused(url: str, empty: str, tmp_path: Path) -> None:
    """A page that was overwritten is noticed before anything is restored."""
    file = tmp_path / "book.bak"
    run("backup", str(file), "--database", url)
    damaged = bytearray(file.read_bytes())
    damaged[8192:16384] = b"\xff" * 8192
    file.write_bytes(damaged)
    done = run("restore", str(file), "--database", empty)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is damaged" in done.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_of_a_newer_tallybook_is_refused(url: str, empty: str, tmp_path: Path) -> None:
    """It is said which schema it has, and the database stays empty."""
    file = tmp_path / "book.bak"
    run("backup", str(file), "--database", url)
    with contextlib.closing(sqlite3.connect(file)) as kept:
        kept.execute("UPDATE alembic_version SET version_num = '9999'")
        kept.commit()
    done = run("restore", str(file), "--database", empty)
    assert (done.returncode, done.stderr) == (2, f"{file} has schema 9999, which only a newer Tallybook knows.\n")


def test_a_backup_of_the_other_kind_of_database_is_refused(postgres_cluster: Cluster, tmp_path: Path) -> None:
    """A database file does not go into PostgreSQL, nor a dump into SQLite."""
    url = new_database(postgres_cluster)
    with contextlib.closing(Database(url)) as database:
        migrate(database)
    sqlite = f"sqlite:///{tmp_path / 'book.db'}"
    run("migrate", "--database", sqlite)
    for source, target, kind in ((url, f"sqlite:///{tmp_path / 'new.db'}", "PostgreSQL"), (sqlite, url, "SQLite")):
        file = tmp_path / kind
        assert run("backup", str(file), "--database", source).returncode == 0
        done = run("restore", str(file), "--database", target)
        assert done.stderr == f"{file} is a backup of a {kind} database; it can be restored into one of these only.\n"
    drop_database(postgres_cluster, url)


def test_a_program_that_is_not_there_is_named() -> None:
    """With what to install."""
    with pytest.raises(NotReady, match=r"^pg_nothing was not found: install PostgreSQL's client programs"):
        _program("pg_nothing")
