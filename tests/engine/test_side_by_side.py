"""While PostgreSQL writes one batch the next one takes off beside it: both are answered, whatever becomes of either."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tallybook.clock import real_now
from tallybook.domain.records import Transaction
from tallybook.domain.refusals import NotFound, OutcomeUnknown, TryAgain
from tallybook.engine.engine import WORTH_A_RUNWAY, Engine
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.usecases.adjust_balance import AdjustBalance
from tallybook.usecases.cards import DeleteCard
from tallybook.usecases.command import Command
from tallybook.usecases.publications import PublishCard
from tallybook.usecases.put_order import PutOrder
from tests.books import PROJECT, WAIT_SECONDS, Book, decided, engine_on, put_order, small_book, submit
from tests.proxy import Proxy

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
def _in_the_air(
    book: Book, first: Command, rest: Sequence[Command], *, batches: int = 2, table: str = "orders", engine: Engine | None = None
) -> Iterator[Air]:
    """A batch of one, and what waits when it is sent. At the end of the block they are let go on."""
    with book.database.writing() as connection:
        with decided(engine or book.engine, [first]) as answers:
            connection.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
            later = [submit(engine or book.engine, one) for one in rest]
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
    assert not stopping.is_alive()


def _code(book: Book) -> str:
    """Bob's card."""
    with book.database.reading() as connection:
        found = text(
            "SELECT k.code FROM cards k JOIN customers c ON c.id = k.customer_id WHERE c.source_id = 'bob' AND k.balance > 0"
        )
        return str(connection.scalars(found).first())


def _adjust(code: str, points: int, reason: str = "once") -> AdjustBalance:
    return AdjustBalance(project_id=PROJECT, member=code, points=points, reason=reason)


def _adjusted(book: Book) -> list[tuple[str, int]]:
    with book.database.reading() as connection:
        found = connection.execute(text("SELECT reason, COUNT(*) FROM transactions WHERE reason <> '' GROUP BY reason"))
        return sorted((str(reason), int(count)) for reason, count in found)


def test_both_answers_lost_on_their_way(book: Book) -> None:
    """Points by hand, which no source id protects: the wire is cut behind two commits, and each of them was done once."""
    port = book.database.url.port
    assert port is not None
    code = _code(book)
    with Proxy(port, heals=True) as proxy:
        wire = book.database.url.set(port=proxy.port).render_as_string(hide_password=False)
        with contextlib.closing(Database(wire)) as other, engine_on(other, 2) as engine:
            proxy.cut_next("back")
            rest = [_adjust(code, 1, f"number {n}") for n in range(WORTH_A_RUNWAY)]
            with _in_the_air(book, _adjust(code, 1), rest, table="transactions", engine=engine) as air:
                pass
            assert [answer.result(WAIT_SECONDS).status for answer in air.answers] == [200] * (1 + WORTH_A_RUNWAY)
    assert _adjusted(book) == [(f"number {n}", 1) for n in range(WORTH_A_RUNWAY)] + [("once", 1)]
    assert book.verify().findings == []


def test_an_engine_that_cannot_stop_in_time_does_nothing_twice(book: Book) -> None:
    """What was sent is neither called off nor done again."""
    code = _code(book)
    rest = [_adjust(code, 1, f"number {n}") for n in range(WORTH_A_RUNWAY)]
    with _in_the_air(book, _adjust(code, 1), rest, table="transactions") as air:
        book.engine.stop(0.1)
    assert [answer.result(WAIT_SECONDS).status for answer in air.answers] == [200] * (1 + WORTH_A_RUNWAY)
    assert _adjusted(book) == [(f"number {n}", 1) for n in range(WORTH_A_RUNWAY)] + [("once", 1)]


def test_a_card_is_published_once_though_it_is_asked_for_beside_it(book: Book) -> None:
    """Every repetition gets the card that was given (decision 16)."""
    publish = PublishCard(project_id=PROJECT, customer="bob", campaign="To be filled", source_id="same")
    with _in_the_air(book, publish, [publish] * WORTH_A_RUNWAY, table="publications") as air:
        pass
    published = {answer.result(WAIT_SECONDS).answer.publication.id for answer in air.answers}
    assert len(published) == 1


def test_points_are_taken_from_a_card_that_is_deleted_beside_it(book: Book) -> None:
    """It is not there any more, and that is what is said: nothing is decided on a card of before and lots of after."""
    code = _code(book)
    taking = [_adjust(code, -1)] * WORTH_A_RUNWAY
    with _in_the_air(book, DeleteCard(project_id=PROJECT, key=code), taking, table="events") as air:
        pass
    first, *rest = [answer.result(WAIT_SECONDS).answer for answer in air.answers]
    assert not isinstance(first, Exception)
    assert {type(answer) for answer in rest} == {NotFound}
    assert book.verify().findings == []


def test_a_second_connection_that_is_not_given(book: Book) -> None:
    """The database has no room for it: what would have taken it waits for the first one."""
    with book.database.writing() as connection:
        for statement in ("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1", "GRANT ALL ON ALL TABLES IN SCHEMA public TO narrow"):
            connection.execute(text(statement))
    try:
        narrow = book.database.url.set(username="narrow").render_as_string(hide_password=False)
        with (
            contextlib.closing(Database(narrow)) as other,
            engine_on(other, 2) as engine,
            _in_the_air(book, put_order("first"), _orders(), batches=1, engine=engine) as air,
        ):
            time.sleep(0.2)
        assert _all_paid(air.answers)
    finally:
        with book.database.writing() as connection:
            for statement in ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM narrow", "DROP ROLE narrow"):
                connection.execute(text(statement))


def test_what_fails_behind_an_answer_costs_nobody_else_theirs(book: Book) -> None:
    """The first batch is durable and answered; the next one, lost meanwhile, is done again all the same."""
    book.order("before")

    def fail(_: Any) -> None:
        raise RuntimeError("whoever was to be told is gone")

    engine = Engine(book.database, Ids(2), real_now, after_commit=fail)
    engine.start()
    try:
        with _in_the_air(book, put_order("first", "bob"), _orders(customer="bob"), engine=engine) as air:
            air.cut(air.processes[1])
        assert _all_paid(air.answers)
    finally:
        engine.stop()


END_ANOTHER = """SELECT COUNT(pg_terminate_backend(pid)) FROM (
                 SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' LIMIT 1) AS one"""


def test_sessions_that_end_at_any_moment(book: Book) -> None:
    """For three seconds PostgreSQL ends sessions at work: what was answered was done once, what was refused was not done."""
    chance, code = random.Random(7), _code(book)
    stopped = threading.Event()

    def end_sessions() -> None:
        while not stopped.wait(chance.random() * 0.08):
            with book.database.writing() as connection:
                connection.execute(text(END_ANOTHER))

    ending = threading.Thread(target=end_sessions)
    ending.start()
    answers: dict[str, Future[Any]] = {}
    until = time.monotonic() + 3
    while time.monotonic() < until:
        for _ in range(20):
            reason = f"number {len(answers)}"
            answers[reason] = submit(book.engine, _adjust(code, 1, reason))
        time.sleep(0.02)
    stopped.set()
    ending.join()
    said = {reason: answer.result(WAIT_SECONDS).answer for reason, answer in answers.items()}
    done = dict(_adjusted(book))
    assert {type(answer) for answer in said.values()} <= {Transaction, TryAgain, OutcomeUnknown}
    assert {reason for reason, answer in said.items() if isinstance(answer, Transaction)} <= done.keys()
    assert not {reason for reason, answer in said.items() if isinstance(answer, TryAgain)} & done.keys()
    assert set(done.values()) == {1}
    assert book.verify().findings == []
