"""Cards given, switched and deleted in whatever company: a batch leaves what its commands leave one by one, and books close."""

import contextlib
import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tallybook.domain.refusals import Refusal
from tallybook.store.database import Database
from tallybook.usecases.cards import AddCard, CardFields, DeleteCard, SwitchCard, UpdateCard
from tallybook.usecases.command import Command
from tallybook.usecases.customers import CustomerFields, DeleteCustomer, UpdateCustomer
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.publications import PublishCard
from tests.books import PROJECT, Book, empty_book, engine_on, fixed, put_order

CAMPAIGNS = ("Growing", "Static")
PEOPLE = ("ann", "ben", "cid")
HELD = tuple(f"{campaign}-of-{person}" for campaign in CAMPAIGNS for person in PEOPLE[:2])
"""Codes of the cards that ann and ben have from the beginning; cid has none."""

_numbers = itertools.count()
people, campaigns, held = st.sampled_from(PEOPLE), st.sampled_from(CAMPAIGNS), st.sampled_from(HELD)


def _publish(person: str, campaign: str, join_once: bool, source_id: str | None) -> Command:
    return PublishCard(project_id=PROJECT, customer=person, campaign=campaign, join_once=join_once, source_id=source_id)


def _renamed(person: str, source_id: str) -> Command:
    return UpdateCustomer(project_id=PROJECT, key=person, fields=CustomerFields(source_id=source_id))


commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(_publish, people, campaigns, st.booleans(), st.sampled_from([None, "p1", "p2"])),
    st.builds(lambda person, campaign: JoinCampaign(project_id=PROJECT, campaign=campaign, customer=person), people, campaigns),
    held.map(lambda code: DeleteCard(project_id=PROJECT, key=code)),
    held.map(lambda code: AddCard(project_id=PROJECT, campaign=code.partition("-")[0], code=code)),
    held.map(lambda code: UpdateCard(project_id=PROJECT, key=code, fields=CardFields(additional_info="note"))),
    st.builds(lambda code, active: SwitchCard(project_id=PROJECT, key=code, active=active), held, st.booleans()),
    st.builds(lambda person, number: put_order(f"o{number}", person), people, st.integers(1, 4)),
    people.map(lambda person: DeleteCustomer(project_id=PROJECT, key=person)),
    st.builds(_renamed, people, people),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a campaign that makes cards and one that has one left, both with initial points, a rule and tiers."""
    path = tmp_path_factory.mktemp("template") / "book.db"
    with empty_book(f"sqlite:///{path}") as book:
        book.webhook()
        for name, kind in (("Growing", "AUTO_UPDATE"), ("Static", "STATIC")):
            campaign = book.programme(name, points=7, type=kind)
            book.rules(campaign, fixed(5))
            book.waiting_rule(campaign, fixed(2), days=3)
            book.tiers(campaign, 0, 10)
            for person in PEOPLE[:2]:
                book.do(AddCard(project_id=PROJECT, campaign=name, code=f"{name}-of-{person}"))
                book.do(PublishCard(project_id=PROJECT, customer=person, voucher=f"{name}-of-{person}"))
        book.do(AddCard(project_id=PROJECT, campaign="Static"))
        book.order("o1", "ann")
    return path


@settings(max_examples=40)
@given(batch=st.lists(commands, min_size=2, max_size=8))
def test_a_batch_leaves_what_its_commands_leave_one_by_one(template: Path, batch: list[Command]) -> None:
    """Answers, points, tiers, lots and events, even where a command ends what was read for the next one."""
    assert _left_behind(template, [batch]) == _left_behind(template, [[command] for command in batch])


def _left_behind(template: Path, groups: list[list[Command]]) -> list[Any]:
    path = template.with_name(f"{next(_numbers)}.db")
    shutil.copy(template, path)
    with contextlib.closing(Database(f"sqlite:///{path}")) as database, engine_on(database) as engine:
        book = Book(database, engine)
        answers = [answer for group in groups for answer in book.together(group)]
        assert [one for one in answers if isinstance(one, Exception) and not isinstance(one, Refusal)] == []
        assert book.verify().findings == []
        with database.reading() as connection:
            rows = [sorted(map(tuple, connection.execute(text(sql))), key=str) for sql in STATE]
    path.unlink()
    return [[type(answer).__name__ for answer in answers], *rows]


STATE = (
    "SELECT substr(source_id, 1, 3), orders_count, last_sequence, deleted_at IS NULL FROM customers",
    """SELECT substr(u.source_id, 1, 3), c.campaign_id, c.balance, c.pending_points, c.active, c.deleted_at IS NULL
       FROM cards c LEFT JOIN customers u ON u.id = c.customer_id""",
    "SELECT substr(u.source_id, 1, 3), l.status, l.points FROM lots l JOIN customers u ON u.id = l.customer_id",
    """SELECT substr(u.source_id, 1, 3), m.campaign_id, m.tier_id
       FROM tier_memberships m JOIN customers u ON u.id = m.customer_id""",
    "SELECT substr(u.source_id, 1, 3), p.source_id FROM publications p JOIN customers u ON u.id = p.customer_id",
    "SELECT name, COUNT(*) FROM events GROUP BY name",
    "SELECT name, n FROM counters",
)
"""What a book says, in words that do not hold ids or instants."""
