"""`./tally sim`: new seeds for a minute; `./tally sim SEED`: that one again."""

import sys
import time
from random import SystemRandom

from tests.sim.world import Run, simulate

SECONDS = 60


def show(run: Run) -> bool:
    """Prints a run; whether it was right."""
    sys.stdout.write(f"{run}\n")
    sys.stdout.flush()
    return run.failure is None


def main(seeds: list[str]) -> int:
    """Runs these seeds, or new ones for a minute."""
    if seeds:
        return 0 if all(show(simulate(int(seed))) for seed in seeds) else 1
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if not show(simulate(SystemRandom().randrange(10**6))):
            return 1
    return 0


sys.exit(main(sys.argv[1:]))
