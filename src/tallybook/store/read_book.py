"""Reading the book: everything a batch of commands needs to know, set by set, never row by row."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, TextClause, bindparam, func, select, text
from sqlalchemy.sql import ColumnElement

from tallybook.domain import records
from tallybook.domain.codes import make_code, space, unused_codes
from tallybook.domain.config import KINDS, CodeConfig, Document
from tallybook.domain.configuration import Configuration
from tallybook.ids import Ids
from tallybook.store import tables
from tallybook.store.among import Among
from tallybook.store.driver import Conflict, all_rows, all_values, rows_later, together
from tallybook.store.mapping import MAPPINGS, mapping
from tallybook.store.read_codes import taken_codes
from tallybook.store.read_products import ProductReader
from tallybook.usecases.book import Book
from tallybook.usecases.command import CodesWanted, Command, Needs

R = TypeVar("R", bound=records.Record)
SPARE_CODES = 4
"""Candidate codes drawn for each card that may have to be made."""
SMALL_SPACE = 4096
"""A pattern with no more codes than this is searched more thoroughly, as most of them may be taken."""


def _summed(codes: Iterable[CodesWanted]) -> dict[str, tuple[CodeConfig, int]]:
    """How many codes are wanted in all under each key: drawn together, so that they differ."""
    found: dict[str, tuple[CodeConfig, int]] = {}
    for one in codes:
        found[one.key] = (one.config, found.get(one.key, (one.config, 0))[1] + one.count)
    return found


class Selects:
    """The statements. Each takes its keys as one parameter, so that its text and plan never change.

    The condition of a partial index is said as text: with a parameter in it PostgreSQL, which plans once, passes the index over.
    """

    def __init__(self, *, sqlite: bool, locking: bool) -> None:
        self.among = Among(sqlite=sqlite)
        self.keys = self.among.keys
        locking = locking and not sqlite
        t = tables
        project: Any = bindparam("project_id")
        self.projects = self._of(records.Project, self.among(t.projects.c.id), t.projects.c.deleted_at.is_(None))
        self.orders_by_id = self._of(records.Order, self.among(t.orders.c.id))
        self.orders_by_source = self._of(records.Order, t.orders.c.project_id == project, self.among(t.orders.c.source_id))
        there = t.cards.c.deleted_at.is_(None)
        self.cards_by_id = self._of(records.Card, self.among(t.cards.c.id), there)
        self.cards_by_code = self._of(records.Card, t.cards.c.project_id == project, self.among(t.cards.c.code), there)
        self.cards_of = self._of(records.Card, self.among(t.cards.c.customer_id), there)
        self.customers_by_source = select(t.customers.c.id).where(
            t.customers.c.project_id == project, self.among(t.customers.c.source_id), t.customers.c.deleted_at.is_(None)
        )
        customers = self._of(records.Customer, self.among(t.customers.c.id))
        self.customers = customers.order_by(t.customers.c.id).with_for_update() if locking else customers
        self.lots = self._of(records.Lot, self.among(t.lots.c.card_id), t.lots.c.status == "ACTIVE")
        cards_of = select(t.cards.c.id).where(self.among(t.cards.c.customer_id), there)
        self.lots_of = self._of(records.Lot, self.among.found(t.lots.c.card_id, cards_of), t.lots.c.status == "ACTIVE")
        self.memberships = self._of(records.TierMembership, self.among(t.tier_memberships.c.customer_id))
        entries = t.pending_entries.c
        self.entries_of = self._of(records.PendingEntry, self.among(entries.customer_id), text("status = 'PENDING'"))
        self.entries = self._of(records.PendingEntry, self.among(entries.id))
        self.awards = self._of(records.Award, t.awards.c.project_id == project, self.among(t.awards.c.cause_id))
        self.publications = self._of(
            records.Publication, t.publications.c.project_id == project, self.among(t.publications.c.source_id)
        )
        self.publications_of = self._of(records.Publication, self.among(t.publications.c.card_id))
        of_campaign = t.cards.c.campaign_id == bindparam("campaign_id")
        waiting = (of_campaign, t.cards.c.customer_id.is_(None), t.cards.c.active, there)
        free = self._of(records.Card, *waiting).limit(bindparam("most"))
        self.free_count = select(func.count()).where(*waiting)
        self.free_cards = free.with_for_update(skip_locked=True) if locking else free
        self.codes = taken_codes(sqlite=sqlite)
        self.documents = select(t.documents.c.kind, t.documents.c.doc).where(t.documents.c.project_id == project)
        self.earliest_expiry = select(func.min(t.lots.c.expires_on)).where(
            t.lots.c.project_id == project,
            text(f"status = 'ACTIVE' AND expires_on < '{tables.NEVER_TEXT}'"),
            t.lots.c.points > 0,
        )
        self.api_keys = self._of(records.ApiKey, t.api_keys.c.project_id == project)
        self.counters = select(t.counters.c.name, t.counters.c.n).where(self.among(t.counters.c.name))
        self.receipts = self._of(records.Receipt, self.among(t.receipts.c.id))
        self.actions = self._of(records.AsyncAction, t.async_actions.c.project_id == project, self.among(t.async_actions.c.id))
        self.exports = self._of(records.Export, t.exports.c.project_id == project, self.among(t.exports.c.id))
        fences = select(t.leases.c.name, t.leases.c.fence).where(self.among(t.leases.c.name))
        self.fences = fences.with_for_update(read=True) if locking else fences

    @staticmethod
    def _of(kind: type[records.Record], *where: ColumnElement[bool] | TextClause) -> Select[Any]:
        return select(*MAPPINGS[kind].columns).where(*where)


@cache
def _selects(*, sqlite: bool, locking: bool) -> Selects:
    return Selects(sqlite=sqlite, locking=locking)


class BookReader:
    """Reads books; with `locking`, holding their customers until the transaction ends.

    Keeps configurations in memory, each until its project's version number has moved on.
    """

    def __init__(self, *, sqlite: bool, ids: Ids, locking: bool = False) -> None:
        self._selects = _selects(sqlite=sqlite, locking=locking)
        self._ids = ids
        self._products = ProductReader(self._selects.among, self._selects.keys)
        self._configurations: dict[str, Configuration] = {}

    def configurations(self, connection: Connection, project_ids: Iterable[str]) -> dict[str, Configuration]:
        """The configurations of these projects as of this transaction; a project that is not there is left out."""
        keys = set(project_ids)
        return self._as_now(connection, keys, self._projects_later(connection, keys)())

    def _projects_later(self, connection: Connection, project_ids: set[str]) -> Callable[[], list[records.Project]]:
        return self._later(connection, records.Project, self._selects.projects, project_ids)

    def _as_now(self, connection: Connection, project_ids: set[str], projects: list[records.Project]) -> dict[str, Configuration]:
        """The configurations of projects as they are now: what is kept of them, or read again."""
        self.forget(project_ids - {project.id for project in projects})
        for project in projects:
            kept = self._configurations.get(project.id)
            if kept is None or kept.project.config_version != project.config_version:
                kept = Configuration(project, self._documents(connection, project.id))
            self._configurations[project.id] = kept if kept.project == project else kept.for_project(project)
        return {project.id: self._configurations[project.id] for project in projects}

    def forget(self, project_ids: Iterable[str]) -> None:
        """Drops what is remembered of these projects: their next book reads it afresh."""
        for project_id in project_ids:
            self._configurations.pop(project_id, None)

    def _documents(self, connection: Connection, project_id: str) -> dict[str, Document]:
        rows = connection.execute(self._selects.documents, {"project_id": project_id})
        found = [msgspec.json.decode(doc, type=KINDS[kind]) for kind, doc in rows]
        return {document.id: document for document in found}

    def receipts(self, connection: Connection, book: Book, ids: list[str]) -> None:
        """The kept answers of requests that carried an idempotency key."""
        if ids:
            for row in connection.execute(self._selects.receipts, {"keys": self._selects.keys(ids)}):
                book.keep(mapping(records.Receipt).record(row))

    def read(self, connection: Connection, commands: list[Command], along: Callable[[], None] | None = None) -> Book:
        """The book for these commands: (1) what names things, (2) the customers it leads to, locked, and all they have.

        `along` runs something else with the first statements. What is named is asked for along with the configurations, which
        say what commands need, as if those were still what is kept of them. If they are not, it is asked for once more.
        """
        book = Book()
        project_ids = {command.project_id for command in commands}
        leases = {command.fence.lease for command in commands if command.fence}
        now = {key: kept for key, kept in self._configurations.items() if key in project_ids}
        said: dict[str, Configuration] | None = None
        while now != said:
            said = now
            by_project: dict[str, list[Needs]] = {}
            for command in commands:
                if configuration := said.get(command.project_id):
                    by_project.setdefault(command.project_id, []).append(command.needs(configuration))
            with together(connection):
                if along is not None:
                    along()
                    along = None
                projects = self._projects_later(connection, project_ids)
                fences = self._rows_later(connection, self._selects.fences, leases)
                named = {key: self._named_later(connection, key, needs) for key, needs in by_project.items()}
            now = self._as_now(connection, project_ids, projects())
        book.configurations = now
        book.fences = {str(name): int(fence) for name, fence in fences()}
        people = {project_id: named[project_id](book) for project_id in sorted(named)}
        for project_id, needs in sorted(by_project.items()):  # customers are locked in one order by everybody
            self._read_project(connection, book, project_id, needs, people[project_id])
        return book

    def _read_project(self, connection: Connection, book: Book, project_id: str, needs: list[Needs], people: set[str]) -> None:
        self._read_customers(connection, book, project_id, people, needs)
        joins = [campaign for need in needs for campaign in need.joins]
        if joins:
            self._read_spare_cards(connection, book, project_id, needs)
        if counters := {name for need in needs for name in need.counters}:
            rows = all_rows(connection, self._selects.counters, {"keys": self._selects.keys(counters)})
            book.counters |= {str(name): int(n) for name, n in rows}
        if any(need.api_keys for need in needs):
            book.keep_all(self._all(connection, records.ApiKey, self._selects.api_keys, project_id=project_id))
        if actions := {key for need in needs for key in need.actions}:
            parameters = {"keys": self._selects.keys(actions), "project_id": project_id}
            book.keep_all(self._all(connection, records.AsyncAction, self._selects.actions, **parameters))
        if exports := {key for need in needs for key in need.exports}:
            parameters = {"keys": self._selects.keys(exports), "project_id": project_id}
            book.keep_all(self._all(connection, records.Export, self._selects.exports, **parameters))
        for key, (config, count) in _summed(one for need in needs for one in need.codes).items():
            book.free_codes[key] = unused_codes(config, count, self._ids.random, partial(self._taken, connection, project_id))
        if maybe_taken := {code for need in needs for code in need.maybe_taken}:
            book.taken_codes |= {(project_id, code) for code in self._taken(connection, project_id, maybe_taken)}
        if any(need.earliest_expiry for need in needs):
            found = connection.scalar(self._selects.earliest_expiry, {"project_id": project_id})
            book.earliest_expiry |= {project_id: found} if found else {}

    def _named_later(self, connection: Connection, project_id: str, needs: list[Needs]) -> Callable[[Book], set[str]]:
        """What commands name, to be put into a book when all was sent; that gives the ids of the customers it leads to."""
        s = self._selects
        orders = {key for need in needs for key in need.orders}
        cards = {key for need in needs for key in need.cards}
        people = {key for need in needs for key in need.customers}
        entries = {key for need in needs for key in need.entries}
        found: list[Callable[[], list[Any]]] = [
            self._later(connection, records.Order, s.orders_by_id, {key for key in orders if key.startswith("ord_")}),
            self._later(connection, records.Order, s.orders_by_source, orders, project_id=project_id),
            self._later(connection, records.PendingEntry, s.entries, entries),
            self._later(connection, records.Card, s.cards_by_id, cards),
            self._later(connection, records.Card, s.cards_by_code, cards, project_id=project_id),
        ]
        customers = self._rows_later(connection, s.customers_by_source, people, project_id=project_id)
        products = self._products.later(connection, project_id, needs)

        def keep(book: Book) -> set[str]:
            for read in found:
                book.keep_all(read())
            products(book)
            ids = {key for key in people if key.startswith("cust_")} | {row[0] for row in customers()}
            for order in book.orders.values():
                ids |= {person for person in (order.customer_id, order.referrer_id) if person}
            return ids | {card.customer_id for card in book.cards.values() if card.customer_id}

        return keep

    def _read_customers(self, connection: Connection, book: Book, project_id: str, ids: set[str], needs: list[Needs]) -> None:
        """The customers of these ids and what they have, and what belongs to the orders and cards in the book.

        Raises Conflict for a card that was named and is not its customer's any more: another batch was before this one, which
        waited for the customer.
        """
        s = self._selects
        named = list(book.cards.values())
        sources = {key for need in needs for key in need.publications}
        with together(connection):
            customers = self._later(connection, records.Customer, s.customers, ids)  # first, since it locks them
            cards = self._later(connection, records.Card, s.cards_of, ids)
            memberships = self._later(connection, records.TierMembership, s.memberships, ids)
            lots = self._later(connection, records.Lot, s.lots_of, ids)
            nobodys = self._later(connection, records.Lot, s.lots, {card.id for card in named if not card.customer_id})
            awards = self._later(connection, records.Award, s.awards, set(book.orders), project_id=project_id)
            publications = self._later(connection, records.Publication, s.publications, sources, project_id=project_id)
        held = cards()
        if {card.id for card in named if card.customer_id in ids} - {card.id for card in held}:
            raise Conflict
        book.keep_all([*customers(), *held, *memberships(), *lots(), *nobodys()])
        for kept in (*awards(), *publications()):
            book.keep(kept)
        if any(need.publications_of_cards for need in needs) and book.cards:
            for publication in self._all(connection, records.Publication, s.publications_of, keys=s.keys(book.cards)):
                book.keep(publication)
        if any(card.pending_points for card in book.cards.values()):
            book.keep_all(self._all(connection, records.PendingEntry, s.entries_of, keys=s.keys(ids)))
        if waiting := {entry.order_id for entry in book.entries.values()} - book.orders.keys():
            book.keep_all(self._all(connection, records.Order, s.orders_by_id, keys=s.keys(waiting)))

    def _read_spare_cards(self, connection: Connection, book: Book, project_id: str, needs: list[Needs]) -> None:
        """Cards that wait, and codes nobody has, for those who may join in this batch and are no members yet."""
        wanted: dict[str, int] = {}
        for need in needs:
            people = {book.customer_ids.get((project_id, key), key) for key in need.customers}
            people |= {
                order.customer_id for key in need.orders if (order := book.order_of(project_id, key)) and order.customer_id
            }
            held = [book.cards_of.get(person, {}) for person in people]
            for campaign_id in need.joins:
                if not held or any(campaign_id not in cards for cards in held):
                    wanted[campaign_id] = wanted.get(campaign_id, 0) + 1
        for campaign_id, most in wanted.items():
            parameters = {"campaign_id": campaign_id, "most": most}
            free = self._all(connection, records.Card, self._selects.free_cards, **parameters)
            book.keep_all(free)
            book.free_cards[campaign_id] = [card.id for card in free]
            campaign = book.configurations[project_id].campaign(campaign_id)
            missing = most - len(free)
            if missing and campaign is not None and campaign.type == "AUTO_UPDATE":
                codes = book.free_codes[campaign_id] = self._unused(connection, project_id, campaign.code_config, missing)
                missing -= len(codes)
            if missing > 0 and not self._is_more_waiting(connection, campaign_id, len(free)):
                book.whole_supplies.add(campaign_id)

    def _is_more_waiting(self, connection: Connection, campaign_id: str, read: int) -> bool:
        """Whether more cards wait than could be read, because another worker's transaction holds them at the moment."""
        waiting = connection.scalar(self._selects.free_count, {"campaign_id": campaign_id})
        return waiting is not None and waiting > read

    def _unused(self, connection: Connection, project_id: str, config: CodeConfig, most: int) -> list[str]:
        draws = most * SPARE_CODES if space(config) > SMALL_SPACE else max(most * SPARE_CODES, 4 * space(config))
        candidates = list(dict.fromkeys(make_code(config, self._ids.random) for _ in range(draws)))
        taken = self._taken(connection, project_id, candidates)
        return [code for code in candidates if code not in taken]

    def _taken(self, connection: Connection, project_id: str, codes: Iterable[str]) -> set[str]:
        """Which of these codes a card of the project has."""
        return set(all_values(connection, self._selects.codes, {"keys": self._selects.keys(codes), "project_id": project_id}))

    def _later(
        self, connection: Connection, kind: type[R], statement: Select[Any], keys: set[str], **parameters: Any
    ) -> Callable[[], list[R]]:
        """The records that a statement has for these keys, to be asked when all that is done `together` was sent."""
        make = mapping(kind).record
        rows = self._rows_later(connection, statement, keys, **parameters)
        return lambda: [make(row) for row in rows()]

    def _rows_later(
        self, connection: Connection, statement: Select[Any], keys: set[str], **parameters: Any
    ) -> Callable[[], Sequence[Any]]:
        if not keys:
            return tuple
        return rows_later(connection, statement, {"keys": self._selects.keys(keys), **parameters})

    @staticmethod
    def _all(connection: Connection, kind: type[R], statement: Select[Any], **parameters: Any) -> list[R]:
        make = mapping(kind).record
        return [make(row) for row in all_rows(connection, statement, parameters)]
