"""How many webhooks can be sent, by which sender, and where it should live.

    python -m bench.sending [--seconds 3] [--rounds 3]

Bodies of 3 kB, 64 in the air, to `bench.receiver` in a process of its own, on the loopback. Three places for the sender:
`alone` in its process; in a `thread` of a process whose main thread computes without a pause, as a busy engine does; in a
`process` of its own beside such a one. Prints the median of the rounds, which are interleaved: sends per second, the
processor time of one send, and what was left to the computing main thread of its speed without a sender.
"""

import argparse
import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from ipaddress import ip_network
from statistics import median

import msgspec
import uvloop

from bench.aiohttp_sender import AiohttpSender
from bench.receiver import Receiver
from tallybook.delivery import signature
from tallybook.delivery.guard import Guard
from tallybook.delivery.sender import HttpSender, Request

GUARD = Guard(allowed=(ip_network("127.0.0.0/8"),))
IN_THE_AIR = 64
BODY = b'{"id":"whs_' + b"0" * 18 + b'","type":"order.paid","data":"' + b"x" * 2950 + b'"}'

SENDERS: dict[str, Callable[[], HttpSender | AiohttpSender]] = {
    "own": lambda: HttpSender(GUARD, "Tallybook/bench"),
    "aiohttp": lambda: AiohttpSender(GUARD, "Tallybook/bench"),
}
PLACES = ("alone", "thread", "process")


class Figures(msgspec.Struct, kw_only=True):
    """Of one run. `computed` is the rounds of computing per second in the main thread; 0 if it did not compute."""

    sent: float = 0.0
    cpu_us: float = 0.0
    computed: float = 0.0


async def send_for(sender_name: str, url: str, seconds: float) -> Figures:
    """Send without a pause; every answer must be 200."""
    sender = SENDERS[sender_name]()
    ends, count = time.monotonic() + seconds, 0

    async def one_after_the_other() -> None:
        nonlocal count
        while time.monotonic() < ends:
            outcome = await sender.send(Request(url, {signature.HEADER: signature.sign(BODY, "secret")}, BODY))
            assert outcome.status == 200, outcome
            count += 1

    started, cpu = time.monotonic(), time.thread_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(IN_THE_AIR)))
    cpu, elapsed = time.thread_time() - cpu, time.monotonic() - started
    await sender.close()
    return Figures(sent=count / elapsed, cpu_us=cpu / count * 1e6)


def compute(seconds: float) -> float:
    """Rounds per second of what an engine does: small structs, dicts, JSON."""
    ends, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        rows = [{"id": f"vtx_{n:018x}", "points": n * 3 // 2, "card": {"balance": n}} for n in range(100)]
        msgspec.json.decode(msgspec.json.encode(rows))
        rounds += 1
    return rounds / seconds


def run_one(sender: str, place: str, url: str, seconds: float) -> Figures:
    """One run, in this process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if place != "thread":
            return runner.run(send_for(sender, url, seconds))
        results: list[Figures] = []
        thread = threading.Thread(target=lambda: results.append(runner.run(send_for(sender, url, seconds))))
        thread.start()
        computed = compute(seconds)
        thread.join()
        results[0].computed = computed
        return results[0]


def start(sender: str, place: str, url: str, seconds: float) -> "subprocess.Popen[bytes]":
    """One run, in a fresh process."""
    run = [sys.executable, "-m", "bench.sending", "--run", sender, place, url, "--seconds", str(seconds)]
    return subprocess.Popen(run, stdout=subprocess.PIPE)


def measure(sender: str, place: str, url: str, seconds: float) -> Figures:
    """One run and its figures."""
    process = start(sender, place, url, seconds)
    computed = 0.0
    if place == "process":
        time.sleep(0.5)  # until it has imported what it needs
        computed = compute(seconds)
    out, _ = process.communicate(timeout=seconds + 30)
    figures = msgspec.json.decode(out, type=Figures)
    figures.computed = figures.computed or computed
    return figures


def table(seconds: float, rounds: int) -> None:
    """Measure everything and print it."""
    cells: dict[tuple[str, str], list[Figures]] = {(sender, place): [] for place in PLACES for sender in SENDERS}
    undisturbed = []
    with Receiver() as receiver:
        for _ in range(rounds):
            undisturbed.append(compute(min(seconds, 1.0)))
            for (sender, place), runs in cells.items():
                runs.append(measure(sender, place, receiver.url, seconds))
    print(f"{'sender':8} {'place':8} {'sends/s':>8} {'µs CPU/send':>12} {'main thread keeps':>18}")
    for (sender, place), runs in cells.items():
        kept = median(run.computed for run in runs) / median(undisturbed)
        left = "" if place == "alone" else f"{kept:.0%}"
        sent, cpu_us = (median(getattr(run, name) for run in runs) for name in ("sent", "cpu_us"))
        print(f"{sender:8} {place:8} {sent:8.0f} {cpu_us:12.1f} {left:>18}")


def main() -> None:
    """Parse the arguments; `--run` is for the processes that this starts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("SENDER", "PLACE", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        sender, place, url = arguments.run
        figures = run_one(sender, place, url, arguments.seconds)
        sys.stdout.buffer.write(msgspec.json.encode(figures))
    else:
        table(arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
