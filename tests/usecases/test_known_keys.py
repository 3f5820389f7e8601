"""Who and what a key names, when it has been renamed or deleted."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tallybook.domain.refusals import DuplicateFound, InvalidPayload
from tallybook.usecases.customers import CreateCustomer, CustomerFields, DeleteCustomer, UpdateCustomer
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.put_order import OrderFields, PutOrder
from tests.books import PROJECT, Book, empty_book, put_order, small_book

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """A small book."""
    with small_book(f"sqlite:///{tmp_path / 'book.db'}") as book:
        yield book


def _update(key: str, **said: Any) -> PutOrder:
    return PutOrder(project_id=PROJECT, key=key, fields=msgspec.convert(said, OrderFields))


def _rows(book: Book, sql: str) -> list[Any]:
    with book.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
def test_the_old_source_id_of_an_order_is_free(book: Book, together: bool) -> None:
    """An order with a new source id is not found by its old one: who comes with that makes another order."""
    first = book.order("old-name")
    commands = [_update(first.id, source_id="new-name"), put_order("old-name", amount=5_000)]
    answers = book.together(commands) if together else [book.do(command) for command in commands]
    assert answers[0].order.id == first.id
    assert answers[1].order.id != first.id
    assert _rows(book, "SELECT source_id, amount FROM orders WHERE source_id LIKE '%-name' ORDER BY 1") == [
        ("new-name", 1_000),
        ("old-name", 5_000),
    ]


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
def test_the_old_source_id_of_a_customer_is_free(book: Book, together: bool) -> None:
    """A customer with a new source id is not found by the old one: an order that names that makes another customer."""
    commands = [
        UpdateCustomer(project_id=PROJECT, key="bob", fields=CustomerFields(source_id="robert")),
        put_order("of-another", "bob"),
    ]
    answers = book.together(commands) if together else [book.do(command) for command in commands]
    assert answers[1].order.customer_id != answers[0].customer.id
    assert _rows(book, "SELECT source_id FROM customers WHERE source_id IN ('bob', 'robert') ORDER BY 1") == [
        ("bob",),
        ("robert",),
    ]


def test_an_order_keeps_its_customer_when_that_is_deleted(book: Book) -> None:
    """Ids stay (decision 45): a later change of the order does not cut it off."""
    order = book.order("of-somebody", "dora", status="CREATED")
    book.do(DeleteCustomer(project_id=PROJECT, key="dora"))
    changed = book.do(_update(order.id, status="CANCELED")).order
    assert changed.customer_id == order.customer_id
    assert book.verify().findings == []


def test_a_deleted_customers_cards_are_disabled_in_deleted_campaigns_too(book: Book) -> None:
    """All of them keep balance and ledger, and none works any more (decision 45)."""
    sql = "SELECT c.active FROM cards c JOIN customers u ON u.id = c.customer_id WHERE u.source_id LIKE 'bob%'"
    assert _rows(book, sql) == [(1,)]
    book.do(DeleteCampaign(project_id=PROJECT, key="Programme"))
    book.do(DeleteCustomer(project_id=PROJECT, key="bob"))
    assert _rows(book, sql) == [(0,)]
    assert book.verify().findings == []


def test_customers_of_one_source_id_that_are_deleted_at_one_instant(database_url: str) -> None:
    """Made and deleted again and again while the clock stands, as on a test clock: each is gone, and the last one is there."""
    with empty_book(database_url, lambda: NOON) as book:
        for _ in range(3):
            book.do(CreateCustomer(project_id=PROJECT, fields=CustomerFields(source_id="eve")))
            book.do(DeleteCustomer(project_id=PROJECT, key="eve"))
        book.do(CreateCustomer(project_id=PROJECT, fields=CustomerFields(source_id="eve")))
        assert _rows(book, "SELECT COUNT(*), COUNT(DISTINCT id), COUNT(deleted_at) FROM customers") == [(4, 4, 3)]


def test_an_order_that_names_only_its_referrer(book: Book) -> None:
    """The buyer whom the stored order names joins the programme, though the referrer is a member already."""
    book.do(CreateCustomer(project_id=PROJECT, fields=CustomerFields(source_id="newcomer")))
    order = book.order("unpaid", customer="newcomer", status="CREATED")
    paid = book.do(_update(order.id, status="PAID", referrer={"source_id": "bob"})).order
    assert (paid.status, paid.customer_id) == ("PAID", order.customer_id)
    assert len(_rows(book, f"SELECT id FROM cards WHERE customer_id = '{order.customer_id}'")) == 1


def test_a_source_id_that_another_customer_has(book: Book) -> None:
    """Whoever asks for it beside an id is refused at once, by either road, and nothing changes."""
    carol = book.do(CreateCustomer(project_id=PROJECT, fields=CustomerFields(source_id="carol"))).customer
    fields = CustomerFields(id=carol.id, source_id="bob")
    for command in (
        CreateCustomer(project_id=PROJECT, fields=fields),
        UpdateCustomer(project_id=PROJECT, key=carol.id, fields=fields),
        PutOrder(project_id=PROJECT, fields=OrderFields(customer=fields)),
    ):
        with pytest.raises(DuplicateFound):
            book.do(command)
    assert _rows(book, f"SELECT source_id FROM customers WHERE id = '{carol.id}'") == [("carol",)]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none(book: Book, key: str) -> None:
    """An empty or endless name of a customer is refused, however an order says it."""
    for fields in (OrderFields(customer_id=key), OrderFields(customer=key), OrderFields(referrer_id=key)):
        with pytest.raises(InvalidPayload):
            book.do(PutOrder(project_id=PROJECT, fields=fields))
