"""`python -m bench`: one short run on SQLite beside pgbench; the commands measure one thing each, at length."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Protocol, TypeVar

import msgspec
import typer
from rich.console import Console

from bench import aged as books
from bench import baseline as plain
from bench import generation as cards
from bench import rest as idle
from bench.ageing import ORDERS, sqlite_copy
from bench.load import Tally, join_members, percentile, send_orders
from bench.pgbench import Cluster, NotInstalled
from bench.receiver import Count, Receiver
from bench.report import Profile, Report, Run, per_order, show
from bench.workload import (
    RULES,
    MemoryWatch,
    Server,
    cpu_seconds,
    open_shop,
    order_number,
    stage_seconds,
    subscribe,
    tree,
)

WARM_UP = 500
"""Orders before the measured ones: connections are open, statements prepared, pages cached."""

PAID, TRANSACTION = "customer.order.paid", "voucher.loyalty_card.transaction.created"

progress = Console(stderr=True)


class Database(StrEnum):
    """Where Tallybook keeps its books in the run."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `rate` is that of the open loop, in orders per second; 0 leaves it out. `beside`: run pgbench too."""

    database: Database
    seconds: int
    runs: int = 1
    workers: int = 1
    rate: int = 500
    beside: bool = True
    program: str = "tallybook"
    quiet: bool = False


class Bench:
    """One run's server and receiver, from an empty database to proved books."""

    def __init__(self, server: Server, receiver: Receiver, say: Callable[[str], None]) -> None:
        self._server = server
        self._receiver = receiver
        self._say = say
        self._sent = 0
        self._paid = 0
        self.faults: list[str] = []

    def open(self) -> None:
        """The shop, its members, its webhook, and the warm-up."""
        members = open_shop(self._server)
        self._say("members join")
        self.faults += join_members(self._server, members).faults
        subscribe(self._server, self._receiver.url)
        self.send(seconds=60, count=WARM_UP)
        self.drain()

    def send(self, *, seconds: float, count: int | None = None, rate: int | None = None) -> Tally:
        """Send orders, none twice."""
        tally = send_orders(self._server, first=self._sent, seconds=seconds, count=count, rate=rate)
        self.faults += tally.faults
        self._sent += tally.sent
        self._paid += tally.answered
        return tally

    def drain(self) -> Count:
        """Wait until each award's webhook has arrived and no other is on its way; notes a fault when they stop coming."""
        count = self._receiver.drained(lambda count: self._missing(count) <= 0)
        if self._missing(count) > 0:
            self.faults.append(f"{self._missing(count)} webhooks never arrived")
        return count

    def closed_loop(self, seconds: int) -> tuple[Tally, Count, Profile, float]:
        """Accepted and sustained: orders as fast as they are answered; what arrived; the profile; webhooks per order."""
        self._say("closed loop, 64 connections")
        before, stages, cpu = self._receiver.count(), self._stages(), cpu_seconds(tree(self._server.pid))
        tally = self.send(seconds=seconds)
        after = self.drain()
        profile = Profile(
            orders=tally.answered,
            stages=per_order(stages, self._stages()),
            cpu=1e6 * (cpu_seconds(tree(self._server.pid)) - cpu) / max(tally.answered, 1),
        )
        return tally, after, profile, (after.total - before.total) / max(tally.answered, 1)

    def open_loop(self, seconds: int, rate: int, run: Run) -> None:
        """Latencies at a fixed rate: of the answers, and of the last webhook of each order, both since the order was due."""
        self._say(f"open loop, {rate}/s")
        tally = self.send(seconds=seconds, rate=rate)
        self.drain()
        last_at = {order_number(order): at for order, at in self._receiver.trace().items()}
        lags = sorted(last_at[number] - due for number, due in tally.due.items() if number in last_at)
        if len(lags) < len(tally.due):
            self.faults.append(f"{len(tally.due) - len(lags)} orders of the open loop had no webhook")
        run.open_rate, run.answer_p50_ms, run.answer_p99_ms = rate, tally.p50_ms, tally.p99_ms
        run.webhook_p50_ms, run.webhook_p99_ms = 1000 * percentile(lags, 0.5), 1000 * percentile(lags, 0.99)

    def check_awards(self) -> None:
        """Each order must have been awarded by each rule, once."""
        awards = self._receiver.count().events.get(TRANSACTION, 0)
        if awards != self._paid * RULES:
            self.faults.append(f"{awards} awards for {self._paid} paid orders and {RULES} rules")

    def _missing(self, count: Count) -> int:
        """How many webhooks of the paid orders have not arrived."""
        return self._paid * (RULES + 1) - count.events.get(TRANSACTION, 0) - count.events.get(PAID, 0)

    def _stages(self) -> dict[str, float]:
        """The server's counters; nothing of several workers, of whom each answers with its own."""
        return stage_seconds(self._server.metrics()) if self._server.workers == 1 else {}


def measure(options: Options, url: str, log: Path) -> Run:
    """One run on the empty database at `url`."""
    server, say = Server(url, options.workers, log, options.program), speaker(options.quiet)
    with Receiver() as receiver, server, MemoryWatch(server.pid) as memory:
        bench = Bench(server, receiver, say)
        bench.open()
        tally, arrived, profile, events = bench.closed_loop(options.seconds)
        run = Run(
            accepted=tally.per_second,
            sustained=tally.answered / (max(arrived.last_at, tally.ended_at) - tally.started_at),
            events_per_order=events,
            memory_mb=0.0,
            profile=profile,
        )
        if options.rate:
            bench.open_loop(options.seconds, options.rate, run)
        bench.check_awards()
    run.memory_mb = memory.peak_mb
    say("verify")
    found = server.verify()
    run.faults = bench.faults + ([found] if found else [])
    return run


def measure_all(options: Options) -> Report:
    """All runs, each on a fresh database and beside a run of pgbench, so that both see the same minutes of the machine."""
    report = Report(database=options.database, seconds=options.seconds, workers=options.workers, runs=[])
    with databases(options, report.notes) as (fresh, cluster, home):
        for index in range(options.runs):
            if not options.quiet:
                progress.print(f"run {index + 1} of {options.runs}", highlight=False)
            tps = cluster.tps(options.seconds) if cluster and options.beside else None
            run = measure(options, fresh(index), home / f"server-{index}.log")
            run.pgbench = tps
            report.runs.append(run)
    return report


@contextmanager
def databases(options: Options, notes: list[str]) -> Iterator[tuple[Callable[[int], str], Cluster | None, Path]]:
    """What makes empty databases, the PostgreSQL that they are in, and a directory; all deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix="tallybook-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        cluster = open_cluster(stack, options, notes)
        yield partial(fresh_database, options, cluster, home), cluster, home


def open_cluster(stack: ExitStack, options: Options, notes: list[str]) -> Cluster | None:
    """PostgreSQL, with pgbench's tables if asked for; None where SQLite can do without, noted if that costs the ratios."""
    if options.database is Database.SQLITE and not options.beside:
        return None
    try:
        cluster = stack.enter_context(Cluster())
    except NotInstalled:
        if options.database is Database.POSTGRESQL:
            raise
        notes.append("PostgreSQL's programs were not found: no pgbench, no ratios.")
        return None
    if options.beside:
        speaker(options.quiet)("pgbench: filling its tables")
        cluster.fill()
    return cluster


def fresh_database(options: Options, cluster: Cluster | None, home: Path, index: int) -> str:
    """The URL of an empty database; the one of the run before is deleted."""
    if options.database is Database.SQLITE:
        for old in home.glob("tallybook-*.db*"):
            old.unlink()
        return f"sqlite:///{home}/tallybook-{index}.db"
    assert cluster is not None
    if index:
        cluster.drop(f"tallybook_{index - 1}")
    return cluster.database(f"tallybook_{index}")


app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on the standard output, nothing else.")]
OnDatabase = Annotated[Database, typer.Option(help="Where the books are kept.")]
Seconds = Annotated[int, typer.Option(min=1, help="Length of each measurement.")]
Pairs = Annotated[int, typer.Option(min=1, help="Runs of each, in turns.")]
Workers = Annotated[int, typer.Option(min=1, help="Server processes; more than one needs PostgreSQL.")]


def finish(report: Report, as_json: bool) -> None:
    """Print the report; exit 1 when no run counts, or one does not."""
    if as_json:
        sys.stdout.buffer.write(report.json() + b"\n")
    else:
        show(report, Console())
    if len(report.counted) < len(report.runs):
        raise typer.Exit(1)


@contextmanager
def empty_database(database: Database, quiet: bool) -> Iterator[tuple[str, Cluster | None, Path]]:
    """The URL of an empty database, the PostgreSQL that it is in, and a directory; all deleted afterwards."""
    with databases(Options(database=database, seconds=0, beside=False, quiet=quiet), []) as (fresh, cluster, home):
        yield fresh(0), cluster, home


class Figure(Protocol):
    """What a measurement of its own kind comes to."""

    @property
    def ok(self) -> bool:
        """Whether it counts."""

    def json(self) -> bytes:
        """One JSON object."""


AnyFigure = TypeVar("AnyFigure", bound=Figure)


def tell(result: AnyFigure, show_it: Callable[[AnyFigure, Console], None], as_json: bool) -> None:
    """Print the result; exit 1 when it does not count."""
    if as_json:
        sys.stdout.buffer.write(result.json() + b"\n")
    else:
        show_it(result, Console())
    if not result.ok:
        raise typer.Exit(1)


def speaker(quiet: bool) -> Callable[[str], None]:
    """Says what is being done, unless told to be quiet."""
    return lambda what: None if quiet else progress.print(f"[dim]{what}[/dim]", highlight=False)


@app.callback(invoke_without_command=True)
def short(context: typer.Context, as_json: AsJson = False) -> None:
    """One run of 5 s of everything on SQLite, beside 5 s of pgbench: under 90 seconds where 500 orders/s leave no backlog."""
    if context.invoked_subcommand is None:
        finish(measure_all(Options(database=Database.SQLITE, seconds=5, quiet=as_json)), as_json)


@app.command()
def orders(
    database: OnDatabase = Database.SQLITE,
    seconds: Seconds = 10,
    runs: Annotated[int, typer.Option(min=1, help="Runs, each beside one of pgbench; medians are shown.")] = 5,
    workers: Workers = 1,
    rate: Annotated[int, typer.Option(min=0, help="Orders per second of the open loop; 0 leaves it out.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Paid orders: accepted and sustained per second, latencies at a fixed rate, memory; against pgbench."""
    if workers > 1 and database is Database.SQLITE:
        raise typer.BadParameter("SQLite has one engine; --workers needs --database postgresql")
    options = Options(database=database, seconds=seconds, runs=runs, workers=workers, rate=rate, quiet=as_json)
    finish(measure_all(options), as_json)


@app.command()
def delivery(database: OnDatabase = Database.SQLITE, seconds: Seconds = 10, pairs: Pairs = 3) -> None:
    """Delivery as a process of its own beside delivery as a thread: accepted and sustained, in turns; medians and ratios."""
    programs = ("tallybook", "bench.delivery_thread")
    measured: dict[str, list[Run]] = {program: [] for program in programs}
    for _ in range(pairs):
        for program in programs:
            options = Options(database=database, seconds=seconds, rate=0, beside=False, program=program)
            measured[program] += measure_all(options).counted
    table = {
        figure: [median(getattr(run, figure) for run in measured[program]) for program in programs]
        for figure in ("accepted", "sustained")
    }
    for figure, (process, thread) in table.items():
        print(f"{figure}: process {process:,.0f}/s, thread {thread:,.0f}/s, ratio {process / thread:.2f}")


@app.command()
def profile(database: OnDatabase = Database.SQLITE, seconds: Seconds = 10, as_json: AsJson = False) -> None:
    """Where the time of an order goes, in microseconds per stage, from one closed-loop run."""
    report = measure_all(Options(database=database, seconds=seconds, rate=0, beside=False, quiet=as_json))
    if not any(run.profile.stages for run in report.runs):
        report.notes.append("The server's /metrics has no tallybook_stage_seconds_total: no stages to show.")
    finish(report, as_json)


@app.command()
def generation(
    database: OnDatabase = Database.SQLITE,
    seconds: Seconds = 10,
    turns: Annotated[int, typer.Option(min=1, help="Each measures orders without cards being made, then with.")] = 3,
    rate: Annotated[int, typer.Option(min=1, help="Orders per second.")] = 300,
    as_json: AsJson = False,
) -> None:
    """What the making of 100,000 cards costs the orders: p99 while it goes on ÷ without it."""
    with empty_database(database, as_json) as (url, _cluster, home):
        result = cards.measure(url, home / "server.log", rate=rate, seconds=seconds, turns=turns)
    tell(result, cards.show, as_json)


@app.command()
def aged(
    database: OnDatabase = Database.SQLITE,
    orders: Annotated[int, typer.Option(min=2 * ORDERS, max=100 * ORDERS, help="Orders of the old book, in ten thousands.")] = (
        100 * ORDERS
    ),
    seconds: Seconds = 3,
    turns: Annotated[int, typer.Option(min=1, help="Each measures the young book and the old one.")] = 9,
    verify: Annotated[bool, typer.Option(help="Prove both books at the end: minutes, for a million orders.")] = True,
    as_json: AsJson = False,
) -> None:
    """Whether a book slows down with age: accepted orders/s on a million orders ÷ on ten thousand."""
    if orders % ORDERS:
        raise typer.BadParameter(f"--orders must be a multiple of {ORDERS}")
    with empty_database(database, as_json) as (url, cluster, home):

        def copy() -> str:
            return (
                cluster.copy("old", of=url.rsplit("/", 1)[1])
                if cluster
                else sqlite_copy(home / "old.db", of=Path(url.removeprefix("sqlite:///")))
            )

        result = books.measure(
            url, copy, home / "server.log", orders=orders, seconds=seconds, turns=turns, verify=verify, say=speaker(as_json)
        )
    tell(result, books.show, as_json)


@app.command()
def rest(database: OnDatabase = Database.SQLITE, seconds: Seconds = 30, as_json: AsJson = False) -> None:
    """What a server costs that has nothing to do: CPU with 10,000 send-outs waiting for tomorrow."""
    with empty_database(database, as_json) as (url, _cluster, home):
        result = idle.measure(url, home / "server.log", seconds=seconds, say=speaker(as_json))
    tell(result, idle.show, as_json)


@app.command()
def baseline(
    database: OnDatabase = Database.SQLITE,
    seconds: Seconds = 10,
    runs: Pairs = 3,
    send_outs: Annotated[
        bool, typer.Option("--send-outs", help="Tallybook has a webhook that is switched off: it writes send-outs too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tallybook beside a plain FastAPI and SQLAlchemy service: orders/s and p99 of both, in turns, and their ratio."""
    options = Options(database=database, seconds=seconds, beside=False, quiet=as_json)
    with databases(options, []) as (fresh, _cluster, home):
        result = plain.measure(fresh, home / "server.log", seconds=seconds, runs=runs, send_outs=send_outs, say=speaker(as_json))
    tell(result, plain.show, as_json)


@app.command()
def pgbench(seconds: Seconds = 10, as_json: AsJson = False) -> None:
    """Only the measure: pgbench's transactions per second on this machine."""
    with Cluster() as cluster:
        cluster.fill()
        tps = cluster.tps(seconds)
    print(msgspec.json.encode({"pgbench_tps": tps}).decode() if as_json else f"pgbench: {tps:,.0f} transactions/s")


def main() -> None:
    """Run the command; what could not be started is said without a traceback."""
    try:
        app()
    except (NotInstalled, RuntimeError) as failure:
        progress.print(str(failure) or failure.__doc__, style="red", highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
