"""Whether a book slows down with age: accepted orders per second on a million orders ÷ on ten thousand, in turns.

Two servers with a database each; the old book is a copy of the young one, made old by `bench.ageing`. Closed loop over 64
connections, no webhook. The old book is measured twice: with orders of ten thousand of its members, the workload of all figures,
and with orders of all its members, a hundred times as many, whose rows lie as far apart as rows of so many people do.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.ageing import ORDERS, age
from bench.load import join_members, send_orders
from bench.report import show_faults
from bench.workload import CUSTOMERS, Server, cpu_seconds, open_shop, tree

MUST, AIM = 0.9, 1.0
"""The design's table: the least that the ratio may be, and what it should be."""
WARM_UP = 1_000
"""Orders of each server before the first turn."""
GIVE_UP_SECONDS = 600
"""Members or orders that take longer to be made are given up."""


class Speed(msgspec.Struct, kw_only=True):
    """Accepted orders per second, and the microseconds of CPU that the server took for each."""

    rate: float
    cpu: float


class Turn(msgspec.Struct, kw_only=True):
    """The young book, the old one with orders of as many members, and the old one with orders of all of its members."""

    young: Speed
    old: Speed
    all_members: Speed

    @property
    def ratio(self) -> float:
        """What of its speed the old book has kept."""
        return self.old.rate / self.young.rate

    @property
    def cpu_ratio(self) -> float:
        """How much more CPU an order takes: of little use where disks are slow, but others on the machine disturb it less."""
        return self.old.cpu / self.young.cpu

    @property
    def ratio_of_all(self) -> float:
        """The same as `ratio`, with orders of all members."""
        return self.all_members.rate / self.young.rate


class Result(msgspec.Struct, kw_only=True):
    """All turns of one run; how many orders each book had in the end. `faults` says why it does not count, if it does not."""

    database: str
    orders: int
    young_orders: int
    old_orders: int
    making_seconds: float
    verify_seconds: float | None
    turns: list[Turn]
    faults: list[str]

    @property
    def ratio(self) -> float:
        """The median of the turns' ratios."""
        return statistics.median(turn.ratio for turn in self.turns)

    @property
    def cpu_ratio(self) -> float:
        """The median of the turns' ratios of CPU per order."""
        return statistics.median(turn.cpu_ratio for turn in self.turns)

    @property
    def ratio_of_all(self) -> float:
        """The median of the turns' ratios, with orders of all members."""
        return statistics.median(turn.ratio_of_all for turn in self.turns)

    @property
    def ok(self) -> bool:
        """Whether the run counts."""
        return not self.faults

    def json(self) -> bytes:
        """The result as one JSON object."""
        figures = {"ratio": self.ratio, "ratio_of_all": self.ratio_of_all, "must": MUST, "aim": AIM, "met": self.ratio >= MUST}
        return msgspec.json.encode(figures | msgspec.to_builtins(self))


class Book:
    """A server whose book has so many orders, of `members` who are numbered from 0."""

    def __init__(self, server: Server, orders: int) -> None:
        self.server = server
        self.orders = orders
        self.faults: list[str] = []
        self.members = orders // ORDERS * CUSTOMERS

    def accept(self, seconds: float, count: int | None = None, members: int = CUSTOMERS) -> Speed:
        """Orders of the first so many members, as fast as they are answered, none twice."""
        processes = tree(self.server.pid)
        before = cpu_seconds(processes)
        tally = send_orders(self.server, first=self.orders, customers=members, seconds=seconds, count=count)
        self.orders += tally.sent
        self.faults += tally.faults
        used = cpu_seconds(processes) - before
        return Speed(rate=tally.per_second, cpu=1e6 * used / max(tally.answered, 1))


def fill(server: Server) -> list[str]:
    """The shop, its members, and the first ten thousand orders, through the API; what went wrong."""
    with server:
        joined = join_members(server, open_shop(server), seconds=GIVE_UP_SECONDS)
        sent = send_orders(server, seconds=GIVE_UP_SECONDS, count=ORDERS)
    return joined.faults + sent.faults


def measure(
    url: str,
    copy: Callable[[], str],
    log: Path,
    *,
    orders: int,
    seconds: int,
    turns: int,
    verify: bool,
    say: Callable[[str], None],
) -> Result:
    """So many turns on the empty database at `url` and the copy of it that `copy` makes once it has been filled."""
    server = Server(url, 1, log)
    say("young book: members, orders")
    faults = fill(server)
    say("old book")
    began = time.monotonic()
    old_url = copy()
    age(old_url, orders // ORDERS - 1, say)
    making = time.monotonic() - began
    young, old = Book(server, ORDERS), Book(server.twin(old_url, log.with_suffix(".old.log")), orders)
    done = take_turns(young, old, seconds, turns, say)
    began = time.monotonic()
    faults += young.faults + old.faults + (prove([young, old], say) if verify else [])
    return Result(
        database=url.partition(":")[0],
        orders=orders,
        young_orders=young.orders,
        old_orders=old.orders,
        making_seconds=making,
        verify_seconds=time.monotonic() - began if verify else None,
        turns=done,
        faults=faults,
    )


def take_turns(young: Book, old: Book, seconds: int, turns: int, say: Callable[[str], None]) -> list[Turn]:
    """Both servers are up all the time; who is first changes from turn to turn."""
    done = []
    with young.server, old.server:
        for book in (young, old):
            book.accept(GIVE_UP_SECONDS, WARM_UP)
        for number in range(turns):
            say(f"turn {number + 1} of {turns}")
            order = (young, old) if number % 2 == 0 else (old, young)
            measured = {book: book.accept(seconds) for book in order}
            of_all = old.accept(seconds, members=old.members)
            done.append(Turn(young=measured[young], old=measured[old], all_members=of_all))
    return done


def prove(books: list[Book], say: Callable[[str], None]) -> list[str]:
    """What `tallybook verify` finds in the stopped servers' books."""
    say("verify")
    return [found for book in books if (found := book.server.verify())]


def show(result: Result, console: Console) -> None:
    """Print the turns and the ratio."""
    title = f"{result.database}, closed loop, no webhook: accepted orders/s, µs of CPU per order"
    table = Table("turn", title=title, title_justify="left")
    for heading in (f"{ORDERS:,}", f"{result.orders:,}", "ratio", "CPU", "CPU", "ratio", "all", "ratio"):
        table.add_column(heading, justify="right")
    for number, turn in enumerate(result.turns, 1):
        rates = f"{turn.young.rate:,.0f}", f"{turn.old.rate:,.0f}", f"{turn.ratio:.2f}"
        used = f"{turn.young.cpu:,.0f}", f"{turn.old.cpu:,.0f}", f"{turn.cpu_ratio:.2f}"
        table.add_row(str(number), *rates, *used, f"{turn.all_members.rate:,.0f}", f"{turn.ratio_of_all:.2f}")
    ratio = f"[{'green' if result.ratio >= MUST else 'red'}]{result.ratio:.2f}[/]"
    table.add_section()
    table.add_row("median", "", f"≥ {MUST:g}?", ratio, "", "", f"{result.cpu_ratio:.2f}", "", f"{result.ratio_of_all:.2f}")
    console.print(table)
    proved = "not verified" if result.verify_seconds is None else f"verified in {result.verify_seconds:.0f} s"
    console.print(
        f"[dim]on {ORDERS:,} orders, on {result.orders:,} with as many members, and there with all members; "
        f"orders in the end: {result.young_orders:,} and {result.old_orders:,}; the old book was made in "
        f"{result.making_seconds:.0f} s; both {proved}[/dim]",
        highlight=False,
    )
    show_faults(result.faults, console)
