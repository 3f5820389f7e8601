"""What was measured: one struct per run, medians over the runs that count, ratios to pgbench, tables and JSON."""

import statistics
from collections.abc import Callable, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.workload import STAGES


class Profile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where the time of an order goes, in microseconds: as the server's own counters say, and all CPU of its processes.

    Stages that run side by side, and those that wait (commit, send), may add up to more than the CPU.
    """

    orders: int
    stages: dict[str, float] = {}
    cpu: float


def per_order(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Microseconds per order of each stage, between two readings of the server's counters."""
    orders = after.get("orders", 0.0) - before.get("orders", 0.0)
    if orders <= 0:
        return {}
    return {stage: 1e6 * (after[stage] - before.get(stage, 0.0)) / orders for stage in STAGES if stage in after}


class Run(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run on a fresh database. Rates are orders per second; `faults` says why the run does not count, if it does not."""

    pgbench: float | None = None
    accepted: float
    sustained: float
    events_per_order: float
    memory_mb: float
    profile: Profile
    open_rate: int | None = None
    answer_p50_ms: float | None = None
    answer_p99_ms: float | None = None
    webhook_p50_ms: float | None = None
    webhook_p99_ms: float | None = None
    faults: list[str] = []


class Goal(msgspec.Struct, frozen=True):
    """A figure, how it is read off a run, what it must be, and whether it must not exceed that (or not fall below)."""

    name: str
    of: Callable[[Run], float | None]
    must: float | None = None
    at_most: bool = False
    digits: int = 0

    def met(self, value: float | None) -> bool | None:
        """Whether the figure is good enough; None when there is no figure, or no goal."""
        if value is None or self.must is None:
            return None
        return value <= self.must if self.at_most else value >= self.must


def per_pgbench(value: float, run: Run) -> float | None:
    """A rate as a part of what pgbench reached beside that run."""
    return value / run.pgbench if run.pgbench else None


GOALS = {
    "pgbench_tps": Goal("pgbench, transactions/s", lambda run: run.pgbench),
    "accepted": Goal("accepted, orders/s", lambda run: run.accepted),
    "accepted_ratio": Goal("accepted ÷ pgbench", lambda run: per_pgbench(run.accepted, run), 0.30, digits=2),
    "sustained": Goal("sustained, orders/s", lambda run: run.sustained),
    "sustained_ratio": Goal("sustained ÷ pgbench", lambda run: per_pgbench(run.sustained, run), 0.12, digits=2),
    "answer_p50_ms": Goal("open loop: answer p50, ms", lambda run: run.answer_p50_ms, digits=1),
    "answer_p99_ms": Goal("open loop: answer p99, ms", lambda run: run.answer_p99_ms, 25, at_most=True, digits=1),
    "webhook_p50_ms": Goal("open loop: last webhook p50, ms", lambda run: run.webhook_p50_ms, digits=1),
    "webhook_p99_ms": Goal("open loop: last webhook p99, ms", lambda run: run.webhook_p99_ms, 250, at_most=True, digits=1),
    "memory_mb": Goal("resident memory, MB", lambda run: run.memory_mb, 300, at_most=True),
    "events_per_order": Goal("webhooks per order", lambda run: run.events_per_order, digits=1),
    "cpu_us_per_order": Goal("CPU per order, µs", lambda run: run.profile.cpu),
}
"""The figures in the order they are shown; the goals are those of the design's table."""


class Report(msgspec.Struct, kw_only=True):
    """All runs of one measurement."""

    database: str
    seconds: int
    workers: int
    runs: list[Run]
    notes: list[str] = []

    @property
    def counted(self) -> list[Run]:
        """The runs without a fault."""
        return [run for run in self.runs if not run.faults]

    def medians(self) -> dict[str, float | None]:
        """Each figure's median over the runs that count; None where none has it. A ratio's is that of the runs' ratios."""
        return {key: median([goal.of(run) for run in self.counted]) for key, goal in GOALS.items()}

    def stages(self) -> dict[str, float]:
        """Microseconds per order of each stage, the median over the runs that count."""
        found = {stage: median([run.profile.stages.get(stage) for run in self.counted]) for stage in STAGES}
        return {stage: value for stage, value in found.items() if value is not None}

    def json(self) -> bytes:
        """The whole report as one JSON object."""
        medians = self.medians()
        document = {
            "database": self.database,
            "seconds": self.seconds,
            "workers": self.workers,
            "counted": len(self.counted),
            "median": medians,
            "met": {key: goal.met(medians[key]) for key, goal in GOALS.items() if goal.must is not None},
            "stages_us": self.stages(),
            "notes": self.notes,
            "runs": self.runs,
        }
        return msgspec.json.encode(document)


def median(values: Sequence[float | None]) -> float | None:
    """The median of those that are there."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def number(value: float | None, digits: int) -> str:
    """A figure as text, with a thin space between thousands."""
    return "–" if value is None else f"{value:,.{digits}f}".replace(",", "\u2009")


def show_faults(faults: Sequence[str], console: Console, run: str = "") -> None:
    """Print why a run does not count; nothing when it does."""
    for fault in faults:
        console.print(f"[red]{run}does not count:[/red] {escape(fault)}", highlight=False)


def show(report: Report, console: Console) -> None:
    """Print the figures, where the time goes, and which runs do not count."""
    console.print(figures(report))
    if report.stages():
        console.print(profile_table(report))
    for index, run in enumerate(report.runs, 1):
        show_faults(run.faults, console, f"run {index} ")
    for note in report.notes:
        console.print(note, highlight=False)


def figures(report: Report) -> Table:
    """Each figure, what it must be, and its spread over the runs that count."""
    workers = f", {report.workers} workers" if report.workers > 1 else ""
    title = f"{report.database}{workers}: {len(report.counted)} of {len(report.runs)} runs of {report.seconds} s count"
    table = Table("figure", title=title, title_justify="left")
    for heading in ("median", "least", "most", "must"):
        table.add_column(heading, justify="right")
    for key, value in report.medians().items():
        goal = GOALS[key]
        values = [found for run in report.counted if (found := goal.of(run)) is not None]
        colour = {True: "green", False: "red", None: "default"}[goal.met(value)]
        sign = "≤" if goal.at_most else "≥"
        must = "" if goal.must is None else f"{sign} {goal.must:g}"
        spread = [number(edge(values), goal.digits) if values else "–" for edge in (min, max)]
        table.add_row(goal.name, f"[{colour}]{number(value, goal.digits)}[/]", *spread, must)
    return table


def profile_table(report: Report) -> Table:
    """Microseconds per order of each stage."""
    table = Table("stage", title="where an order's time goes", title_justify="left")
    table.add_column("µs per order", justify="right")
    stages = report.stages()
    for stage, value in stages.items():
        table.add_row(stage, number(value, 1))
    table.add_section()
    table.add_row("all stages", number(sum(stages.values()), 1))
    table.add_row("CPU of all processes", number(median([run.profile.cpu for run in report.counted]), 1))
    return table
