"""Exports: slice by slice, each row once, whatever happens between two slices."""

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tallybook.clock import real_now
from tallybook.domain.config import Campaign
from tallybook.domain.exports import EXPORTED
from tallybook.domain.records import Export
from tallybook.domain.refusals import NotFound
from tallybook.ids import Ids
from tallybook.jobs.exports import Exports
from tallybook.store.export_files import ExportFiles
from tallybook.store.queries_exports import get_export, keep_progress
from tallybook.usecases.customers import CustomerFields, UpdateCustomer
from tallybook.usecases.exports import CreateExport, DeleteExport, ExportParameters
from tests.books import PROJECT, WAIT_SECONDS, Book, small_book

URL = "https://points.example"


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with a few orders."""
    with small_book(database_url) as book:
        yield book


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "files" / "of exports"


def job_of(book: Book, folder: Path, slice_size: int = 3) -> Exports:
    """The job as a worker has it that has just started."""
    return Exports(book.database, book.engine, Ids(7), ExportFiles(folder), URL, slice_size)


def asked(book: Book, exported_object: str, **parameters: Any) -> Export:
    """Ask for an export."""
    said = msgspec.convert(parameters, ExportParameters)
    export: Export = book.do(CreateExport(project_id=PROJECT, exported_object=exported_object, parameters=said))
    return export


def finish(book: Book, folder: Path, slice_size: int = 3) -> int:
    """Do all there is to do, each slice by a worker that has just started; how many slices that were."""
    slices = 0
    while job_of(book, folder).next_due(real_now()) is not None:
        assert job_of(book, folder, slice_size).run_slice(real_now())
        slices += 1
    return slices


def now(book: Book, export: Export) -> Export:
    """An export as it is."""
    with book.database.reading() as connection:
        found = get_export(connection, export.id)
    assert found is not None
    return found


def lines(folder: Path, export: Export) -> list[list[str]]:
    """The lines of a file, without its header."""
    content = (folder / f"{export.id}.csv").read_bytes().decode()
    return list(csv.reader(io.StringIO(content, newline="")))[1:]


def column(book: Book, sql: str) -> list[Any]:
    """What the book says itself."""
    with book.database.reading() as connection:
        return list(connection.scalars(text(sql)))


def test_a_file_of_many_slices_is_the_file_of_one(book: Book, folder: Path) -> None:
    """Byte for byte, in every order that each kind of object has; every worker goes on where another ended."""
    for number in range(4, 6):
        book.order(f"order-{number}", customer=f"somebody-{number}", amount=number)
    for exported_object, exported in EXPORTED.items():
        for order in exported.orders:
            small = asked(book, exported_object, order=order, fields=list(exported.fields))
            assert finish(book, folder, 2) > 2
            large = asked(book, exported_object, order=order, fields=list(exported.fields))
            assert finish(book, folder, 1_000) == 1
            files = [(folder / f"{one.id}.csv").read_bytes() for one in (small, large)]
            assert files[0] == files[1]
            done = now(book, small)
            assert (done.status, done.size, done.row_count) == ("DONE", len(files[0]), len(lines(folder, small)))


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
def test_rows_come_in_their_order(book: Book, folder: Path, order: str) -> None:
    """Each once."""
    export = asked(book, "order", order=order, fields=["id"])
    finish(book, folder)
    ids = column(book, f"SELECT id FROM orders ORDER BY created_at {'DESC' if order[0] == '-' else ''}, id")
    assert [row[0] for row in lines(folder, export)] == ids


def test_what_has_no_value_is_the_smallest(book: Book, folder: Path) -> None:
    """As in every list; between equals the id decides."""
    export = asked(book, "points_expiration", fields=["id"])
    by_name = asked(book, "customer", order="name", fields=["id"])
    some = column(book, "SELECT id FROM customers ORDER BY id")
    for customer_id, name in zip(some, ("b", "a"), strict=True):
        book.do(UpdateCustomer(project_id=PROJECT, key=customer_id, fields=CustomerFields(name=name)))
    book.order("one-more", customer="nameless")
    finish(book, folder, 1)
    nameless = column(book, "SELECT id FROM customers WHERE name IS NULL")
    assert [row[0] for row in lines(folder, by_name)] == [*nameless, some[1], some[0]]
    assert [row[0] for row in lines(folder, export)] == column(book, "SELECT id FROM lots ORDER BY expires_on DESC, id DESC")


def test_rows_that_come_meanwhile_move_no_others(book: Book, folder: Path) -> None:
    """Newest first, what is made after the beginning is left out; oldest first, it comes at the end."""
    before = column(book, "SELECT source_id FROM orders ORDER BY created_at, id")
    newest, oldest = (asked(book, "order", order=order, fields=["source_id"]) for order in ("-created_at", "created_at"))
    for number in range(4):
        assert job_of(book, folder, 2).run_slice(real_now())
        book.order(f"meanwhile-{number}", customer="dave")
    finish(book, folder, 2)
    assert [row[0] for row in lines(folder, newest)][-len(before) :] == before[::-1]
    found = [row[0] for row in lines(folder, oldest)]
    assert (found[: len(before)], len(set(found))) == (before, len(found))


def test_a_slice_that_was_not_remembered_is_written_again_in_its_place(book: Book, folder: Path) -> None:
    """A worker was killed after it wrote the file, in the middle of a line, and before the database knew."""
    export = asked(book, "order", order="created_at", fields=["id"])
    job_of(book, folder, 2).run_slice(real_now())
    with (folder / f"{export.id}.csv").open("ab") as file:
        file.write(b"ord_half a li")
    finish(book, folder, 2)
    assert [row[0] for row in lines(folder, export)] == column(book, "SELECT id FROM orders ORDER BY created_at, id")


def test_a_file_that_was_lost_is_written_afresh(book: Book, folder: Path) -> None:
    """Somebody removed it, or the disk lost its end."""
    export = asked(book, "order", order="created_at", fields=["id"])
    job_of(book, folder, 2).run_slice(real_now())
    (folder / f"{export.id}.csv").unlink()
    finish(book, folder, 2)
    assert [row[0] for row in lines(folder, export)] == column(book, "SELECT id FROM orders ORDER BY created_at, id")


def test_a_file_that_cannot_be_written_fails_alone(book: Book, folder: Path) -> None:
    """Its status is ERROR; the next one is written."""
    folder.mkdir(parents=True)
    broken = asked(book, "order")
    (folder / f"{broken.id}.csv").mkdir()  # a folder is where its file should be
    whole = asked(book, "order")
    finish(book, folder)
    assert (now(book, broken).status, now(book, whole).status) == ("ERROR", "DONE")


def test_a_deleted_export_is_gone_with_its_file(book: Book, folder: Path) -> None:
    """At once for who asks; the file and the row with the next slice, also of one that was being written."""
    done, begun = asked(book, "order"), asked(book, "customer")
    finish(book, folder)
    begun = asked(book, "customer", order="created_at")
    job_of(book, folder, 1).run_slice(real_now())
    for export in (done, begun):
        book.do(DeleteExport(project_id=PROJECT, key=export.id))
        with pytest.raises(NotFound):
            book.do(DeleteExport(project_id=PROJECT, key=export.id))
    finish(book, folder)
    left = {path.stem for path in folder.iterdir()}
    assert left.isdisjoint({done.id, begun.id})
    assert set(column(book, "SELECT id FROM exports")) == left


def test_two_workers_write_one_file_in_turn(book: Book, folder: Path) -> None:
    """One that lost its lease without noticing does no harm: who holds the file decides anew what comes next."""
    export = asked(book, "order", order="created_at", fields=["id"])
    jobs = [job_of(book, folder, 1) for _ in range(2)]
    threads = [threading.Thread(target=_work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert [row[0] for row in lines(folder, export)] == column(book, "SELECT id FROM orders ORDER BY created_at, id")


def _work(job: Exports) -> None:
    while job.run_slice(real_now()):
        pass


def test_progress_is_kept_only_of_what_was_read(book: Book) -> None:
    """Of two that read the same, the second one is told that it changed meanwhile."""
    export = now(book, asked(book, "order"))
    kept = [book.engine.errand(lambda connection: keep_progress(connection, export)) for _ in range(2)]
    assert kept == [True, False]


def test_nobody_else_may_look_into_a_file(book: Book, folder: Path) -> None:
    """It holds personal data."""
    export = asked(book, "customer")
    finish(book, folder)
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / f"{export.id}.csv")]
    assert modes == [0o700, 0o600]


def test_filters_and_bounds(book: Book, folder: Path) -> None:
    """A campaign bounds what the filters let through; words such as today are about the moment of asking."""
    campaigns: list[Campaign] = [one for one in _campaigns(book) if one.name != "Another"]
    filters = {"junction": "or", "created_at": {"conditions": {"$today": []}}, "code": {"conditions": {"$is": "no such"}}}
    export = asked(book, "voucher", campaign_id=campaigns[0].id, fields=["campaign"], filters=filters)
    finish(book, folder)
    count = column(book, f"SELECT COUNT(*) FROM cards WHERE campaign_id = '{campaigns[0].id}'")
    assert lines(folder, export) == [[campaigns[0].name]] * count[0]


def _campaigns(book: Book) -> list[Campaign]:
    docs = column(book, "SELECT doc FROM documents WHERE kind = 'campaign'")
    return [msgspec.json.decode(doc, type=Campaign) for doc in docs]
