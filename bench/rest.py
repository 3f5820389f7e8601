"""What a server costs that has nothing to do: CPU of its processes, while 10,000 send-outs wait for tomorrow.

Each has been tried in vain, as far as the book says: what waits long has failed before.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from sqlalchemy import text

from bench.load import join_members, send_orders
from bench.receiver import Receiver
from bench.report import show_faults
from bench.workload import Server, cpu_seconds, open_shop, subscribe, tree
from tallybook.clock import real_now
from tallybook.store.database import Database
from tallybook.store.mapping import to_ms

SEND_OUTS = 10_000
MEMBERS = 1_000
ORDERS = 2_000
"""Each has six events: more send-outs than are wanted."""
MUST = 1.0
"""The design's table: the most it may be, in percent of a core."""
SETTLE_SECONDS = 10
"""What a start leaves to do is done by then."""
DAY_MS = 86_400_000
GIVE_UP_SECONDS = 300


class Result(msgspec.Struct, kw_only=True):
    """CPU in percent of one core, of all processes of the server. `faults` says why it does not count, if it does not."""

    database: str
    seconds: int
    waiting: int
    percent: float
    by_process: dict[str, float]
    faults: list[str]

    @property
    def ok(self) -> bool:
        """Whether the run counts."""
        return not self.faults

    def json(self) -> bytes:
        """The result as one JSON object."""
        return msgspec.json.encode({"must": MUST, "met": self.percent <= MUST, **msgspec.to_builtins(self)})


def fill(server: Server, receiver: Receiver) -> list[str]:
    """Orders whose webhooks are all delivered; what went wrong."""
    joined = join_members(server, open_shop(server), MEMBERS)
    subscribe(server, receiver.url)
    sent = send_orders(server, customers=MEMBERS, seconds=GIVE_UP_SECONDS, count=ORDERS)
    receiver.drained(lambda count: count.total >= SEND_OUTS)
    return joined.faults + sent.faults


def put_off(url: str) -> int:
    """The oldest send-outs wait for tomorrow, tried in vain once; how many."""
    database = Database(url)
    statement = text(
        "UPDATE send_outs SET state = 'WAITING', next_attempt_at = :tomorrow, last_status = 503 "
        "WHERE id IN (SELECT id FROM send_outs ORDER BY id LIMIT :most)"
    )
    try:
        with database.writing() as connection:
            changed = connection.execute(statement, {"tomorrow": to_ms(real_now()) + DAY_MS, "most": SEND_OUTS})
            return changed.rowcount
    finally:
        database.close()


def measure(url: str, log: Path, *, seconds: int, say: Callable[[str], None]) -> Result:
    """The server on the empty database at `url`: filled, stopped, started anew, left alone, and then measured."""
    server = Server(url, 1, log)
    with Receiver() as receiver:
        say("orders, webhooks")
        with server:
            faults = fill(server, receiver)
        waiting = put_off(url)
        arrived = receiver.count().total
        with server:
            say(f"at rest: {SETTLE_SECONDS} s, then {seconds} s")
            time.sleep(SETTLE_SECONDS)
            used, began = usage(server.pid), time.monotonic()
            time.sleep(seconds)
            after, passed = usage(server.pid), time.monotonic() - began
        if receiver.count().total != arrived:
            faults.append("send-outs were not left alone")
    if waiting != SEND_OUTS:
        faults.append(f"{waiting} send-outs wait instead of {SEND_OUTS}")
    if used.keys() != after.keys():
        faults.append("processes came or went")
    spent = {name: 100 * (after.get(name, 0.0) - before) / passed for name, before in used.items()}
    database = url.partition(":")[0]
    return Result(
        database=database, seconds=seconds, waiting=waiting, percent=sum(spent.values()), by_process=spent, faults=faults
    )


def usage(root: int) -> dict[str, float]:
    """CPU seconds of each process of a tree, by its number below the root and what it was started as."""
    return {f"{place} {started_as(pid)}": cpu_seconds([pid]) for place, pid in enumerate(tree(root))}


def started_as(pid: int) -> str:
    """The last part of a process's command that is a module or a word; its number if it has ended."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return str(pid)
    return " ".join(word.decode(errors="replace") for word in words[1:4])[:60]


def show(result: Result, console: Console) -> None:
    """Print the figure."""
    colour = "green" if result.percent <= MUST else "red"
    console.print(
        f"{result.database}, at rest for {result.seconds} s, {result.waiting:,} send-outs waiting for tomorrow: "
        f"[{colour}]{result.percent:.2f} %[/] of a core (must ≤ {MUST:g} %)",
        highlight=False,
    )
    for name, percent in result.by_process.items():
        console.print(f"[dim]  {percent:5.2f} %  {name}[/dim]", highlight=False)
    show_faults(result.faults, console)
