"""What the making of 100,000 cards costs the orders: their p99 while it goes on ÷ without it, in turns on one server.

Open loop, so that an order that has to wait for a slice of cards is counted with its wait, and so are those behind it.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench.load import join_members, send_orders
from bench.receiver import QUIET_SECONDS, Receiver
from bench.report import show_faults
from bench.workload import Server, open_shop, subscribe

CARDS = 100_000
MUST = 2.0
"""The design's table: the most that the ratio may be."""
WARM_UP_SECONDS = 2
POLL_SECONDS = 0.2
GENERATION_SECONDS = 600
"""A generation that takes longer is given up."""


class Turn(msgspec.Struct, kw_only=True):
    """Orders without cards being made, then with: p99 of their answers in ms, and how long the cards took in all."""

    without_ms: float
    with_ms: float
    generation_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long."""
        return self.with_ms / self.without_ms


class Result(msgspec.Struct, kw_only=True):
    """All turns of one run. `faults` says why it does not count, if it does not."""

    database: str
    rate: int
    turns: list[Turn]
    faults: list[str]

    @property
    def ratio(self) -> float | None:
        """The median of the turns' ratios."""
        return statistics.median(turn.ratio for turn in self.turns) if self.turns else None

    @property
    def ok(self) -> bool:
        """Whether the run counts."""
        return not self.faults and self.ratio is not None

    def json(self) -> bytes:
        """The result as one JSON object."""
        ratio = self.ratio
        return msgspec.json.encode(
            {"ratio": ratio, "must": MUST, "met": ratio is not None and ratio <= MUST, **msgspec.to_builtins(self)}
        )


class Shop:
    """A shop whose orders come at a fixed rate, none twice."""

    def __init__(self, server: Server, receiver: Receiver, rate: int) -> None:
        self._server = server
        self._receiver = receiver
        self._rate = rate
        self._sent = 0
        self.faults: list[str] = []

    def open(self) -> None:
        """The programme, its members, its webhook, and a warm-up."""
        self.faults += join_members(self._server, open_shop(self._server)).faults
        subscribe(self._server, self._receiver.url)
        self.p99_ms(WARM_UP_SECONDS)

    def p99_ms(self, seconds: int) -> float:
        """Orders for so long, once all is quiet: the p99 of their answers."""
        while time.monotonic() - self._receiver.count().last_at < QUIET_SECONDS:
            time.sleep(POLL_SECONDS)
        tally = send_orders(self._server, first=self._sent, seconds=seconds, rate=self._rate)
        self._sent += self._rate * seconds
        self.faults += tally.faults
        return tally.p99_ms

    def turn(self, number: int, seconds: int) -> Turn:
        """Orders alone, then while cards are made; waits for the last card."""
        without = self.p99_ms(seconds)
        began = time.monotonic()
        campaign = self._begin(number)
        during = self.p99_ms(seconds)
        if self._campaign(campaign)["vouchers_generation_status"] != "IN_PROGRESS":
            self.faults.append(f"the cards were made before the orders of turn {number} had ended: measure for less long")
        self._wait(campaign)
        return Turn(without_ms=without, with_ms=during, generation_seconds=time.monotonic() - began)

    def _begin(self, number: int) -> str:
        code_config = {"pattern": "GENERATED-##########"}
        voucher = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}, "code_config": code_config}
        body = {"name": f"Generated {number}", "type": "STATIC", "voucher": voucher, "vouchers_count": CARDS}
        made = self._server.call("POST", "/v1/loyalties", body, self._server.app_headers)
        return str(made["id"])

    def _wait(self, campaign: str) -> None:
        give_up_at = time.monotonic() + GENERATION_SECONDS
        while time.monotonic() < give_up_at:
            found = self._campaign(campaign)
            if found["vouchers_generation_status"] != "IN_PROGRESS":
                break
            time.sleep(POLL_SECONDS)
        if (found["vouchers_generation_status"], found["vouchers_count"]) != ("DONE", CARDS):
            self.faults.append(f"{found['vouchers_generation_status']} with {found['vouchers_count']} cards")

    def _campaign(self, campaign: str) -> Any:
        return self._server.call("GET", f"/v1/loyalties/{campaign}", None, self._server.app_headers)


def measure(url: str, log: Path, *, rate: int, seconds: int, turns: int) -> Result:
    """So many turns on the empty database at `url`; the books are proved at the end."""
    server = Server(url, 1, log)
    with Receiver() as receiver, server:
        shop = Shop(server, receiver, rate)
        shop.open()
        done = [shop.turn(number, seconds) for number in range(1, turns + 1)]
    found = server.verify()
    return Result(database=url.partition(":")[0], rate=rate, turns=done, faults=shop.faults + ([found] if found else []))


def show(result: Result, console: Console) -> None:
    """Print the turns and the ratio."""
    table = Table("turn", title=f"{result.database}, {result.rate} orders/s: p99 of answers, ms", title_justify="left")
    for heading in ("without", f"while {CARDS:,} cards are made", "ratio", "cards/s"):
        table.add_column(heading, justify="right")
    for number, turn in enumerate(result.turns, 1):
        rate = CARDS / turn.generation_seconds
        table.add_row(str(number), f"{turn.without_ms:.1f}", f"{turn.with_ms:.1f}", f"{turn.ratio:.2f}", f"{rate:,.0f}")
    ratio = result.ratio
    if ratio is not None:
        table.add_section()
        table.add_row("median", "", "", f"[{'green' if ratio <= MUST else 'red'}]{ratio:.2f}[/]", f"must ≤ {MUST:g}")
    console.print(table)
    show_faults(result.faults, console)
