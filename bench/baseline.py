"""Tallybook beside what a developer would write in a week: the same orders, in turns, each on a fresh database.

Neither sends anything. Every order of the warm-up is sent twice, and must have been awarded once.
"""

import statistics
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, text

from bench.load import Tally, join_members, send_orders
from bench.report import show_faults
from bench.workload import RULES, Server, open_shop, subscribe_in_vain

WARM_UP = 200
WARM_UP_SECONDS = 60

TALLYBOOK, BASELINE = "tallybook", "bench.baseline_app"
NAMES = {TALLYBOOK: "Tallybook", BASELINE: "baseline"}


class Turn(msgspec.Struct, kw_only=True):
    """One of the two, measured once: orders per second, and how long the answers took in ms."""

    program: str
    per_second: float
    p50_ms: float
    p99_ms: float
    faults: list[str]


class Result(msgspec.Struct, kw_only=True):
    """All turns of one run, those of a pair one after the other. A pair counts when both of its turns have no fault."""

    database: str
    seconds: int
    send_outs: bool
    pairs: list[dict[str, Turn]]

    @property
    def counted(self) -> list[dict[str, Turn]]:
        """The pairs without a fault."""
        return [pair for pair in self.pairs if not any(turn.faults for turn in pair.values())]

    @property
    def ok(self) -> bool:
        """Whether every pair counts."""
        return len(self.counted) == len(self.pairs)

    def median(self, program: str, figure: str) -> float:
        """The median of a figure of one of the two."""
        values: list[float] = [getattr(pair[program], figure) for pair in self.counted]
        return statistics.median(values)

    def ratio(self, figure: str) -> float:
        """Tallybook's ÷ the baseline's: the median of the pairs' ratios."""
        ratios: list[float] = [getattr(pair[TALLYBOOK], figure) / getattr(pair[BASELINE], figure) for pair in self.counted]
        return statistics.median(ratios)

    def json(self) -> bytes:
        """The result as one JSON object."""
        ratios = {figure: self.ratio(figure) for figure in ("per_second", "p99_ms")} if self.counted else None
        return msgspec.json.encode({"ratio": ratios, **msgspec.to_builtins(self)})


def measure(
    fresh: Callable[[int], str], log: Path, *, seconds: int, runs: int, send_outs: bool, say: Callable[[str], None]
) -> Result:
    """So many pairs of turns; who begins changes. `fresh` gives the URL of an empty database for each turn's number."""
    pairs: list[dict[str, Turn]] = []
    number, url = 0, ""
    for run in range(runs):
        pair: dict[str, Turn] = {}
        for program in (TALLYBOOK, BASELINE) if run % 2 == 0 else (BASELINE, TALLYBOOK):
            say(f"run {run + 1} of {runs}: {NAMES[program]}")
            url = fresh(number)
            pair[program] = measure_turn(Server(url, 1, log, program), seconds, send_outs=send_outs)
            number += 1
        pairs.append(pair)
    return Result(database=url.partition(":")[0], seconds=seconds, send_outs=send_outs, pairs=pairs)


def measure_turn(server: Server, seconds: int, *, send_outs: bool) -> Turn:
    """One server: its members, a warm-up and the same again, the measured orders, and what its books say afterwards."""
    with server:
        opened = [open_tallybook(server, send_outs=send_outs)] if server.program == TALLYBOOK else []
        twice = [send_orders(server, seconds=WARM_UP_SECONDS, count=WARM_UP) for _ in range(2)]
        measured = send_orders(server, first=WARM_UP, seconds=seconds)
    faults = [fault for tally in [*opened, *twice, measured] for fault in tally.faults]
    paid = max(tally.answered for tally in twice) + measured.answered
    faults += miscounted(server.database, paid, send_outs=send_outs or server.program == BASELINE)
    if server.program == TALLYBOOK and (found := server.verify()):
        faults.append(found)
    return Turn(
        program=server.program,
        per_second=measured.per_second,
        p50_ms=measured.p50_ms,
        p99_ms=measured.p99_ms,
        faults=faults,
    )


def open_tallybook(server: Server, *, send_outs: bool) -> Tally:
    """The programme and its members, whom the baseline makes itself; a webhook that is switched off, if asked for."""
    joined = join_members(server, open_shop(server))
    if send_outs:
        subscribe_in_vain(server)
    return joined


def miscounted(url: str, paid: int, *, send_outs: bool) -> list[str]:
    """What is wrong in the books of a stopped server: the number of orders or awards, and whether there are send-outs."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("orders", "awards", "send_outs")}
    engine.dispose()
    wanted = {"orders": paid, "awards": paid * RULES}
    wrong = [f"{found[table]} {table}, not {count}" for table, count in wanted.items() if found[table] != count]
    return wrong if bool(found["send_outs"]) is send_outs else [*wrong, f"{found['send_outs']} send-outs"]


def show(result: Result, console: Console) -> None:
    """Print the pairs, the medians and the ratios."""
    console.print(table_of(result))
    for number, pair in enumerate(result.pairs, 1):
        for turn in pair.values():
            show_faults([f"{NAMES[turn.program]}: {fault}" for fault in turn.faults], console, f"run {number} ")


def table_of(result: Result) -> Table:
    """A row for each pair, and one for the medians of those that count."""
    what = "Tallybook's send-outs wait" if result.send_outs else "Tallybook has no webhook"
    table = Table("run", title=f"{result.database}, runs of {result.seconds} s, {what}", title_justify="left")
    for heading in ("Tallybook, orders/s", "baseline", "ratio", "Tallybook, p99 ms", "baseline", "ratio"):
        table.add_column(heading, justify="right")
    for number, pair in enumerate(result.pairs, 1):
        us, them = pair[TALLYBOOK], pair[BASELINE]
        rates = figures(us.per_second, them.per_second, us.per_second / max(them.per_second, 1e-9), digits=0)
        table.add_row(str(number), *rates, *figures(us.p99_ms, them.p99_ms, us.p99_ms / max(them.p99_ms, 1e-9), digits=1))
    if result.counted:
        table.add_section()
        medians: list[str] = []
        for figure, digits in (("per_second", 0), ("p99_ms", 1)):
            ours, plain = (result.median(program, figure) for program in (TALLYBOOK, BASELINE))
            medians += figures(ours, plain, result.ratio(figure), digits=digits)
        table.add_row("median", *medians)
    return table


def figures(ours: float, plain: float, ratio: float, *, digits: int) -> list[str]:
    """Both, and their ratio, as text."""
    return [f"{ours:,.{digits}f}", f"{plain:,.{digits}f}", f"{ratio:.2f}"]
