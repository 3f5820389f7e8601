"""Cards by the thousand: slice by slice, once each, whatever happens between two slices."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tallybook.clock import real_now
from tallybook.domain.config import Campaign, CodeConfig
from tallybook.domain.records import AsyncAction
from tallybook.domain.refusals import InvalidPayload, LimitExceeded, NotFound, NoVoucherSuitable, ResourceProtected
from tallybook.jobs.generation import SLICE, Generation
from tallybook.jobs.leases import Leases
from tallybook.store.database import Database
from tallybook.store.queries_async_actions import get_action, list_actions
from tallybook.usecases.campaigns import CampaignFields, CampaignView, CreateCampaign, UpdateCampaign
from tallybook.usecases.customers import CustomerFields
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.generate_cards import MOST_CARDS, NO_CODE_LEFT, CardTerms, GenerateCards, GenerateSlice
from tallybook.usecases.join_campaign import JoinCampaign
from tests.books import PROJECT, WAIT_SECONDS, Book, empty_book, engine_on, submit
from tests.postgres import Cluster, drop_database, new_database

EIGHT = CodeConfig(length=3, charset="01", pattern="###")
"""Eight codes, of which one request may ask for four."""


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with nothing in it."""
    with empty_book(database_url) as book:
        yield book


def new_campaign(book: Book, count: int | None = None, name: str = "Cards", **voucher: Any) -> CampaignView:
    """A STATIC campaign whose cards start with 5 points."""
    said = {"name": name, "type": "STATIC", "vouchers_count": count, "voucher": {"loyalty_card": {"points": 5}, **voucher}}
    view: CampaignView = book.do(CreateCampaign(project_id=PROJECT, fields=msgspec.convert(said, CampaignFields)))
    return view


def add(book: Book, campaign: Campaign, count: int, **terms: Any) -> str:
    """Ask for more cards; the id of the action."""
    action_id: str = book.do(GenerateCards(project_id=PROJECT, key=campaign.id, count=count, terms=CardTerms(**terms)))
    return action_id


def job_of(book: Book) -> Generation:
    """The job as a worker has it that has just started."""
    return Generation(book.database, book.engine, Leases(book.database, book.engine))


def finish(book: Book) -> None:
    """Do all there is to do, without a rest."""
    job = job_of(book)
    while job_of(book).next_due(real_now()) is not None:
        job.run_slice(real_now())


def campaign_now(book: Book, key: str) -> CampaignView:
    """A campaign and how many cards it has, as an update that changes nothing answers it."""
    view: CampaignView = book.do(UpdateCampaign(project_id=PROJECT, key=key, fields=CampaignFields()))
    return view


def statuses(book: Book, key: str) -> tuple[str, str, int]:
    """Both statuses of a campaign, and how many cards it has."""
    view = campaign_now(book, key)
    return view.campaign.creation_status, view.campaign.vouchers_generation_status, view.vouchers_count


def action_now(book: Book, action_id: str) -> AsyncAction:
    """An action as it is."""
    with book.database.reading() as connection:
        found = get_action(connection, PROJECT, action_id)
    assert found is not None
    return found


def actions(book: Book) -> list[tuple[str, str, int, int]]:
    """Type, status, done and total of all actions, oldest first."""
    with book.database.reading() as connection:
        found, _ = list_actions(connection, PROJECT, 100)
    return [(one.type.rpartition("_")[2], one.status, one.done_count, one.total) for one in reversed(found)]


def column(book: Book, sql: str) -> list[Any]:
    """The first column of what a query finds."""
    with book.database.reading() as connection:
        return list(connection.scalars(text(sql)))


def test_cards_are_made_in_slices(book: Book) -> None:
    """The campaign says that it is being filled, then that it is full; each slice has written how far it came."""
    count = 2 * SLICE + 1
    view = new_campaign(book, count)
    assert (view.vouchers_count, statuses(book, view.campaign.id)) == (0, ("IN_PROGRESS", "IN_PROGRESS", 0))
    assert actions(book) == [("GENERATE", "ENQUEUED", 0, count)]
    job = job_of(book)
    for done in (SLICE, 2 * SLICE):
        job.run_slice(real_now())
        assert actions(book) == [("GENERATE", "IN_PROGRESS", done, count)]
        assert statuses(book, view.campaign.id) == ("IN_PROGRESS", "IN_PROGRESS", done)
    job.run_slice(real_now())
    assert actions(book) == [("GENERATE", "DONE", count, count)]
    assert (statuses(book, view.campaign.id), job_of(book).next_due(real_now())) == (("DONE", "DONE", count), None)
    assert column(book, "SELECT COUNT(DISTINCT code) FROM cards WHERE balance = 5 AND points = 5 AND customer_id IS NULL") == [
        count
    ]
    assert book.verify().findings == []


def test_requests_have_most_of_the_engine(book: Book) -> None:
    """After a slice the job rests, for longer than the slice took; then it is due again."""
    new_campaign(book, 2 * SLICE)
    job, begin = job_of(book), real_now()
    assert job.next_due(begin) == begin
    assert not job.run_slice(begin)
    due = job.next_due(begin)
    assert due is not None
    assert due > begin
    assert job.next_due(due) == due


@pytest.mark.parametrize("count", [None, 0, 1])
def test_one_card_or_none_is_made_at_once(book: Book, count: int | None) -> None:
    """DONE in the first answer (decision 36), and no action."""
    view = new_campaign(book, count)
    assert view.vouchers_count == (count or 0)
    assert statuses(book, view.campaign.id) == ("DONE", "DONE", count or 0)
    assert actions(book) == []


def test_a_generation_tells_once_that_it_began_and_that_it_ended(book: Book) -> None:
    """Not one word per card; what is added to a campaign says so too."""
    campaign = new_campaign(book, 3).campaign
    finish(book)
    add(book, campaign, 2)
    finish(book)
    assert column(book, "SELECT name FROM events ORDER BY id") == [
        "campaign.created",
        "campaign.vouchers.generation.started",
        "campaign.vouchers.generation.completed",
        "campaign.vouchers.generation.started",
        "campaign.vouchers.generation.completed",
        "campaign.vouchers.added",
    ]
    assert [msgspec.json.decode(refs).get("count", 0) for refs in column(book, "SELECT refs FROM events ORDER BY id")] == [
        *[0, 3, 3, 2, 2, 2]
    ]


def test_a_worker_that_starts_goes_on_where_another_stopped(book: Book) -> None:
    """Each slice is done by a job that knows nothing but the book."""
    count = 2 * SLICE + 7
    campaign = new_campaign(book, count).campaign
    for _ in range(3):
        job_of(book).run_slice(real_now())
    assert statuses(book, campaign.id) == ("DONE", "DONE", count)
    assert book.verify().findings == []


def test_a_slice_that_comes_twice_makes_no_card_too_many(book: Book) -> None:
    """Of two slices in one batch the second sees the first; after the end nothing happens."""
    campaign = new_campaign(book, 30).campaign
    action_id = column(book, "SELECT id FROM async_actions")[0]
    command = GenerateSlice(project_id=PROJECT, campaign_id=campaign.id, action_id=action_id, size=20)
    assert book.together([command, command, command]) == [True, False, False]
    assert book.do(command) is False
    assert statuses(book, campaign.id) == ("DONE", "DONE", 30)
    assert book.verify().findings == []


def test_a_small_generation_does_not_wait_for_a_large_one(book: Book) -> None:
    """They take turns."""
    large = new_campaign(book, 10 * SLICE, "Large").campaign
    small = new_campaign(book, 2, "Small").campaign
    job = job_of(book)
    job.run_slice(real_now())
    job.run_slice(real_now())
    assert statuses(book, small.id) == ("DONE", "DONE", 2)
    assert statuses(book, large.id)[0] == "IN_PROGRESS"


def test_a_campaign_may_be_changed_while_it_is_filled(book: Book) -> None:
    """What is made later is made by the new terms (decision 36), and members are given what there is."""
    campaign = new_campaign(book, 2 * SLICE).campaign
    job = job_of(book)
    job.run_slice(real_now())
    fields = msgspec.convert({"loyalty_card": {"points": 9}}, CampaignFields)
    assert book.do(UpdateCampaign(project_id=PROJECT, key=campaign.id, fields=fields)).campaign.card_points == 9
    joined = book.do(JoinCampaign(project_id=PROJECT, campaign=campaign.id, customer=CustomerFields(source_id="early")))
    assert joined.card.balance == 5
    job.run_slice(real_now())
    assert statuses(book, campaign.id) == ("DONE", "DONE", 2 * SLICE)
    assert column(book, "SELECT COUNT(*) FROM cards GROUP BY points ORDER BY points") == [SLICE, SLICE]
    assert book.verify().findings == []


def test_added_cards_may_have_terms_of_their_own(book: Book) -> None:
    """What is not said is the campaign's."""
    campaign = new_campaign(book).campaign
    own = CodeConfig(length=4, charset="XYZ", pattern="ADD-####")
    add(book, campaign, 3, code_config=own, redemption_limit=7, metadata='{"batch":2}', additional_info="second")
    assert statuses(book, campaign.id) == ("DONE", "IN_PROGRESS", 0)
    finish(book)
    assert statuses(book, campaign.id) == ("DONE", "DONE", 3)
    with book.database.reading() as connection:
        rows = connection.execute(text("SELECT code, redemption_limit, metadata, additional_info, points FROM cards")).all()
    assert {tuple(row[1:]) for row in rows} == {(7, '{"batch":2}', "second", 5)}
    assert all(row.code.startswith("ADD-") for row in rows)


def test_a_pattern_may_be_used_up_to_its_last_code(book: Book) -> None:
    """Then a generation fails, with what it could make and the reason."""
    campaign = new_campaign(book, 4, code_config={"pattern": "###", "charset": "01"}).campaign
    finish(book)
    first = add(book, campaign, 3)
    last = add(book, campaign, 3)
    finish(book)
    assert action_now(book, first).status == "DONE"
    failed = action_now(book, last)
    assert (failed.status, failed.done_count, failed.total, failed.reason) == ("FAILED", 1, 3, NO_CODE_LEFT)
    assert statuses(book, campaign.id) == ("DONE", "FAILED", 8)
    assert column(book, "SELECT COUNT(DISTINCT code) FROM cards") == [8]
    assert column(book, "SELECT name FROM events ORDER BY id")[-3:] == [
        "campaign.vouchers.added",
        "campaign.vouchers.generation.failed",
        "campaign.vouchers.added",
    ]
    assert book.verify().findings == []


def test_a_creation_that_fails_leaves_a_failed_campaign(book: Book) -> None:
    """Codes belong to the project: another campaign may have taken them all. The next generation may succeed."""
    taken = new_campaign(book, 4, "First", code_config={"pattern": "###", "charset": "01"}).campaign
    finish(book)
    add(book, taken, 4)
    finish(book)
    campaign = new_campaign(book, 2, "Second", code_config={"pattern": "###", "charset": "01"}).campaign
    finish(book)
    assert statuses(book, campaign.id) == ("FAILED", "FAILED", 0)
    add(book, campaign, 2, code_config=CodeConfig(length=8, charset="01", pattern="########"))
    finish(book)
    assert statuses(book, campaign.id) == ("FAILED", "DONE", 2)
    assert book.verify().findings == []


@pytest.mark.parametrize(
    ("count", "refusal", "said"),
    [
        (-1, InvalidPayload, "Property .vouchers_count must be >= 0"),
        (MOST_CARDS + 1, LimitExceeded, "Property .vouchers_count must be <= 100000"),
        (5, InvalidPayload, "Property .vouchers_count must be at most half of the 8 codes of the pattern"),
    ],
)
def test_too_many_cards_are_refused(book: Book, count: int, refusal: type[Exception], said: str) -> None:
    """With the campaign or later; nothing is left of it (decision 36)."""
    with pytest.raises(refusal, match=said):
        new_campaign(book, count, code_config={"pattern": "###", "charset": "01"})
    campaign = new_campaign(book).campaign
    with pytest.raises(refusal, match=said):
        add(book, campaign, count, code_config=EIGHT)
    assert actions(book) == []


def test_a_static_campaign_is_joined_until_it_is_used_up(book: Book) -> None:
    """Each member has a card of those that were generated."""
    campaign = new_campaign(book, 3).campaign
    finish(book)
    joins = [JoinCampaign(project_id=PROJECT, campaign=campaign.id, customer=CustomerFields(source_id=f"m{n}")) for n in range(4)]
    *joined, refused = [book.do(joins[0]), *book.together(joins[1:])]
    assert len({view.card.id for view in joined}) == 3
    assert isinstance(refused, NoVoucherSuitable)
    assert book.verify().findings == []


def test_deleting_waits_for_the_cards(book: Book) -> None:
    """The campaign goes with the last slice; until then its deletion is one action, and nothing can be added (decision 36)."""
    campaign = new_campaign(book, SLICE + 1).campaign
    job_of(book).run_slice(real_now())
    deletion = book.do(DeleteCampaign(project_id=PROJECT, key=campaign.id))
    assert book.do(DeleteCampaign(project_id=PROJECT, key=campaign.name)) == deletion
    assert actions(book)[1] == ("DELETE", "ENQUEUED", 0, 0)
    with pytest.raises(ResourceProtected):
        add(book, campaign, 2)
    assert statuses(book, campaign.id)[0] == "IN_PROGRESS"
    finish(book)
    assert actions(book) == [("GENERATE", "DONE", SLICE + 1, SLICE + 1), ("DELETE", "DONE", SLICE + 1, SLICE + 1)]
    with pytest.raises(NotFound):
        campaign_now(book, campaign.id)
    assert column(book, "SELECT name FROM events ORDER BY id")[-2:] == [
        "campaign.vouchers.generation.completed",
        "campaign.deleted",
    ]
    assert book.verify().findings == []


def test_deleting_a_campaign_at_rest_is_done_at_once(book: Book) -> None:
    """Its action has ended when it is answered."""
    campaign = new_campaign(book, 1).campaign
    action = action_now(book, book.do(DeleteCampaign(project_id=PROJECT, key=campaign.id)))
    assert (action.type, action.status, action.done_count, action.total) == ("CAMPAIGN.VOUCHERS_DELETE", "DONE", 1, 1)
    assert action.entity_id == campaign.id
    assert book.verify().findings == []


def test_a_deletion_in_the_batch_of_the_last_slice_is_not_lost(book: Book) -> None:
    """Whichever comes first of the two."""
    for order in (1, -1):
        campaign = new_campaign(book, 2, name=f"Order {order}").campaign
        action_id = column(book, "SELECT MAX(id) FROM async_actions")[0]
        last = GenerateSlice(project_id=PROJECT, campaign_id=campaign.id, action_id=action_id, size=20)
        book.together([last, DeleteCampaign(project_id=PROJECT, key=campaign.id)][::order])
        with pytest.raises(NotFound):
            campaign_now(book, campaign.id)
    assert [status for _, status, _, _ in actions(book)] == ["DONE"] * 4
    assert book.verify().findings == []


def test_two_workers_never_make_a_card_too_many(postgres_cluster: Cluster) -> None:
    """Even without a lease: both go on with one generation as fast as they can, beside each other."""
    url = new_database(postgres_cluster)
    with empty_book(url) as book, contextlib.closing(Database(url)) as database, engine_on(database, 2) as engine:
        campaign = new_campaign(book, 12 * 50).campaign
        action_id = column(book, "SELECT id FROM async_actions")[0]
        command = GenerateSlice(project_id=PROJECT, campaign_id=campaign.id, action_id=action_id, size=50)

        def work(number: int) -> None:
            for _ in range(15):
                submit((book.engine, engine)[number], command).result(WAIT_SECONDS)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses(book, campaign.id) == ("DONE", "DONE", 600)
        assert book.verify().findings == []
    drop_database(postgres_cluster, url)
