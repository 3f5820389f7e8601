"""Requests that repeat: the kept answer, byte by byte (decision 32)."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.domain.refusals import IdempotencyKeyReused, NotFound
from tallybook.engine.work import Idempotency, Reply, Submission
from tallybook.usecases.customers import CustomerFields, UpdateCustomer
from tests.books import PROJECT, WAIT_SECONDS, Book, held, put_order, small_book, submit

KEY = "proj_test POST /v1/orders key-1"
SAME = Idempotency(KEY, "hash of the body")
OTHER = Idempotency(KEY, "hash of another body")


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A small book."""
    with small_book(database_url) as book:
        yield book


def _ask(book: Book, idempotency: Idempotency, source_id: str = "kept") -> Reply:
    return submit(book.engine, put_order(source_id), idempotency).result(WAIT_SECONDS)


def _count(book: Book, sql: str) -> Any:
    with book.database.reading() as connection:
        return connection.scalar(text(sql))


def test_the_same_request_gets_the_same_bytes(book: Book) -> None:
    """The answer is not made again, even when the order has changed meanwhile."""
    first = _ask(book, SAME)
    book.order("kept", amount=9_999)
    again = _ask(book, SAME)
    assert (again.status, again.body) == (first.status, first.body)
    assert (first.replayed, again.replayed) == (False, True)
    assert _count(book, "SELECT amount FROM orders WHERE source_id = 'kept'") == 9_999


def test_the_same_key_with_another_body_is_refused(book: Book) -> None:
    """Nothing is done, and the first answer stays kept."""
    first = _ask(book, SAME)
    other = _ask(book, OTHER, "not-made")
    assert isinstance(other.answer, IdempotencyKeyReused)
    assert _count(book, "SELECT COUNT(*) FROM orders WHERE source_id = 'not-made'") == 0
    assert _ask(book, SAME).body == first.body


def test_repeats_in_one_batch_get_the_answer_of_the_first(book: Book) -> None:
    """Three at once: one is done, two are replayed, and one with another body is refused."""
    with held(book.engine):
        asked = [submit(book.engine, put_order("rush"), SAME) for _ in range(3)]
        other = submit(book.engine, put_order("rush"), OTHER)
    replies = [one.result(WAIT_SECONDS) for one in asked]
    assert [one.replayed for one in replies] == [False, True, True]
    assert len({one.body for one in replies}) == 1
    assert isinstance(other.result(WAIT_SECONDS).answer, IdempotencyKeyReused)
    assert _count(book, "SELECT COUNT(*) FROM receipts") == 1
    assert book.verify().findings == []


def test_a_refusal_is_kept_too(book: Book) -> None:
    """The same request is refused with the same bytes, even when it would succeed by now."""
    command = UpdateCustomer(project_id=PROJECT, key="heidi", fields=CustomerFields(name="Heidi"))
    first = submit(book.engine, command, SAME).result(WAIT_SECONDS)
    book.order("of-heidi", customer="heidi")
    again = submit(book.engine, command, SAME).result(WAIT_SECONDS)
    assert isinstance(first.answer, NotFound)
    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)


def test_an_answer_of_the_servers_own_failure_is_not_kept(book: Book) -> None:
    """A 5xx is no answer: the next request with the key is done."""
    failed = Submission(put_order("kept"), lambda _: (503, b"try again"), idempotency=SAME)
    with held(book.engine):
        book.engine.submit(failed)
    assert (_ask(book, SAME).replayed, _ask(book, SAME).replayed) == (False, True)
