"""Writes the log: what is urgent at once, the rest a few times a second, many lines in one write.

A busy server says a line for each request. Written one by one, each would make its thread give the interpreter away
(docs/performance.md).
"""

import atexit
import contextlib
import json
import sys
import threading
import time
from collections import deque
from typing import Any, TextIO

import msgspec

GATHER_SECONDS = 0.05
"""How long a line that is not urgent may wait; of a process that is killed so much is lost."""


class Lines:
    """A logger for structlog. Lines come out in the order in which they were said."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._gathered: deque[str] = deque()  # which threads may fill and empty at once
        self._some = threading.Event()
        self._writing = threading.Lock()
        self._writer: threading.Thread | None = None
        atexit.register(self.flush)

    def info(self, line: str) -> None:
        """A line that may wait a moment."""
        self._gathered.append(line)
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_now_and_then, name="log", daemon=True)
            self._writer.start()
        if not self._some.is_set():
            self._some.set()

    debug = info

    def warning(self, line: str) -> None:
        """A line that is written before this returns, after those that waited."""
        self._gathered.append(line)
        self.flush()

    error = critical = warning

    def flush(self) -> None:
        """Writes what waits. A log that cannot be written stops nobody."""
        with self._writing:
            lines = [self._gathered.popleft() for _ in range(len(self._gathered))]
            if lines:
                file = self._file or sys.stderr
                with contextlib.suppress(OSError, ValueError):
                    file.write("\n".join(lines) + "\n")
                    file.flush()

    def _write_now_and_then(self) -> None:
        while True:
            self._some.wait()
            time.sleep(GATHER_SECONDS)
            self._some.clear()
            self.flush()


def as_json(said: Any, **_: Any) -> str:
    """A fact as one line of JSON; of what JSON has no form for, its Python form."""
    try:
        return msgspec.json.encode(said, enc_hook=repr).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, in an error about it
        return json.dumps(said, default=repr)
