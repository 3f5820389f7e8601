"""An event speaks of the state of its moment for ever: its payload has the same bytes, whatever happens afterwards."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import Any

import msgspec
from sqlalchemy import select

from tallybook.clock import real_now
from tallybook.domain.config import Document, Webhook
from tallybook.domain.occurrence import decode_subjects
from tallybook.domain.records import Event, Occurrence, Order, PendingEntry
from tallybook.store import queries, tables
from tallybook.store.database import Connection, Database
from tallybook.store.mapping import mapping
from tallybook.usecases.adjust_balance import AdjustBalance
from tallybook.usecases.campaigns import CampaignFields, SwitchCampaign, UpdateCampaign
from tallybook.usecases.cards import AddCard, CardFields, DeleteCard, SwitchCard, UpdateCard
from tallybook.usecases.categories import CategoryFields, CreateCategory, UpdateCategory
from tallybook.usecases.customers import CustomerFields, DeleteCustomer, UpdateCustomer
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.earning_rules import CreateEarningRules, DeleteEarningRule, EarningRuleFields, UpdateEarningRule
from tallybook.usecases.generate_cards import GenerateCards, GenerateSlice
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.pending_points import ActivatePendingPoints, AdjustPendingPoints, CancelPendingPoints
from tallybook.usecases.put_order import OrderFields, PutOrder
from tallybook.usecases.tiers import CreateTiers, TierFields
from tallybook.wire.envelope import envelope
from tallybook.wire.events import PAYLOADS, render
from tests.books import PROJECT, Book, empty_book, fixed, per_amount

NOT_TOLD_YET = {"campaign.loyalty_tier.updated", "campaign.loyalty_tier.deleted"}
"""Names that have a payload, and no command that says them."""
HOOK = Webhook(id="wh_1", target_url="https://shop.example/hook", events=[], created_at=real_now())


# --- what is sent --------------------------------------------------------------------------------------------------------


def bodies(url: str) -> dict[str, tuple[str, bytes]]:
    """Every event of a book by its id: its name, and the body of a webhook call about it."""
    with closing(Database(url)) as database, database.reading() as connection:
        occurrences = {one.id: one for one in _all(connection, Occurrence)}
        events = sorted(_all(connection, Event), key=lambda event: str(event.id))
        return {event.id: (event.name, _body(connection, event, occurrences[event.occurrence_id])) for event in events}


def _all(connection: Connection, kind: type[Any]) -> list[Any]:
    one = mapping(kind)
    return [one.record(row) for row in connection.execute(select(*one.columns))]


def _body(connection: Connection, event: Event, occurrence: Occurrence) -> bytes:
    def history(document_id: str, version: int) -> Document:
        return queries.get_document(connection, document_id, version)

    data = render(event, occurrence, decode_subjects(occurrence.subjects), history, "https://points.example")
    return envelope(f"whs_{event.id}", HOOK, event, occurrence, data)


def bodies_from_afresh(url: str) -> dict[str, tuple[str, bytes]]:
    """The same, from a process that has rendered nothing yet."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
        return other.submit(bodies, url).result(60)


# --- a story that tells everything ---------------------------------------------------------------------------------------


def _order(book: Book, source_id: str, status: str, customer: str = "bob", **more: Any) -> Order:
    lines = [{"source_id": "shirt", "quantity": 2, "price": 4_950, "product": {"name": "Shirt"}, "metadata": {"size": "M"}}]
    said = {"source_id": source_id, "status": status, "customer": {"source_id": customer}, "items": lines} | more
    order: Order = book.do(PutOrder(project_id=PROJECT, fields=msgspec.convert(said, OrderFields))).order
    return order


def _rules(book: Book, campaign: str, *said: dict[str, Any]) -> list[str]:
    fields = msgspec.convert([{"event": "order.paid", **one} for one in said], list[EarningRuleFields])
    return [rule.id for rule in book.do(CreateEarningRules(project_id=PROJECT, campaign=campaign, rules=fields))]


def _change_rule(book: Book, campaign: str, rule_id: str, word: Any, **said: Any) -> None:
    fields = msgspec.convert(said, EarningRuleFields)
    book.do(UpdateEarningRule(project_id=PROJECT, campaign=campaign, rule_id=rule_id, word=word, fields=fields))


def _actions(book: Book, campaign_id: str) -> None:
    """Do all card generations of a campaign to their ends."""
    with book.database.reading() as connection:
        c = tables.async_actions.c
        waiting = connection.scalars(select(c.id).where(c.entity_id == campaign_id, c.status != "DONE").order_by(c.id)).all()
    for action_id in waiting:
        while book.do(GenerateSlice(project_id=PROJECT, campaign_id=campaign_id, action_id=action_id, size=2)):
            pass


def _entries(book: Book) -> list[PendingEntry]:
    with book.database.reading() as connection:
        return sorted(_all(connection, PendingEntry), key=lambda entry: str(entry.id))


def _tell_of_cards(book: Book) -> None:
    """Generations that succeed, one that fails for want of codes, and a campaign that is changed, switched and deleted."""
    made = book.programme("Made", auto_join=False, vouchers_count=3)
    book.do(GenerateCards(project_id=PROJECT, key=made.id, count=2))
    few = book.programme("Few", auto_join=False, voucher=_template(code_config={"pattern": "FEW-#", "charset": "ab"}))
    for _ in range(3):
        book.do(GenerateCards(project_id=PROJECT, key=few.id, count=1))
    for campaign in (made, few):
        _actions(book, campaign.id)
    for active in (False, True):
        book.do(SwitchCampaign(project_id=PROJECT, key=few.id, active=active))
    book.do(UpdateCampaign(project_id=PROJECT, key=few.id, fields=CampaignFields(description="few", metadata={"n": 1})))
    book.do(DeleteCampaign(project_id=PROJECT, key=few.id))


def _tell_of_one_card(book: Book) -> None:
    """A card of a category that is added, changed, switched off and on, and deleted."""
    category = book.do(CreateCategory(project_id=PROJECT, fields=CategoryFields(name="Kept", hierarchy=1)))
    shelf = book.programme("Shelf", auto_join=False, category_id=category.id)
    book.do(AddCard(project_id=PROJECT, campaign=shelf.id, code="CARD-1"))
    fields = CardFields(additional_info="blue", metadata={"shelf": 7})
    book.do(UpdateCard(project_id=PROJECT, key="CARD-1", fields=fields))
    for active in (False, True):
        book.do(SwitchCard(project_id=PROJECT, key="CARD-1", active=active))
    book.do(DeleteCard(project_id=PROJECT, key="CARD-1"))


def _template(**more: Any) -> dict[str, Any]:
    return {"loyalty_card": {"points": 0}, **more}


def _tell_of_points(book: Book) -> None:
    """A programme with every kind of rule, and members whose points and tiers go up and down."""
    club = book.programme("Club", points=5, metadata={"season": "summer"})
    base, odd = _rules(book, club.id, {"loyalty": per_amount(990, 1), "source": {"banner": "Buy"}}, {"loyalty": fixed(1)})
    _rules(book, club.id, {"loyalty": fixed(30), "pending_points": {"period_type": "DAY", "period_value": 9}})
    _rules(book, club.id, {"loyalty": per_amount(1, 10**9)})
    mapped = {base: {"type": "MULTIPLY", "multiplier": 1.5}}
    said = [{"name": "Bronze", "points": {"from": 0, "to": 9}}, {"name": "Silver", "points": {"from": 10, "to": 99}}]
    tiers = msgspec.convert([one | {"earning_rules": mapped} for one in said], list[TierFields])
    book.do(CreateTiers(project_id=PROJECT, campaign=club.id, tiers=tiers))
    _change_rule(book, club.id, odd, "updated", loyalty=fixed(2))
    _change_rule(book, club.id, odd, "disabled", active=False)
    _change_rule(book, club.id, odd, "enabled", active=True)
    book.do(JoinCampaign(project_id=PROJECT, campaign=club.id, customer="ann"))
    for number in range(3):
        _order(book, f"paid-{number}", "PAID", metadata={"number": number})
    book.do(DeleteEarningRule(project_id=PROJECT, campaign=club.id, rule_id=odd))
    card = str(_entries(book)[0].card_id)
    _tell_of_waiting_points(book, card)
    for points in (-80, 5_000):
        book.do(AdjustBalance(project_id=PROJECT, member=card, points=points, reason="by hand"))


def _tell_of_waiting_points(book: Book, card: str) -> None:
    first, second, third = (entry.id for entry in _entries(book))
    book.do(AdjustPendingPoints(project_id=PROJECT, member=card, entry_id=first, points=-3))
    book.do(CancelPendingPoints(project_id=PROJECT, member=card, entry_id=second))
    book.do(ActivatePendingPoints(project_id=PROJECT, member=card, entry_id=third))


def _tell_of_orders(book: Book) -> None:
    """An order through all its statuses, with a referrer, and a customer who comes, changes and goes."""
    for status in ("CREATED", "PAID", "CANCELED", "PAID", "FULFILLED"):
        _order(book, "long", status, "carol", referrer={"source_id": "ann"}, metadata={"as": status})
    fields = CustomerFields(name="Carol", email="carol@example.com", metadata={"shoe": 38.5, "tags": ["a", "b"]})
    book.do(UpdateCustomer(project_id=PROJECT, key="carol", fields=fields))
    book.do(DeleteCustomer(project_id=PROJECT, key="carol"))


def _documents(book: Book, kind: str) -> list[dict[str, Any]]:
    with book.database.reading() as connection:
        c = tables.documents.c
        return [msgspec.json.decode(doc) for doc in connection.scalars(select(c.doc).where(c.kind == kind).order_by(c.id))]


# --- and all that can happen afterwards ----------------------------------------------------------------------------------


def _change_the_world(book: Book) -> None:
    """Rename people, change and delete rules and campaigns, pay and change orders, adjust points, delete the customer."""
    fields = CustomerFields(source_id="robert", name="Robert", metadata={"new": True})
    book.do(UpdateCustomer(project_id=PROJECT, key="bob", fields=fields))
    rules = _documents(book, "earning_rule")
    for rule in rules:
        _change_rule(book, rule["campaign_id"], rule["id"], "updated", loyalty=fixed(77), source={"banner": "New"})
    for category in _documents(book, "category"):
        renamed = CategoryFields(name="Renamed", hierarchy=2)
        book.do(UpdateCategory(project_id=PROJECT, category_id=category["id"], fields=renamed))
    said = {"description": "changed", "metadata": {"season": "winter"}, "loyalty_card": {"points": 99}}
    book.do(UpdateCampaign(project_id=PROJECT, key="Club", fields=msgspec.convert(said, CampaignFields)))
    _order(book, "another", "PAID", "robert")
    _order(book, "paid-0", "PAID", "robert", metadata={"number": 100}, amount=1)
    book.do(AdjustBalance(project_id=PROJECT, member=str(_entries(book)[0].card_id), points=-1))
    for rule in rules:
        book.do(DeleteEarningRule(project_id=PROJECT, campaign=rule["campaign_id"], rule_id=rule["id"]))
    for person in ("robert", "ann"):
        book.do(DeleteCustomer(project_id=PROJECT, key=person))
    for campaign in ("Club", "Made", "Shelf"):
        book.do(DeleteCampaign(project_id=PROJECT, key=campaign))


def test_an_event_says_the_same_for_ever(database_url: str) -> None:
    """Every event there is, rendered at once, again after everything changed, and by a process that has just begun."""
    with empty_book(database_url) as book:
        _tell_of_cards(book)
        _tell_of_one_card(book)
        _tell_of_points(book)
        _tell_of_orders(book)
        at_once = bodies(database_url)
        assert set(PAYLOADS) - {name for name, _ in at_once.values()} == NOT_TOLD_YET
        _change_the_world(book)
        later, afresh = bodies(database_url), bodies_from_afresh(database_url)
        assert book.verify().findings == []
    assert len(later) > len(at_once)
    for event_id, told in at_once.items():
        assert (later[event_id], afresh[event_id]) == (told, told)
    assert afresh == later
