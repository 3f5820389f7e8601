"""How the interpreter of a serving process is set."""

import gc
import sys

SWITCH_SECONDS = 0.0005
"""How long a thread keeps the interpreter: short, so that engine and event loop take turns (measured: docs/performance.md)."""
COLLECT_EVERY = 20_000
"""New objects before the collector looks for circles among them. Batches make thousands and hardly a circle."""


def set_for_serving() -> None:
    """To be called when everything is imported: what is there now is never looked through again."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 20)
