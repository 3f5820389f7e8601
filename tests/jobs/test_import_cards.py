"""Importing cards: few at once, many in slices, and what happens between two slices."""

from collections.abc import Iterator
from typing import Any

import pytest

from tallybook.clock import real_now
from tallybook.domain.config import Campaign
from tallybook.domain.refusals import DuplicateCodes, InvalidPayload, InvalidVoucher, NotFound, ResourceProtected
from tallybook.usecases.cards import AddCard, PointsFields
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.import_cards import (
    IMPORT,
    SLICE,
    TAKEN,
    Failure,
    ImportCards,
    ImportFields,
    ImportSlice,
    next_cards,
    task_of,
)
from tests.books import PROJECT, Book, empty_book
from tests.jobs.test_generation import action_now, actions, campaign_now, column, finish, job_of, new_campaign

CODES = [f"CODE{number}" for number in range(2 * SLICE + 1)]


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with nothing in it."""
    with empty_book(database_url) as book:
        yield book


@pytest.fixture
def campaign(book: Book) -> Campaign:
    """A campaign without cards."""
    return new_campaign(book).campaign


def bring(book: Book, campaign: Campaign, codes: list[str | None], **said: Any) -> str:
    """Ask for cards with these codes; the id of the action."""
    cards = [ImportFields(code=code, **said) for code in codes]
    action_id: str = book.do(ImportCards(project_id=PROJECT, campaign=campaign.id, type=IMPORT, cards=cards))
    return action_id


def test_few_cards_are_there_at_once(book: Book, campaign: Campaign) -> None:
    """DONE in the answer; the action has forgotten the cards, one event tells of them, and what is not said is the campaign's."""
    action = action_now(book, bring(book, campaign, [*CODES[:2]], loyalty_card=PointsFields(points=7)))
    assert (action.status, action.done_count, action.total, action.parameters) == ("DONE", 2, 2, "{}")
    bring(book, campaign, [CODES[2]])
    assert column(book, "SELECT balance FROM cards ORDER BY code") == [7, 7, 5]
    assert column(book, "SELECT name FROM events ORDER BY id") == ["campaign.created", *["campaign.vouchers.added"] * 2]
    assert campaign_now(book, campaign.id).vouchers_count == 3
    assert (job_of(book).next_due(real_now()), book.verify().findings) == (None, [])


def test_many_cards_are_made_in_slices(book: Book, campaign: Campaign) -> None:
    """The first slice is made with the request, the others by the job, each once; a code that was taken meanwhile has failed."""
    action_id = bring(book, campaign, [*CODES])
    assert actions(book) == [("IMPORT", "IN_PROGRESS", SLICE, len(CODES))]
    assert campaign_now(book, campaign.id).campaign.vouchers_generation_status == "IN_PROGRESS"
    assert book.verify().findings == []
    book.do(AddCard(project_id=PROJECT, campaign=campaign.id, code=CODES[SLICE]))
    job_of(book).run_slice(real_now())
    assert actions(book) == [("IMPORT", "IN_PROGRESS", 2 * SLICE, len(CODES))]
    finish(book)
    action = action_now(book, action_id)
    assert (action.status, action.done_count) == ("DONE", len(CODES))
    assert task_of(action).failed == (Failure(code=CODES[SLICE], row=SLICE + 1, reason=TAKEN),)
    view = campaign_now(book, campaign.id)
    assert (view.vouchers_count, view.campaign.vouchers_generation_status, view.campaign.generations) == (len(CODES), "DONE", ())
    assert column(book, "SELECT COUNT(*) FROM cards") == [len(CODES)]
    assert book.verify().findings == []


def test_a_slice_that_comes_twice_does_nothing(book: Book, campaign: Campaign) -> None:
    """A slice names the place where it begins; when the import is past it, nothing happens."""
    action = action_now(book, bring(book, campaign, [*CODES]))
    again = ImportSlice(project_id=PROJECT, campaign_id=campaign.id, action_id=action.id, start=SLICE, cards=next_cards(action))
    book.do(again)
    book.do(again)
    assert actions(book) == [("IMPORT", "IN_PROGRESS", 2 * SLICE, len(CODES))]
    finish(book)
    assert campaign_now(book, campaign.id).vouchers_count == len(CODES)


def test_a_campaign_is_deleted_when_its_import_has_ended(book: Book, campaign: Campaign) -> None:
    """A deletion waits for the cards, as it does for those that are generated; another import is refused meanwhile."""
    bring(book, campaign, [*CODES])
    book.do(DeleteCampaign(project_id=PROJECT, key=campaign.id))
    with pytest.raises(ResourceProtected):
        bring(book, campaign, ["ONE-MORE"])
    finish(book)
    assert [status for _, status, _, _ in actions(book)] == ["DONE", "DONE"]
    with pytest.raises(NotFound):
        campaign_now(book, campaign.id)
    assert book.verify().findings == []


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (["NEW", "OLD", "OLD", "NEW"], DuplicateCodes(3)),
        (["NEW", None, ""], InvalidVoucher(2)),
        (["NEW", "N\nW"], InvalidPayload("Property .code must have 1 to 255 printable characters")),
    ],
)
def test_codes_are_checked_before_any_card_is_made(
    book: Book, campaign: Campaign, codes: list[str | None], refusal: Exception
) -> None:
    """A code that a card has, or that comes twice, one that is missing, and one that cannot be: nothing is imported."""
    bring(book, campaign, ["OLD"])
    with pytest.raises(type(refusal)) as refused:
        bring(book, campaign, codes)
    assert str(refused.value) == str(refusal)
    assert column(book, "SELECT code FROM cards") == ["OLD"]
