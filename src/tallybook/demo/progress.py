"""How far the replay is: a bar on a terminal, else a plain line every few seconds."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tallybook.clock import monotonic

SECONDS_BETWEEN_LINES = 3.0


class ReplayProgress:
    """Use as `with ReplayProgress(total, console) as progress`, and call `progress.step()` after each order."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._done = 0
        self._console = console
        self._last_line = monotonic()
        self._bar = Progress(
            TextColumn("Replaying orders"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("orders", total=total)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def step(self) -> None:
        """One more order was answered."""
        self._done += 1
        if self._console.is_terminal:
            self._bar.advance(self._task)
        elif monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = monotonic()
            self._console.out(f"Replayed {self._done:,} of {self._total:,} orders", highlight=False)
