"""A batch that fails where the database does: at its commit, for want of room, or because it stands still. The engine goes on."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tallybook.clock import real_now
from tallybook.domain.refusals import OutcomeUnknown, TryAgain
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.usecases.adjust_balance import AdjustBalance
from tests.books import PROJECT, WAIT_SECONDS, Book, empty_book, engine_on, fixed, held, put_order, submit
from tests.proxy import Proxy


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


LINGER = "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'"
SLOW = {
    "commit": """CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                 WHEN (NEW.reason = 'slow') EXECUTE FUNCTION linger()""",
    "write": "CREATE TRIGGER slow AFTER INSERT ON transactions FOR EACH ROW WHEN (NEW.reason = 'slow') EXECUTE FUNCTION linger()",
}


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


@pytest.mark.parametrize("what", SLOW)
def test_a_commit_that_is_still_under_way(what: str, postgres_url: str) -> None:
    """The connection dies while the database commits, or has yet to write before it does, as it was told to: it is waited for,
    and points by hand are not given a second time.
    """
    with empty_book(postgres_url) as book, Proxy(_port_of(postgres_url), heals=True) as proxy:
        campaign = book.programme()
        book.rules(campaign, fixed(3))
        book.order("first")
        with book.database.writing() as connection:
            code = connection.scalar(text("SELECT code FROM cards"))
            for statement in (LINGER, SLOW[what]):
                connection.execute(text(statement))
        wire = postgres_url.replace(f":{_port_of(postgres_url)}/", f":{proxy.port}/")
        with contextlib.closing(Database(wire)) as other, engine_on(other, 2) as engine:
            cut = proxy.cut_next("meanwhile")
            answer = engine.do(AdjustBalance(project_id=PROJECT, member=code, points=5, reason="slow"))
            assert cut.is_set()
        assert answer.points == 5
        with book.database.reading() as connection:
            assert connection.scalar(text("SELECT COUNT(*) FROM transactions WHERE reason = 'slow'")) == 1
        assert book.verify().findings == []


def test_a_commit_behind_which_the_database_says_farewell(postgres_url: str) -> None:
    """It ends the connection when it has committed, as in a shutdown: points by hand are not given a second time."""
    with empty_book(postgres_url) as book, Proxy(_port_of(postgres_url), heals=True) as proxy:
        book.rules(book.programme(), fixed(3))
        book.order("first")
        with book.database.reading() as connection:
            code = connection.scalar(text("SELECT code FROM cards"))
        wire = postgres_url.replace(f":{_port_of(postgres_url)}/", f":{proxy.port}/")
        with contextlib.closing(Database(wire)) as other, engine_on(other, 2) as engine:
            cut = proxy.cut_next("behind")
            assert engine.do(AdjustBalance(project_id=PROJECT, member=code, points=5, reason="once")).points == 5
            assert cut.is_set()
        with book.database.reading() as connection:
            assert connection.scalar(text("SELECT COUNT(*) FROM transactions WHERE reason = 'once'")) == 1
        assert book.verify().findings == []


def test_a_commit_of_which_nothing_is_known(postgres_url: str) -> None:
    """The database is gone with the commit: it is said that this may have been done; repeated, the order is there once."""
    with empty_book(postgres_url) as book, Proxy(_port_of(postgres_url)) as proxy:
        book.rules(book.programme(), fixed(3))
        wire = postgres_url.replace(f":{_port_of(postgres_url)}/", f":{proxy.port}/")
        with contextlib.closing(Database(wire)) as other, engine_on(other, 2) as engine:
            proxy.cut_next("back")
            with pytest.raises(OutcomeUnknown):
                engine.do(put_order("gone"))
            with pytest.raises(TryAgain):
                engine.do(put_order("meanwhile"))
            proxy.mend()
            assert engine.do(put_order("gone")).order.version == 1
        with book.database.reading() as connection:
            assert list(connection.scalars(text("SELECT source_id FROM orders"))) == ["gone"]
            assert list(connection.scalars(text("SELECT points FROM awards"))) == [3]


def test_a_database_that_stands_still(postgres_url: str) -> None:
    """It is hung up on: whoever waits is told to try again, and the next command finds another connection."""
    with empty_book(postgres_url) as book:
        engine = Engine(book.database, Ids(2), real_now, hung_seconds=1.0)
        engine.start()
        try:
            pid = engine.errand(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))
            os.kill(pid, signal.SIGSTOP)
            try:
                assert engine.do(put_order("patient")).order.source_id == "patient"
            finally:
                os.kill(pid, signal.SIGCONT)
        finally:
            engine.stop()


def test_a_customer_whom_somebody_holds(postgres_url: str) -> None:
    """An order of a customer whose row somebody keeps locked is refused after a while; the others of its batch are not."""
    with empty_book(postgres_url) as book:
        book.order("first", "bob")
        with book.database.writing() as connection:
            connection.execute(text("SELECT id FROM customers WHERE source_id = 'bob' FOR UPDATE"))
            with held(book.engine):
                waiting = [submit(book.engine, put_order(f"second-{name}", name)) for name in ("bob", "alice")]
            answers = [one.result(WAIT_SECONDS).answer for one in waiting]
            assert [type(answer).__name__ for answer in answers] == ["TryAgain", "OrderView"]
        assert book.order("third", "bob").status == "PAID"
