"""The thread that does what nobody waits for, slice by slice. It sleeps until a job is due, or until it is woken."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from tallybook.domain.refusals import LeaseLost, OutcomeUnknown, TryAgain
from tallybook.engine.engine import Overloaded
from tallybook.jobs.leases import LEASE, Leases
from tallybook.store.database import SQLAlchemyError

log = structlog.get_logger()

IDLE = timedelta(seconds=30)
"""The longest sleep. What another worker left behind when it died is found after it."""
PAUSE = timedelta(seconds=1)
"""How long a job is left alone that failed, or did nothing though it is due."""


class Job(Protocol):
    """A job: something that is due now and then, done in slices of which none takes long."""

    def next_due(self, now: datetime, /) -> datetime | None:
        """When there is something to do; None while nothing is known of."""

    def run_slice(self, now: datetime, /) -> bool:
        """Does a little; whether there is more to do at once. If not, it is asked again when the next is due."""


class Runner:
    """Does the jobs of one worker, in turn. One that another worker does is left to it."""

    def __init__(self, jobs: Mapping[str, Job], leases: Leases, now: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._leases = leases
        self._now = now
        self._look_at = dict.fromkeys(jobs, now())
        self._called: set[str] = set()
        self._busy: set[str] = set()
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begins to work, with what was left unfinished."""
        self._thread.start()

    def wake(self, job: str) -> None:
        """There is something to do for this job. Returns at once."""
        self._called.add(job)
        self._woken.set()

    def stop(self, seconds: float = 30.0) -> None:
        """Ends after the slice that is being done; what is unfinished goes on at the next start. The engine still runs."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            wait = self.turn() - self._now()
            if wait > timedelta():
                self._woken.wait(wait.total_seconds())
        for name in self._jobs:
            self._give_back(name)

    def turn(self) -> datetime:
        """Does a slice of each job that is due; when to look again."""
        for name, job in self._jobs.items():
            if name in self._called or self._look_at[name] <= self._now():
                self._called.discard(name)
                self._look_at[name] = self._do(name, job)
        return min(self._look_at.values())

    def _do(self, name: str, job: Job) -> datetime:
        """A slice of this job, if it is due and ours; when to look again."""
        try:
            return self._slice(name, job, self._now())
        except Exception as failed:  # noqa: BLE001  # a job that fails is tried again, and never ends the others
            self._busy.discard(name)
            _report(name, failed)
            return self._now() + PAUSE

    def _slice(self, name: str, job: Job, now: datetime) -> datetime:
        due = now if name in self._busy else job.next_due(now)
        self._busy.discard(name)
        if due is None or due > now:
            return self._sleep(name, due, now)
        if not self._leases.hold(name, now):
            return now + LEASE
        if job.run_slice(now):
            self._busy.add(name)
            return now
        now = self._now()
        due = job.next_due(now)
        return now + PAUSE if due is not None and due <= now else self._sleep(name, due, now)

    def _sleep(self, name: str, due: datetime | None, now: datetime) -> datetime:
        """Leaves a job alone until then; the lease is kept over a short rest."""
        if due is None or due - now > LEASE:
            self._leases.drop(name)
        return min(due or now + IDLE, now + IDLE)

    def _give_back(self, name: str) -> None:
        try:
            self._leases.drop(name)
        except Exception as failed:  # noqa: BLE001  # the lease ends by itself
            _report(name, failed)


def _report(name: str, failed: Exception) -> None:
    if isinstance(failed, Overloaded | TryAgain | OutcomeUnknown | LeaseLost | SQLAlchemyError):
        log.warning("job_postponed", job=name, reason=type(failed).__name__)
    else:
        log.error("job_failed", job=name, exc_info=failed)
