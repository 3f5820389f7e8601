"""While PostgreSQL writes one batch the next one takes off beside it: both are answered, whatever becomes of either."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tallybook.engine.engine import WORTH_A_RUNWAY
from tallybook.usecases.put_order import PutOrder
from tests.books import WAIT_SECONDS, Book, decided, put_order, small_book, submit

WAITING = """SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
             ORDER BY xact_start"""


@pytest.fixture
def book(postgres_url: str) -> Iterator[Book]:
    """A small book, whose engine has answered everything so far."""
    with small_book(postgres_url) as book:
        yield book


@dataclass
class Air:
    """Batches that were sent and wait where they write orders: their answers, and PostgreSQL's processes, the oldest first."""

    answers: list[Future[Any]]
    processes: list[int]
    connection: Connection

    def cut(self, process: int) -> None:
        """End the connection of one."""
        assert self.connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": process})


@contextlib.contextmanager
def _in_the_air(book: Book, first: PutOrder, rest: list[PutOrder], *, batches: int = 2) -> Iterator[Air]:
    """A batch of one, and what waits when it is sent. At the end of the block they are let go on."""
    with book.database.writing() as connection:
        with decided(book.engine, [first]) as answers:
            connection.execute(text("LOCK TABLE orders IN EXCLUSIVE MODE"))
            later = [submit(book.engine, one) for one in rest]
        yield Air([*answers, *later], _waiting(book, batches), connection)


def _waiting(book: Book, count: int) -> list[int]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with book.database.reading() as connection:
            found = list(connection.scalars(text(WAITING)))
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} instead of {count} batches wait"
        time.sleep(0.005)


def _all_paid(answers: list[Future[Any]]) -> bool:
    return all(answer.result(WAIT_SECONDS).answer.order.status == "PAID" for answer in answers)


def _orders(count: int = WORTH_A_RUNWAY, customer: str | None = None) -> list[PutOrder]:
    return [put_order(f"next-{n}", customer or f"customer-{n}") for n in range(count)]


def _awards(book: Book, source_id: str) -> int:
    awarded = "SELECT COUNT(*) FROM awards a JOIN orders o ON o.id = a.cause_id WHERE o.source_id = :source_id"
    with book.database.reading() as connection:
        return int(connection.scalar(text(awarded), {"source_id": source_id}) or 0)


def test_the_next_batch_is_decided_while_one_is_written(book: Book) -> None:
    """Two wait for the database at the same time, and nobody is answered before it is durable."""
    with _in_the_air(book, put_order("first"), _orders()) as air:
        assert not any(answer.done() for answer in air.answers)
    assert _all_paid(air.answers)
    assert book.verify().findings == []


def test_a_few_wait_for_the_end_of_a_batch(book: Book) -> None:
    """They may be more by then: a batch of one costs nearly as much as one of ten."""
    with _in_the_air(book, put_order("first"), _orders(WORTH_A_RUNWAY - 1), batches=1) as air:
        time.sleep(0.2)
        assert _waiting(book, 1) == air.processes
    assert _all_paid(air.answers)


@pytest.mark.parametrize("customer", ["bob", "a stranger"])
def test_an_order_in_two_batches_side_by_side_earns_once(book: Book, customer: str) -> None:
    """The second one does not know of it yet when it decides; it loses, and is decided again."""
    once = _awards(book, book.order("before").source_id)
    same = put_order("same", customer)
    with _in_the_air(book, same, [same] * WORTH_A_RUNWAY) as air:
        pass
    assert _all_paid(air.answers)
    assert len({answer.result().answer.order.id for answer in air.answers}) == 1
    assert _awards(book, "same") == once
    assert book.verify().findings == []


def test_a_batch_whose_connection_is_lost_while_the_next_one_is_written(book: Book) -> None:
    """It did not take place, and is done again; the other one is not touched by it."""
    with _in_the_air(book, put_order("first"), _orders()) as air:
        air.cut(air.processes[0])
    assert _all_paid(air.answers)
    assert book.verify().findings == []


def test_a_batch_that_is_lost_while_it_reads_beside_another(book: Book) -> None:
    """It waits for a customer of the first one when its connection goes: both are answered in the end."""
    with _in_the_air(book, put_order("first", "bob"), _orders(customer="bob")) as air:
        air.cut(air.processes[1])
    assert _all_paid(air.answers)
    assert book.verify().findings == []


def test_an_engine_that_stops_answers_what_is_in_the_air(book: Book) -> None:
    """And what waits behind it."""
    stopping = threading.Thread(target=book.engine.stop)
    with _in_the_air(book, put_order("first"), _orders()) as air:
        stopping.start()
    assert _all_paid(air.answers)
    stopping.join(WAIT_SECONDS)
