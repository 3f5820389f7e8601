"""Settle on touch: brings a customer up to today, in the documented order, before anything else is decided (DESIGN 2)."""

from datetime import UTC, date, datetime, time

from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import local_date
from tallybook.ids import Ids
from tallybook.usecases.book import Book
from tallybook.usecases.command import Actor, Command, Needs
from tallybook.usecases.page import Page
from tallybook.usecases.pending_points import activate_entry, cancel_entry

INTERNAL = Actor(channel="INTERNAL")


def first_due_day(book: Book, configuration: Configuration, customer_id: str, now: datetime) -> date | None:
    """The earliest local day, not after today, on which something of this customer is due; None when all is settled."""
    today = local_date(now, configuration.zone)
    waiting = [entry.activates_on for entry in book.entries_of.get(customer_id, {}).values() if entry.status == "PENDING"]
    first = min(waiting, default=None)
    return first if first is not None and first <= today else None


def midnight(day: date, configuration: Configuration) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(), configuration.zone)


def settle_day(page: Page, customer_id: str, day: date) -> None:
    """What is due for a customer by this day: pending points become points; those of a deleted campaign are canceled."""
    for entry in page.waiting_entries(customer_id):
        if entry.activates_on > day:
            continue
        if page.configuration.campaign(entry.campaign_id) is None:
            cancel_entry(page, entry, page.tick(), "AUTOMATIC")
        else:
            activate_entry(page, entry, page.tick(), "AUTOMATIC")


class SettleCustomer(Command, frozen=True, kw_only=True):
    """Touch a customer, so that the engine settles: what the sweep sends for those whom nobody else touched."""

    customer_id: str
    actor: Actor = INTERNAL

    def needs(self, configuration: Configuration) -> Needs:
        """The customer with everything."""
        return Needs(customers=(self.customer_id,))

    def decide(self, page: Page) -> None:
        """Nothing more: the engine settled whom this command touches."""


def settle_all(book: Book, project_id: str, ids: Ids, now: datetime, real_now: datetime) -> None:
    """Brings every customer of the book up to today, day by day, each day an occurrence of its own at its midnight.

    Done once for a batch, and again when the project's day changes in it. An entry that was read without its customer, because
    somebody named it for a card that is not its own, is left to whoever touches that customer.
    """
    today = local_date(now, book.configurations[project_id].zone)
    if book.settled_on.get(project_id) == today:
        return
    book.settled_on[project_id] = today
    own = [customer.id for customer in book.customers.values() if customer.project_id == project_id]
    for customer_id in sorted(own):
        while day := first_due_day(book, book.configurations[project_id], customer_id, now):
            configuration = book.configurations[project_id]
            at = max(midnight(day, configuration).astimezone(UTC), _last_change(book, customer_id))
            page = Page(book, configuration, ids, min(at, now), real_now, INTERNAL)
            settle_day(page, customer_id, day)
            page.close()
            page.merge()


def _last_change(book: Book, customer_id: str) -> datetime:
    """When the customer's cards were last changed: what is settled now must not seem to have been before that."""
    cards = [book.cards[card_id] for card_id in book.cards_of.get(customer_id, {}).values()]
    return max((card.updated_at or card.created_at for card in cards), default=datetime.min.replace(tzinfo=UTC))
