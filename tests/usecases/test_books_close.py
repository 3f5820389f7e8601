"""Whatever is asked, in whatever order and in whatever company: the books close, and a rule awards an order once."""

import contextlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tallybook.domain.refusals import Refusal
from tallybook.store.database import Database
from tallybook.usecases.campaigns import SwitchCampaign
from tallybook.usecases.command import Command
from tallybook.usecases.customers import CustomerFields, DeleteCustomer, UpdateCustomer
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.earning_rules import CreateEarningRules, DeleteEarningRule, EarningRuleFields, UpdateEarningRule
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.put_order import OrderFields, PutOrder
from tallybook.usecases.tiers import CreateTiers, TierFields
from tests.books import PROJECT, Book, empty_book, engine_on, fixed, per_amount

Step = Callable[[Book], Command]
"""Makes a command for a book as it is before the batch: ids are known by then."""

_numbers = itertools.count()
CAMPAIGNS = ("Dated", "Undated", "Static")
people = st.sampled_from(["ann", "ben", "cid"])
orders = st.sampled_from(["o1", "o2", "o3"])
statuses = st.sampled_from(["CREATED", "PAID", "PAID", "CANCELED", "FULFILLED"])
amounts = st.sampled_from([0, 99, 100, 12_345, 10**12])
formulas = st.one_of(
    st.builds(per_amount, st.sampled_from([1, 100, 7_000]), st.integers(0, 9)),
    st.builds(fixed, st.sampled_from([0, 1, 25, 10**9])),
)


def _order(source_id: str, person: str | None, status: str, amount: int | None) -> Step:
    said: dict[str, Any] = {"source_id": source_id, "status": status}
    if amount is not None:
        said |= {"amount": amount, "items": [{"source_id": "sku", "quantity": 2, "price": amount // 2}]}
    if person is not None:
        said["customer"] = {"source_id": person}
    return lambda _: PutOrder(project_id=PROJECT, fields=msgspec.convert(said, OrderFields))


def _renamed_order(key: str, source_id: str, status: str) -> Step:
    fields = msgspec.convert({"source_id": source_id, "status": status}, OrderFields)
    return lambda book: PutOrder(project_id=PROJECT, key=_id_of(book, "orders", key), fields=fields)


def _id_of(book: Book, table: str, source_id: str) -> str:
    with book.database.reading() as connection:
        found = connection.scalar(text(f"SELECT id FROM {table} WHERE source_id = :key"), {"key": source_id})
    return str(found or "none")


def _rules(book: Book, kind: str) -> list[tuple[str, str]]:
    """Campaign and id of every rule (or tier) there is, oldest first."""
    with book.database.reading() as connection:
        docs = connection.scalars(text("SELECT doc FROM documents WHERE kind = :kind ORDER BY id"), {"kind": kind})
        return [(found["campaign_id"], found["id"]) for found in map(msgspec.json.decode, docs)]


def _new_rule(campaign: str, formula: dict[str, Any]) -> Step:
    rules = msgspec.convert([{"event": "order.paid", "loyalty": formula}], list[EarningRuleFields])
    return lambda _: CreateEarningRules(project_id=PROJECT, campaign=campaign, rules=rules)


def _changed_rule(number: int, formula: dict[str, Any] | None, active: bool) -> Step:
    fields = EarningRuleFields(loyalty=formula, active=active)

    def make(book: Book) -> Command:
        rules = _rules(book, "earning_rule") or [("none", "none")]
        campaign, rule_id = rules[number % len(rules)]
        return UpdateEarningRule(project_id=PROJECT, campaign=campaign, rule_id=rule_id, fields=fields)

    return make


def _deleted_rule(number: int) -> Step:
    def make(book: Book) -> Command:
        rules = _rules(book, "earning_rule") or [("none", "none")]
        campaign, rule_id = rules[number % len(rules)]
        return DeleteEarningRule(project_id=PROJECT, campaign=campaign, rule_id=rule_id)

    return make


def _new_tiers(campaign: str, start: int, multiplier: int) -> Step:
    def make(book: Book) -> Command:
        mapping = {rule: {"type": "MULTIPLY", "multiplier": multiplier} for _, rule in _rules(book, "earning_rule")}
        said = [{"name": f"from {start}", "points": {"from": start, "to": start + 500}, "earning_rules": mapping}]
        return CreateTiers(project_id=PROJECT, campaign=campaign, tiers=msgspec.convert(said, list[TierFields]))

    return make


def _join(campaign: str, person: str) -> Step:
    return lambda _: JoinCampaign(project_id=PROJECT, campaign=campaign, customer=person)


def _renamed(person: str, source_id: str) -> Step:
    return lambda _: UpdateCustomer(project_id=PROJECT, key=person, fields=CustomerFields(source_id=source_id))


campaigns = st.sampled_from(CAMPAIGNS)
steps = st.one_of(
    st.builds(_order, orders, st.none() | people, statuses, st.none() | amounts),
    st.builds(_order, orders, people, st.just("PAID"), amounts),
    st.builds(_renamed_order, orders, orders, statuses),
    st.builds(_new_rule, campaigns, formulas),
    st.builds(_changed_rule, st.integers(0, 9), st.none() | formulas, st.booleans()),
    st.builds(_deleted_rule, st.integers(0, 9)),
    st.builds(_new_tiers, campaigns, st.sampled_from([0, 5, 100]), st.integers(0, 3)),
    st.builds(_join, campaigns, people),
    st.builds(_renamed, people, people),
    people.map(lambda person: lambda _: DeleteCustomer(project_id=PROJECT, key=person)),
    st.builds(lambda key, active: lambda _: SwitchCampaign(project_id=PROJECT, key=key, active=active), campaigns, st.booleans()),
    st.just(lambda _: DeleteCampaign(project_id=PROJECT, key="Undated")),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three programmes: with dates and initial points, without either, and with one card and no more."""
    path = tmp_path_factory.mktemp("template") / "book.db"
    with empty_book(f"sqlite:///{path}") as book:
        book.webhook()
        dated = book.programme("Dated", points=7)
        undated = book.programme("Undated", voucher={"loyalty_card": {"points": 0}})
        static = book.programme("Static", points=3, type="STATIC", vouchers_count=1)
        for campaign in (dated, undated, static):
            book.rules(campaign, per_amount(100, 1))
        book.order("o1", "ann", status="CREATED")
    return path


@settings(max_examples=60)
@given(batches=st.lists(st.lists(steps, min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_books_close_whatever_is_asked(template: Path, batches: list[list[Step]]) -> None:
    """Every answer is a result or a refusal; `verify` finds nothing, and no rule awarded an order twice."""
    path = template.with_name(f"{next(_numbers)}.db")
    shutil.copy(template, path)
    with contextlib.closing(Database(f"sqlite:///{path}")) as database, engine_on(database) as engine:
        book = Book(database, engine)
        for batch in batches:
            answers = book.together([make(book) for make in batch])
            assert [one for one in answers if isinstance(one, Exception) and not isinstance(one, Refusal)] == []
        assert book.verify().findings == []
        with database.reading() as connection:
            twice = "SELECT cause_id, rule_id FROM awards GROUP BY cause_id, rule_id HAVING COUNT(*) > 1"
            assert connection.execute(text(twice)).all() == []
    path.unlink()


@settings(max_examples=40)
@given(batch=st.lists(steps, min_size=2, max_size=8))
def test_a_batch_leaves_what_its_commands_leave_one_by_one(template: Path, batch: list[Step]) -> None:
    """Points, orders and tiers do not depend on the company in which a command came."""
    assert _left_behind(template, batch, together=True) == _left_behind(template, batch, together=False)


def _left_behind(template: Path, batch: list[Step], *, together: bool) -> list[Any]:
    path = template.with_name(f"{next(_numbers)}.db")
    shutil.copy(template, path)
    with contextlib.closing(Database(f"sqlite:///{path}")) as database, engine_on(database) as engine:
        book = Book(database, engine)
        commands = [make(book) for make in batch]
        groups = [commands] if together else [[command] for command in commands]
        answers = [type(answer).__name__ for group in groups for answer in book.together(group)]
        with database.reading() as connection:
            rows = [sorted(map(tuple, connection.execute(text(sql))), key=str) for sql in STATE]
    path.unlink()
    return [answers, *rows]


STATE = (
    "SELECT substr(source_id, 1, 3), orders_count, orders_amount, last_sequence, deleted_at IS NULL FROM customers",
    """SELECT o.source_id, o.status, o.amount, o.paid_at IS NULL, substr(c.source_id, 1, 3)
       FROM orders o LEFT JOIN customers c ON c.id = o.customer_id""",
    """SELECT substr(u.source_id, 1, 3), c.campaign_id, c.points, c.balance, c.active
       FROM cards c LEFT JOIN customers u ON u.id = c.customer_id""",
    """SELECT substr(u.source_id, 1, 3), m.campaign_id, d.points
       FROM tier_memberships m JOIN customers u ON u.id = m.customer_id
       LEFT JOIN (SELECT id, json_extract(doc, '$.points_from') AS points FROM documents) d ON d.id = m.tier_id""",
    "SELECT name, COUNT(*) FROM events GROUP BY name",
)
"""What a book says, in words that do not hold ids or instants."""
