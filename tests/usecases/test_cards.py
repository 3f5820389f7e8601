"""Cards as things of their own: added, changed, switched, deleted. The book closes after each story."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tallybook.domain.config import Campaign
from tallybook.domain.records import Card
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotFound, NoVoucherSuitable, ResourceProtected
from tallybook.usecases.cards import AddCard, AddCards, CardFields, DeleteCard, SwitchCard, UpdateCard
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.publications import PublishCard
from tests.books import PROJECT, Book, empty_book, fixed, per_amount


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with a webhook that wants everything; it must close when the test is over."""
    with empty_book(database_url) as book:
        book.webhook()
        yield book
        assert book.verify().findings == []


def add(book: Book, campaign: Campaign, code: str | None = None, **said: Any) -> Card:
    """A new card of the campaign."""
    fields = msgspec.convert(said, CardFields)
    card: Card = book.do(AddCard(project_id=PROJECT, campaign=campaign.id, code=code, fields=fields)).card
    return card


def join(book: Book, campaign: Campaign, customer: str) -> Card:
    """The customer's new card."""
    card: Card = book.do(JoinCampaign(project_id=PROJECT, campaign=campaign.id, customer=customer)).card
    return card


def update(book: Book, card: Card, **said: Any) -> Card:
    """The card with this change."""
    changed: Card = book.do(UpdateCard(project_id=PROJECT, key=card.code, fields=msgspec.convert(said, CardFields))).card
    return changed


def switch(book: Book, card: Card, active: bool) -> Card:
    """The card, on or off."""
    switched: Card = book.do(SwitchCard(project_id=PROJECT, key=card.id, active=active)).card
    return switched


def told(book: Book) -> list[str]:
    """The names of all events, in their order, but for those of campaigns."""
    with book.database.reading() as connection:
        names = connection.scalars(text("SELECT name FROM events WHERE name NOT LIKE 'campaign.%' ORDER BY created_at, id"))
        return list(names)


def scalars(book: Book, sql: str, **parameters: Any) -> list[Any]:
    """What a query gives."""
    with book.database.reading() as connection:
        return list(connection.scalars(text(sql), parameters))


def test_a_card_with_a_given_code(book: Book) -> None:
    """It has what the request says, and otherwise what the campaign says (openapi add-voucher-with-specific-code)."""
    campaign = book.programme(points=7)
    said = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "active": False, "additional_info": "by hand", "metadata": {"a": 1}}
    card = add(book, campaign, "MY CODE/1", **said)
    assert (card.code, card.active, card.start_date, card.additional_info) == ("MY CODE/1", False, said["start_date"], "by hand")
    assert (card.points, card.balance, card.initial_points, card.metadata) == (7, 7, 7, '{"a":1}')
    assert told(book) == ["voucher.created"]


def test_a_card_with_points_of_its_own(book: Book) -> None:
    """The points that are said are its initial points: it is published with them."""
    campaign = book.programme(points=7)
    add(book, campaign, "RICH", loyalty_card={"points": 500})
    view = book.do(PublishCard(project_id=PROJECT, customer="bob", voucher="RICH"))
    assert (view.numbers.points, view.numbers.balance, view.numbers.next_expiration_points) == (500, 500, 500)


def test_a_code_is_used_once(book: Book) -> None:
    """In the whole project: 409, as documented."""
    first, second = book.programme("First"), book.programme("Second")
    add(book, first, "CODE")
    with pytest.raises(DuplicateFound, match="Duplicated voucher exists with id CODE"):
        add(book, second, "CODE")


def test_a_code_is_used_once_in_a_batch_too(book: Book) -> None:
    """Of two requests at the same moment one wins."""
    campaign = book.programme()
    answers = book.together([AddCard(project_id=PROJECT, campaign=campaign.id, code="CODE") for _ in range(3)])
    assert sorted(type(answer).__name__ for answer in answers) == ["CardView", "DuplicateFound", "DuplicateFound"]


@pytest.mark.parametrize("code", ["", "x" * 256, "a\nb", "a\x00b"])
def test_not_everything_is_a_code(book: Book, code: str) -> None:
    """A code can be read and typed."""
    campaign = book.programme()
    with pytest.raises(InvalidPayload):
        add(book, campaign, code)


def test_drawn_codes(book: Book) -> None:
    """Without a code one is drawn, for each request of a batch another, as the campaign or the request says."""
    campaign = book.programme(voucher={"loyalty_card": {"points": 0}, "code_config": {"pattern": "A-##", "charset": "01"}})
    same = AddCard(project_id=PROJECT, campaign=campaign.id)
    cards = book.together([same] * 4)
    assert sorted(view.card.code for view in cards) == ["A-00", "A-01", "A-10", "A-11"]
    with pytest.raises(InvalidPayload, match="no free code left"):
        book.do(same)
    other = msgspec.convert({"pattern": "B-#", "charset": "7", "prefix": "x"}, type=type_of_code_config())
    assert book.do(AddCard(project_id=PROJECT, campaign=campaign.id, code_config=other)).card.code == "xB-7"


def type_of_code_config() -> Any:
    """How a request says how codes are made."""
    return AddCard.__annotations__["code_config"].__args__[0]


def test_many_cards_are_asked_for(book: Book) -> None:
    """They are made by and by: the answer names an async action. One code is not enough for them."""
    campaign = book.programme()
    command = AddCards(project_id=PROJECT, campaign=campaign.id, count=50, fields=CardFields(active=False))
    assert book.do(command).startswith("aa_")
    with pytest.raises(InvalidPayload):
        book.do(msgspec.structs.replace(command, code="ONE"))


def test_a_change_is_told_once(book: Book) -> None:
    """What is said is written and told; the same again writes nothing, and what is not said stays (decision 43)."""
    card = join(book, book.programme(), "bob")
    before = told(book)
    ends = datetime(2030, 1, 1, tzinfo=UTC)
    changed = update(book, card, expiration_date=ends, additional_info="note", metadata={"a": 1}, active=False)
    assert (changed.expiration_date, changed.additional_info, changed.metadata, changed.active) == (
        ends,
        "note",
        '{"a":1}',
        False,
    )
    assert told(book) == [*before, "voucher.updated"]
    again = update(book, card, expiration_date=ends, metadata={"a": 1})
    assert (again.updated_at, again.additional_info, told(book)) == (changed.updated_at, "note", [*before, "voucher.updated"])
    assert update(book, card, metadata={"b": 2}).metadata == '{"a":1,"b":2}'


def test_dates_stand_in_their_order(book: Book) -> None:
    """A card does not end before it starts, whichever of the two is said."""
    card = add(book, book.programme(), start_date=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidPayload, match="expiration_date must be after"):
        update(book, card, expiration_date=datetime(2025, 1, 1, tzinfo=UTC))


def test_points_of_a_published_card_have_a_ledger(book: Book) -> None:
    """Points are set while nobody has the card; later they are adjusted. Saying what is so already is no change."""
    campaign = book.programme(points=7)
    assert update(book, add(book, campaign), loyalty_card={"points": 20}).initial_points == 20
    card = join(book, campaign, "bob")
    assert (card.points, update(book, card, loyalty_card={"points": 20}).updated_at) == (20, card.updated_at)
    with pytest.raises(InvalidPayload, match="adjust its balance"):
        update(book, card, loyalty_card={"points": 21})
    with pytest.raises(InvalidPayload):
        add(book, campaign, loyalty_card={"points": -1})


def test_a_card_that_is_off(book: Book) -> None:
    """It earns nothing and is not given to anybody (decision 23); on again, it earns. Switching twice tells once."""
    campaign = book.programme(points=0)
    book.rules(campaign, fixed(5))
    card = join(book, campaign, "bob")
    switch(book, card, active=False)
    assert switch(book, card, active=False).active is False
    book.order("while-off", "bob")
    assert scalars(book, "SELECT balance FROM cards WHERE id = :id", id=card.id) == [0]
    switch(book, card, active=True)
    book.order("while-on", "bob")
    assert scalars(book, "SELECT balance FROM cards WHERE id = :id", id=card.id) == [5]
    assert [name for name in told(book) if "abled" in name] == ["voucher.disabled", "voucher.enabled"]


def test_a_disabled_card_waits_for_nobody(book: Book) -> None:
    """A STATIC campaign whose cards are all off has none to give, not even by name."""
    campaign = book.programme(type="STATIC", auto_join=False)
    switch(book, add(book, campaign, "OFF"), active=False)
    for command in (
        JoinCampaign(project_id=PROJECT, campaign=campaign.id, customer="bob"),
        PublishCard(project_id=PROJECT, customer="bob", campaign=campaign.id),
        PublishCard(project_id=PROJECT, customer="bob", voucher="OFF"),
    ):
        with pytest.raises(NoVoucherSuitable):
            book.do(command)


def test_a_deleted_card_leaves_its_ledger(book: Book) -> None:
    """Unknown from then on; transactions and lots stay as they were, but closed, and its holder leaves the tiers."""
    campaign = book.programme(points=7)
    book.rules(campaign, per_amount(100, 1))
    book.tiers(campaign, 0, 10)
    card = join(book, campaign, "bob")
    book.order("o1", "bob", amount=1_000)
    before = told(book)
    book.do(DeleteCard(project_id=PROJECT, key=card.code))
    assert told(book) == [*before, "customer.loyalty.tier.left", "voucher.deleted"]
    for command in (
        DeleteCard(project_id=PROJECT, key=card.code),
        UpdateCard(project_id=PROJECT, key=card.id, fields=CardFields()),
        SwitchCard(project_id=PROJECT, key=card.code, active=True),
        PublishCard(project_id=PROJECT, customer="ann", voucher=card.code),
    ):
        with pytest.raises(NotFound):
            book.do(command)
    assert scalars(book, "SELECT points FROM transactions WHERE card_id = :id", id=card.id) == [10]
    assert scalars(book, "SELECT status || ' ' || points FROM lots WHERE card_id = :id", id=card.id) == ["DELETED 17"]
    assert scalars(book, "SELECT n FROM counters WHERE name = :name", name=f"vouchers:{campaign.id}") == [0]
    assert scalars(book, "SELECT COUNT(*) FROM tier_memberships WHERE tier_id IS NOT NULL") == [0]


def test_points_that_wait_for_a_deleted_card(book: Book) -> None:
    """They are canceled with it."""
    campaign = book.programme(points=0)
    book.waiting_rule(campaign, fixed(5), days=9)
    card = join(book, campaign, "bob")
    book.order("o1", "bob")
    assert scalars(book, "SELECT pending_points FROM cards WHERE id = :id", id=card.id) == [5]
    book.do(DeleteCard(project_id=PROJECT, key=card.code))
    assert scalars(book, "SELECT status FROM pending_entries") == ["CANCELED"]
    assert scalars(book, "SELECT pending_points FROM cards WHERE id = :id", id=card.id) == [0]
    assert told(book)[-1] == "voucher.deleted"


def test_who_lost_a_card_may_join_anew(book: Book) -> None:
    """With a card that starts afresh; and the code of the deleted card may be used for another."""
    campaign = book.programme(points=7)
    book.rules(campaign, fixed(5))
    book.tiers(campaign, 0, 10)
    old = join(book, campaign, "bob")
    book.order("o1", "bob")
    book.do(DeleteCard(project_id=PROJECT, key=old.code))
    assert add(book, campaign, old.code).id != old.id
    new = join(book, campaign, "bob")
    assert (new.code, new.balance) == (old.code, 7)
    book.order("o2", "bob")
    assert scalars(book, "SELECT balance FROM cards WHERE deleted_at IS NULL") == [12]
    assert [name for name in told(book) if "tier" in name] == [
        f"customer.loyalty.tier.{word}" for word in ("joined", "upgraded", "left", "joined", "upgraded")
    ]


def test_deleted_and_joined_in_one_batch(book: Book) -> None:
    """Each command is decided on what the one before it left, though that could not be read together."""
    for kind in ("AUTO_UPDATE", "STATIC"):
        campaign = book.programme(kind, type=kind)
        cards = [add(book, campaign, f"{kind}-{number}") for number in range(2)]
        again = JoinCampaign(project_id=PROJECT, campaign=campaign.id, customer="bob")
        held = book.do(again).card
        deleted, view, refused = book.together([DeleteCard(project_id=PROJECT, key=held.id), again, again])
        assert (deleted, type(refused).__name__) == (None, "CannotBePublished")
        assert {held.id, view.card.id} == {card.id for card in cards}
        assert view.card.customer_id == held.customer_id
        book.do(DeleteCampaign(project_id=PROJECT, key=campaign.id))


def test_cards_of_a_campaign_that_goes(book: Book) -> None:
    """No card is added to a campaign that waits to be deleted; those of a deleted one can be read, and not changed any more."""
    campaign = book.programme()
    card = add(book, campaign)
    book.do(AddCards(project_id=PROJECT, campaign=campaign.id, count=2))
    book.do(DeleteCampaign(project_id=PROJECT, key=campaign.id))
    with pytest.raises(ResourceProtected):
        add(book, campaign)
    other = book.programme("Other")
    card = add(book, other)
    book.do(DeleteCampaign(project_id=PROJECT, key=other.id))
    with pytest.raises(NotFound):
        switch(book, card, active=False)
