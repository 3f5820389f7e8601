"""The thread of the jobs: it works when something is due, sleeps when nothing is, and leaves a job to the worker that has it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tallybook.clock import real_now
from tallybook.domain.refusals import LeaseLost
from tallybook.jobs.leases import LEASE, Leases
from tallybook.jobs.runner import IDLE, PAUSE, Runner
from tallybook.store.database import Database
from tallybook.usecases.command import Fence
from tests.books import WAIT_SECONDS, Book, empty_book, engine_on, put_order
from tests.postgres import Cluster, drop_database, new_database

NOON = datetime(2024, 1, 18, 12, tzinfo=UTC)


class Chore:
    """A job of so many slices, due at an instant."""

    def __init__(self, slices: int, due: datetime = NOON, fails: int = 0) -> None:
        self.slices = slices
        self.asked = 0
        self.done: list[datetime] = []
        self.stuck = False
        self.changed = threading.Condition()
        self._due = due
        self._fails = fails

    def next_due(self, _: datetime, /) -> datetime | None:
        """Its instant, until all is done."""
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
        return self._due if len(self.done) < self.slices else None

    def run_slice(self, now: datetime, /) -> bool:
        """Does one, unless it has to fail first."""
        if self._fails:
            self._fails -= 1
            raise ZeroDivisionError("a job failed")
        with self.changed:
            self.done.append(now)
            self.changed.notify_all()
        return not self.stuck and len(self.done) < self.slices

    def wait_for(self, reached: Callable[[], bool]) -> bool:
        """Wait until something is reached."""
        with self.changed:
            return self.changed.wait_for(reached, WAIT_SECONDS)


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with nothing in it."""
    with empty_book(database_url) as book:
        yield book


@contextlib.contextmanager
def two_workers(cluster: Cluster) -> Iterator[tuple[Book, Leases, Leases]]:
    """A book on PostgreSQL, and the leases of two workers on it."""
    url = new_database(cluster)
    with empty_book(url) as book, contextlib.closing(Database(url)) as database, engine_on(database, 2) as engine:
        yield book, Leases(book.database, book.engine), Leases(database, engine)
    drop_database(cluster, url)


def test_jobs_take_turns_and_tell_when_to_look_again(book: Book) -> None:
    """A slice of each; at once while there is more, then when the next is due, and never later than the longest sleep."""
    one, two, later = Chore(1), Chore(2), Chore(1, due=NOON + timedelta(seconds=20))
    runner = Runner({"one": one, "two": two, "later": later}, Leases(book.database, book.engine), lambda: NOON)
    assert [runner.turn() for _ in range(3)] == [NOON, NOON + timedelta(seconds=20), NOON + timedelta(seconds=20)]
    assert (len(one.done), len(two.done), len(later.done), later.asked) == (1, 2, 0, 1)


def test_a_runner_without_work_sleeps(book: Book) -> None:
    """It has asked once; the longest sleep bounds when it asks again."""
    chore = Chore(0)
    runner = Runner({"chore": chore}, Leases(book.database, book.engine), lambda: NOON)
    assert [runner.turn() for _ in range(3)] == [NOON + IDLE] * 3
    assert chore.asked == 1


def test_a_job_that_is_due_and_does_nothing_is_left_alone_for_a_while(book: Book) -> None:
    """It cannot keep the thread busy."""
    chore = Chore(3)
    chore.stuck = True
    runner = Runner({"chore": chore}, Leases(book.database, book.engine), lambda: NOON)
    assert [runner.turn() for _ in range(3)] == [NOON + PAUSE] * 3
    assert len(chore.done) == 1


def test_a_job_that_fails_is_tried_again_and_does_not_end_the_others(book: Book) -> None:
    """After a pause."""
    times = [NOON]
    bad, good = Chore(1, fails=1), Chore(1)
    runner = Runner({"bad": bad, "good": good}, Leases(book.database, book.engine), lambda: times[0])
    assert runner.turn() == NOON + PAUSE
    assert (bad.done, good.done) == ([], [NOON])
    times[0] += PAUSE
    runner.turn()
    assert bad.done == [NOON + PAUSE]


def test_the_thread_is_woken_and_stops(book: Book) -> None:
    """What comes while it sleeps is begun at once; it ends between two slices."""
    chore = Chore(2, due=real_now())
    runner = Runner({"chore": chore}, Leases(book.database, book.engine), real_now)
    runner.start()
    assert chore.wait_for(lambda: len(chore.done) == 2)
    with chore.changed:
        chore.slices = 5
    runner.wake("chore")
    assert chore.wait_for(lambda: len(chore.done) == 5)
    runner.stop()
    asked = chore.asked
    runner.wake("chore")
    assert (chore.asked, len(chore.done)) == (asked, 5)


def test_a_job_is_done_by_one_worker_at_a_time(postgres_cluster: Cluster) -> None:
    """The other one looks again when the lease may be over, and takes over when it was given back or has ended."""
    with two_workers(postgres_cluster) as (_, mine, yours):
        chore = Chore(9)
        me, you = (Runner({"chore": chore}, leases, lambda: NOON) for leases in (mine, yours))
        assert (me.turn(), you.turn()) == (NOON, NOON + LEASE)
        assert len(chore.done) == 1
        mine.drop("chore")
        you.wake("chore")
        assert you.turn() == NOON
        assert len(chore.done) == 2
        assert not mine.hold("chore", NOON + LEASE)
        assert mine.hold("chore", NOON + LEASE + timedelta(milliseconds=1))


def test_a_lease_is_prolonged_by_its_holder(postgres_cluster: Cluster) -> None:
    """Under the same number, and not before half of it is over."""
    with two_workers(postgres_cluster) as (book, mine, yours):
        assert mine.hold("chore", NOON)
        assert mine.fence("chore") == Fence("chore", 1)
        assert mine.hold("chore", NOON + LEASE * 0.4)
        assert _until(book) == NOON + LEASE
        assert mine.hold("chore", NOON + LEASE * 0.6)
        assert (_until(book), mine.fence("chore")) == (NOON + LEASE * 1.6, Fence("chore", 1))
        assert not yours.hold("chore", NOON + LEASE * 1.5)
        assert yours.fence("chore") is None


def _until(book: Book) -> datetime:
    with book.database.reading() as connection:
        ms = connection.exec_driver_sql("SELECT until FROM leases WHERE name = 'chore'").scalar_one()
    return datetime.fromtimestamp(ms / 1000, UTC)


def test_who_lost_the_lease_is_refused(postgres_cluster: Cluster) -> None:
    """A worker that slept over the end of its lease learns it from its next command, in the transaction of that command."""
    with two_workers(postgres_cluster) as (book, mine, yours):
        assert mine.hold("chore", NOON)
        order = put_order("fenced")
        fenced = type(order)(project_id=order.project_id, fields=order.fields, fence=mine.fence("chore"))
        assert book.do(fenced).order.source_id == "fenced"
        assert yours.hold("chore", NOON + LEASE * 2)
        with pytest.raises(LeaseLost):
            book.do(fenced)
        late = type(order)(project_id=order.project_id, fields=order.fields, fence=Fence("nobody's", 1))
        with pytest.raises(LeaseLost):
            book.do(late)


def test_a_sqlite_file_needs_no_lease(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It has one worker; nothing is written."""
    with empty_book(f"sqlite:///{tmp_path_factory.mktemp('lease') / 'book.db'}") as book:
        leases = Leases(book.database, book.engine)
        assert leases.hold("chore", NOON)
        assert leases.fence("chore") is None
        leases.drop("chore")
        with book.database.reading() as connection:
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM leases").scalar_one() == 0
