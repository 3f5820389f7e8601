"""Publications: who gets which card, and what a request that repeats gets."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.domain.refusals import (
    CannotBePublished,
    DuplicateSourceId,
    MissingCustomer,
    MissingVouchers,
    NotFound,
    NoVoucherSuitable,
    Refusal,
    TooManyVouchers,
    VoucherAlreadyPublished,
)
from tallybook.usecases.cards import AddCard, DeleteCard
from tallybook.usecases.customers import CustomerFields
from tallybook.usecases.publications import PublicationView, PublishCard
from tests.books import PROJECT, Book, empty_book, fixed


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with a programme called Programme, which makes cards, and one called Static, which has the card STATIC alone."""
    with empty_book(database_url) as book:
        book.webhook()
        book.programme("Programme", points=7)
        book.programme("Static", type="STATIC", auto_join=False)
        book.do(AddCard(project_id=PROJECT, campaign="Static", code="STATIC"))
        yield book
        assert book.verify().findings == []


def command(customer: Any = "bob", **said: Any) -> PublishCard:
    """A publication to a customer, of the programme unless something else is said."""
    source: dict[str, Any] = {} if "voucher" in said or "campaign" in said else {"campaign": "Programme"}
    return PublishCard(project_id=PROJECT, customer=customer, **source, **said)


def publish(book: Book, customer: Any = "bob", **said: Any) -> PublicationView:
    """What came of it."""
    view: PublicationView = book.do(command(customer, **said))
    return view


def count(book: Book, table: str) -> int:
    """The rows of a table."""
    with book.database.reading() as connection:
        return connection.scalar(text(f"SELECT COUNT(*) FROM {table}")) or 0


def test_a_card_of_a_campaign(book: Book) -> None:
    """The customer is made known on the way, and the publication remembers what the caller said."""
    person = CustomerFields(source_id="bob", name="Bob", metadata={"lang": "en"})
    view = publish(book, person, source_id="p1", channel="myown", metadata={"year": 2026})
    publication = view.publication
    assert (publication.channel, publication.source_id, publication.tracking_id) == ("myown", "p1", "bob")
    assert (publication.metadata, view.customer.name) == ('{"year":2026}', "Bob")
    assert (publication.card_id, publication.customer_id) == (view.card.id, view.customer.id)
    assert (view.card.customer_id, view.card.published_count, view.numbers.balance) == (view.customer.id, 1, 7)


def test_a_named_card(book: Book) -> None:
    """By code or id, with or without its campaign."""
    assert publish(book, voucher="STATIC", campaign="Static").card.code == "STATIC"
    other = book.do(AddCard(project_id=PROJECT, campaign="Static")).card
    assert publish(book, "ann", voucher=other.id).card.id == other.id


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"customer": None}, MissingCustomer),
        ({"campaign": None}, MissingVouchers),
        ({"campaign": "", "voucher": ""}, MissingVouchers),
        ({"count": 2}, TooManyVouchers),
        ({"campaign": "None"}, NotFound),
        ({"voucher": "none"}, NotFound),
        ({"voucher": "STATIC", "campaign": "Programme"}, NotFound),
        ({"customer": "cust_none"}, NotFound),
    ],
)
def test_what_is_missing(book: Book, said: dict[str, Any], refusal: type[Refusal]) -> None:
    """Each has its key, and nobody is made known by a request that was refused."""
    with pytest.raises(refusal):
        publish(book, **said)
    assert count(book, "customers") == 0


def test_a_member_gets_no_second_card(book: Book) -> None:
    """Neither a drawn one nor a named one, nor the same again (decision 11)."""
    mine = publish(book).card
    with pytest.raises(CannotBePublished):
        publish(book)
    with pytest.raises(VoucherAlreadyPublished):
        publish(book, voucher=mine.code)
    with pytest.raises(VoucherAlreadyPublished):
        publish(book, "ann", voucher=mine.code)
    other = book.do(AddCard(project_id=PROJECT, campaign="Programme")).card
    with pytest.raises(CannotBePublished):
        publish(book, voucher=other.code)


def test_a_member_joins_once(book: Book) -> None:
    """With `join_once` the first publication is the answer each time, and nothing is written."""
    first = publish(book, join_once=True)
    events = count(book, "events")
    again = [publish(book, join_once=True), publish(book, join_once=True, voucher=first.card.code)]
    assert [view.publication for view in again] == [first.publication] * 2
    assert (count(book, "publications"), count(book, "events")) == (1, events)
    with pytest.raises(VoucherAlreadyPublished):
        publish(book, "ann", join_once=True, voucher=first.card.code)


def test_a_member_by_other_doors_joined_once_too(book: Book) -> None:
    """An order that joined the customer made a publication like any other."""
    programme = book.programme("Auto")
    book.rules(programme, fixed(1))
    book.order("o1", "dan")
    view = publish(book, "dan", campaign="Auto", join_once=True)
    assert (view.publication.channel, view.numbers.balance) == ("Automation", 8)


def test_a_source_id_repeats(book: Book) -> None:
    """For the same customer and campaign it is the first publication; for anything else it is taken (decision 16)."""
    first = publish(book, source_id="p1")
    again = publish(book, source_id="p1", metadata={"other": 1})
    assert (again.publication, again.card.id) == (first.publication, first.card.id)
    assert publish(book, source_id="p1", voucher=first.card.code).publication == first.publication
    for other in ({"customer": "ann"}, {"campaign": "Static"}, {"voucher": "STATIC"}):
        with pytest.raises(DuplicateSourceId, match="Publication with source_id: 'p1' already exists"):
            publish(book, source_id="p1", **other)
    assert count(book, "publications") == 1


def test_a_source_id_of_a_deleted_card(book: Book) -> None:
    """It stays taken: there is no card to answer with."""
    card = publish(book, source_id="p1").card
    book.do(DeleteCard(project_id=PROJECT, key=card.id))
    with pytest.raises(DuplicateSourceId):
        publish(book, source_id="p1")
    assert publish(book, source_id="p2").card.id != card.id


def test_the_same_request_many_times_at_once(book: Book) -> None:
    """One card, whatever the company."""
    views = book.together([command(source_id="p1") for _ in range(5)] + [command(join_once=True) for _ in range(5)])
    assert len({view.card.id for view in views}) == 1
    assert len({view.publication.id for view in views}) == 1


def test_the_last_card_of_many_who_want_it(book: Book) -> None:
    """A STATIC campaign gives each card once, and then none."""
    answers = book.together([command(name, campaign="Static") for name in ("ann", "ben", "cid")])
    assert sorted(type(answer).__name__ for answer in answers) == ["NoVoucherSuitable", "NoVoucherSuitable", "PublicationView"]
    with pytest.raises(NoVoucherSuitable):
        publish(book, "dan", campaign="Static")


def test_a_refused_request_takes_no_card_away(book: Book) -> None:
    """In one batch: the card that a refused request would have got goes to the next one."""
    publish(book, "eve", source_id="taken")
    refused, given = book.together([command("ann", campaign="Static", source_id="taken"), command("ben", campaign="Static")])
    assert (type(refused).__name__, given.card.code) == ("DuplicateSourceId", "STATIC")
