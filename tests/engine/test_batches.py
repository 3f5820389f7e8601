"""Batches: what one command does to the others of its batch, and what happens to a batch that loses."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, text

from tallybook.domain.configuration import Configuration
from tallybook.domain.refusals import NotFound, TryAgain
from tallybook.engine.engine import QUEUE_LIMIT, TRIES, Overloaded
from tallybook.engine.work import Errand
from tallybook.store.database import Database
from tallybook.store.driver import Conflict
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.customers import CustomerFields, create_customer
from tallybook.usecases.page import Page
from tallybook.usecases.put_order import OrderFields, PutOrder
from tests.books import PROJECT, WAIT_SECONDS, Book, decided, empty_book, engine_on, fixed, held, put_order, small_book, submit


class Stumble(Command, frozen=True, kw_only=True):
    """Creates a customer and then breaks."""

    def needs(self, configuration: Configuration) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, page: Page) -> None:
        """Breaks."""
        create_customer(page, CustomerFields(source_id="stumbler"))
        raise ZeroDivisionError("an invariant failed")


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A small book."""
    with small_book(database_url) as book:
        yield book


def _column(database: Database, sql: str) -> list[Any]:
    with database.reading() as connection:
        return list(connection.scalars(text(sql)))


def test_a_refusal_throws_its_own_page_away_and_nobody_elses(book: Book) -> None:
    """What it had written before it was refused is gone; the orders before and behind it stand."""
    fields = msgspec.convert(
        {"source_id": "refused", "customer": {"source_id": "dave"}, "referrer": {"id": "cust_nobody"}}, OrderFields
    )
    before, refused, behind = book.together([put_order("a"), PutOrder(project_id=PROJECT, fields=fields), put_order("b")])
    assert isinstance(refused, NotFound)
    assert (before.order.source_id, behind.order.source_id) == ("a", "b")
    assert _column(book.database, "SELECT source_id FROM orders WHERE source_id IN ('a', 'b', 'refused') ORDER BY 1") == [
        "a",
        "b",
    ]
    assert _column(book.database, "SELECT id FROM customers WHERE source_id = 'dave'") == []
    assert book.verify().findings == []


def test_a_command_that_breaks_breaks_alone(book: Book) -> None:
    """It is answered with what broke; the others of its batch are answered as if it had not been there."""
    counted = REGISTRY.get_sample_value("tallybook_commands_total", {"outcome": "broken"}) or 0
    before, broken, behind = book.together([put_order("a"), Stumble(project_id=PROJECT), put_order("b")])
    assert isinstance(broken, ZeroDivisionError)
    assert REGISTRY.get_sample_value("tallybook_commands_total", {"outcome": "broken"}) == counted + 1
    assert (before.order.source_id, behind.order.source_id) == ("a", "b")
    assert _column(book.database, "SELECT id FROM customers WHERE source_id = 'stumbler'") == []
    assert book.verify().findings == []


def test_commands_of_one_batch_see_each_others_customers_and_orders(book: Book) -> None:
    """A new customer is made once, and an order that comes twice is one order with one award per rule."""
    answers = book.together([put_order("same", "erin")] * 3 + [put_order("other", "erin")])
    assert len({answer.order.id for answer in answers[:3]}) == 1
    assert len({answer.order.customer_id for answer in answers}) == 1
    awards = "SELECT COUNT(*) FROM awards a JOIN orders o ON o.id = a.cause_id WHERE o.source_id = 'same'"
    assert _column(book.database, awards) == [3]
    assert book.verify().findings == []


def test_a_batch_that_loses_is_halved_until_the_loser_stands_alone(postgres_url: str) -> None:
    """Two engines make the same new order: the second one's batch runs again, and finds it there."""
    with small_book(postgres_url) as book, contextlib.closing(Database(postgres_url)) as other, engine_on(other, 2) as second:
        others = [put_order(f"mine-{number}", f"guest-{number}") for number in range(5)]
        with decided(second, [*others[:3], put_order("same", "frank"), *others[3:]]) as late:
            with decided(book.engine, [put_order("same", "frank")]) as early:
                pass
            first = early[0].result(WAIT_SECONDS).answer
        answers = [answer.result(WAIT_SECONDS).answer for answer in late]
        assert answers[3].order == msgspec.structs.replace(first.order, version=1)
        assert [answer.order.source_id for answer in answers if answer.order.id != first.order.id] == [
            f"mine-{number}" for number in range(5)
        ]
        assert _column(other, "SELECT COUNT(*) FROM orders WHERE source_id = 'same'") == [1]
        assert book.verify().findings == []


def test_a_record_that_changed_meanwhile_is_read_and_decided_again(postgres_url: str) -> None:
    """Two engines change one order: both changes stand, one after the other."""
    with small_book(postgres_url) as book, contextlib.closing(Database(postgres_url)) as other, engine_on(other, 2) as second:
        book.order("shared", customer=None, status="CREATED")
        with decided(second, [put_order("shared", None, 5_000, "CREATED")]) as late:
            changed = book.order("shared", customer=None, amount=4_000, status="CREATED")
        answer = late[0].result(WAIT_SECONDS).answer
        assert (changed.amount, answer.order.amount) == (4_000, 5_000)
        assert _column(other, "SELECT version FROM orders WHERE source_id = 'shared'") == [3]


def test_configuration_that_changed_meanwhile_is_read_again(postgres_url: str) -> None:
    """A rule made by one engine is known to the other one's next order."""
    with empty_book(postgres_url) as book, contextlib.closing(Database(postgres_url)) as other, engine_on(other, 2) as second:
        campaign = book.programme()
        assert second.do(put_order("before")).order.source_id == "before"
        book.rules(campaign, fixed(3))
        second.do(put_order("after"))
        assert _column(other, "SELECT points FROM awards") == [3]
        assert book.verify().findings == []


def test_many_identical_orders_at_once_are_awarded_once(database_url: str) -> None:
    """Two hundred requests of eight threads, on PostgreSQL over two engines: one order, one award per rule."""
    with small_book(database_url) as book, contextlib.ExitStack() as stack:
        engines = [book.engine]
        if not book.database.is_sqlite:
            other = stack.enter_context(contextlib.closing(Database(database_url)))
            engines.append(stack.enter_context(engine_on(other, 2)))
        answers: list[Any] = []

        def shop(number: int) -> None:
            waiting = [submit(engines[number % len(engines)], put_order("rush", "grace")) for _ in range(25)]
            answers.extend(one.result(WAIT_SECONDS).answer for one in waiting)

        threads = [threading.Thread(target=shop, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 200
        assert {answer.order.source_id for answer in answers} == {"rush"}
        assert len({answer.order.id for answer in answers}) == 1
        awards = "SELECT COUNT(*) FROM awards a JOIN orders o ON o.id = a.cause_id WHERE o.source_id = 'rush'"
        assert _column(book.database, awards) == [3]
        assert book.verify().findings == []


def test_work_that_always_loses_is_tried_three_times(book: Book) -> None:
    """Then it is told to try again."""
    runs = []

    def lose(_: Connection) -> None:
        runs.append(1)
        raise Conflict("somebody")

    with pytest.raises(TryAgain):
        book.engine.errand(lose)
    assert len(runs) == TRIES


def test_an_errand_that_breaks_says_what_broke(book: Book) -> None:
    """Its caller gets the error, and the engine goes on."""

    def stumble(_: Connection) -> None:
        raise ZeroDivisionError("an errand failed")

    with pytest.raises(ZeroDivisionError, match="an errand failed"):
        book.engine.errand(stumble)
    assert book.order("afterwards").source_id == "afterwards"


def test_a_lost_connection_is_made_again(postgres_url: str) -> None:
    """What was under way is told to try again and left nothing; the next command finds a connection."""
    with small_book(postgres_url) as book:

        def cut(connection: Connection) -> None:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        with held(book.engine):
            order = submit(book.engine, put_order("cut"))
            book.engine.submit(Errand(cut))
        assert isinstance(order.result(WAIT_SECONDS).answer, TryAgain)
        assert _column(book.database, "SELECT id FROM orders WHERE source_id = 'cut'") == []
        assert book.order("cut").source_id == "cut"
        assert book.verify().findings == []


def test_a_full_queue_refuses(book: Book) -> None:
    """What is in the queue is done all the same."""
    done: list[Future[Any]] = [Future() for _ in range(QUEUE_LIMIT)]
    with held(book.engine):
        for token in done:
            book.engine.submit(Errand(lambda _: "done", token=token))
        with pytest.raises(Overloaded):
            book.engine.submit(Errand(lambda _: "too many"))
    assert {token.result(WAIT_SECONDS) for token in done} == {"done"}


def test_an_engine_that_stops_finishes_what_waits(database_url: str) -> None:
    """What was accepted is done; nothing new is."""
    with empty_book(database_url) as book:
        with held(book.engine):
            answers = [submit(book.engine, put_order(f"last-{number}", None)) for number in range(3)]
        book.engine.stop()
        assert [answer.result(0).answer.order.source_id for answer in answers] == ["last-0", "last-1", "last-2"]
        with pytest.raises(Overloaded):
            submit(book.engine, put_order("late"))
