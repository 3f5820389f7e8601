"""Carrying send-outs: real receivers, a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count

import pytest

from tallybook.delivery.courier import Courier
from tallybook.delivery.guard import Guard, networks
from tallybook.delivery.lanes import Limits
from tallybook.delivery.outbox import Attempted
from tallybook.delivery.policy import Delivered, Failed, RetryAt
from tallybook.delivery.sender import HttpSender, Request, Sender, Sent
from tallybook.delivery.signature import sign
from tests.delivery.plain_outbox import SECRET, START, Clock, PlainOutbox, Row
from tests.receiver import Answer, Received, Receiver

SCHEDULE = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]
FAILURE = Answer(500)


@asynccontextmanager
async def carrying(
    outbox: PlainOutbox, *, sender: Sender | None = None, limits: Limits | None = None, drain_seconds: float = 5.0
) -> AsyncIterator[Courier]:
    """A courier at work; it is stopped at the end."""
    http = HttpSender(Guard(networks("127.0.0.0/8")), "Tallybook/test")
    courier = Courier(outbox, sender or http, outbox.clock, limits=limits, drain_seconds=drain_seconds)
    work = asyncio.create_task(courier.run())
    try:
        yield courier
        assert not work.done()
    finally:
        courier.stop()
        await asyncio.wait_for(work, 30)
        await http.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another thread sets no event of this loop
            await asyncio.sleep(0.002)


def deliver_all(outbox: PlainOutbox, rows: Iterable[Row], limits: Limits | None = None) -> None:
    """Carry these until nothing is left to do, however many days that takes."""

    async def story() -> None:
        outbox.add(rows)
        async with carrying(outbox, limits=limits):
            await asyncio.wait_for(outbox.idle.wait(), 30)

    asyncio.run(story())


def events(url: str, *names: str, webhook_id: str = "wh_1", strict: bool = False) -> list[Row]:
    """One send-out per name; the part before the dash is the customer."""
    positions = count(1)
    return [Row(webhook_id, name.split("-")[0], next(positions), url, name.encode(), strict) for name in names]


def by_minute(outbox: PlainOutbox) -> list[tuple[str, int]]:
    """What was sent and when, as (name, minutes since the start)."""
    return [
        (outbox.rows[attempt.send_out_id].body.decode(), (attempt.started_at - START) // timedelta(minutes=1))
        for attempt in outbox.attempts
    ]


def failing(*names: str) -> Callable[[Received], Answer]:
    """Answers that fail these events for ever."""
    return lambda request: FAILURE if request.body.decode() in names else Answer()


def test_the_whole_schedule() -> None:
    """A send-out that nobody takes is tried 13 times within 24 hours, with the same signed bytes, and then it has failed."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answer = FAILURE
        deliver_all(outbox, events(receiver.url, "ann-1"))
        assert {(request.body, request.headers["x-voucherify-signature"]) for request in receiver.received} == {
            (b"ann-1", sign(b"ann-1", SECRET))
        }
    instants = [START + timedelta(minutes=minutes) for minutes in SCHEDULE]
    assert [attempt.started_at for attempt in outbox.attempts] == instants
    assert [attempt.attempt for attempt in outbox.attempts] == list(range(1, 14))
    assert [attempt.step for attempt in outbox.attempts] == [*map(RetryAt, instants[1:]), Failed()]
    assert {(attempt.status, attempt.error, attempt.first_attempt_at) for attempt in outbox.attempts} == {(500, None, START)}


def test_retry_after() -> None:
    """A receiver that asks for ninety seconds gets them, and the table goes on from the first attempt."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answers = [Answer(429, {"retry-after": "90"})]
        deliver_all(outbox, events(receiver.url, "ann-1"))
    assert [(attempt.started_at - START, attempt.status, attempt.step) for attempt in outbox.attempts] == [
        (timedelta(0), 429, RetryAt(START + timedelta(seconds=90))),
        (timedelta(seconds=90), 200, Delivered()),
    ]


def test_no_answer_is_an_error() -> None:
    """Without an answer the attempt has an error in place of a status, and is tried again."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answers = [Answer(drop=True)]
        deliver_all(outbox, events(receiver.url, "ann-1"))
    told = [(attempt.status, attempt.error) for attempt in outbox.attempts]
    assert told == [(None, "the receiver closed the connection without an answer"), (200, None)]


def test_order_of_one_customer() -> None:
    """The events of one customer start in their order, each after the answer to the one before; customers go side by side."""
    names = [f"{customer}-{n:02}" for n in range(30) for customer in ("ann", "bob", "eve")]
    outbox = PlainOutbox(Clock())

    def answer(request: Received) -> Answer:
        return Answer(delay=len(request.body) % 3 / 1000 + 0.001)

    with Receiver() as receiver:
        receiver.answer = answer
        deliver_all(outbox, events(receiver.url, *names))
        arrived = [request.body.decode() for request in receiver.received]
    assert sorted(arrived) == sorted(names)
    for customer in ("ann", "bob", "eve"):
        assert [name for name in arrived if name.startswith(customer)] == [name for name in names if name.startswith(customer)]


def test_a_failure_holds_back_its_customer_alone() -> None:
    """After one failure the customer's later events wait for its retry; other customers do not."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answers = [FAILURE]
        deliver_all(outbox, events(receiver.url, "ann-1", "ann-2", "bob-1", "ann-3"), Limits(flights=1))
    assert by_minute(outbox) == [("ann-1", 0), ("bob-1", 0), ("ann-1", 1), ("ann-2", 1), ("ann-3", 1)]


def test_stepping_out_of_line() -> None:
    """What has failed twice holds nobody back: the later events go, and its own retries go on beside them."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answer = failing("ann-1", "ann-3")
        deliver_all(outbox, events(receiver.url, "ann-1", "ann-2", "ann-3", "ann-4", "bob-1"), Limits(flights=1))
    sent = by_minute(outbox)
    assert [pair for pair in sent if pair[1] <= 2] == [
        ("ann-1", 0), ("bob-1", 0),
        ("ann-1", 1), ("ann-2", 1), ("ann-3", 1),
        ("ann-1", 2), ("ann-3", 2), ("ann-4", 2),
    ]  # fmt: skip
    assert [minute for name, minute in sent if name == "ann-1"] == SCHEDULE
    assert [minute for name, minute in sent if name == "ann-3"] == [minute + 1 for minute in SCHEDULE]


def test_strict_order() -> None:
    """With strict order nothing of the customer passes a failing event before it has failed for good."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answer = failing("ann-1")
        deliver_all(outbox, events(receiver.url, "ann-1", "ann-2", "bob-1", strict=True), Limits(flights=1))
    sent = by_minute(outbox)
    assert [minute for name, minute in sent if name == "ann-1"] == SCHEDULE
    assert [pair for pair in sent if pair[0] != "ann-1"] == [("bob-1", 0), ("ann-2", 1440)]


def test_events_without_a_customer_have_no_order() -> None:
    """What belongs to no customer is held back by nothing."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        receiver.answers = [FAILURE]
        rows = events(receiver.url, "a", "b")
        for row in rows:
            row.stream = None
        deliver_all(outbox, rows, Limits(flights=1))
    assert by_minute(outbox) == [("a", 0), ("b", 0), ("a", 1)]


def test_dead_receivers_delay_nobody_else() -> None:
    """However many receivers do not answer, with however much to send, a live one gets its events at once."""
    outbox = PlainOutbox(Clock())
    positions = count(1)

    async def story() -> None:
        for n in range(12):
            outbox.add(Row(f"wh_dead_{n}", None, next(positions), dead.url, b"dead") for _ in range(400))
        async with carrying(outbox, drain_seconds=0.05):
            await until(lambda: len(dead.received) == 12 * 4)
            outbox.add(Row("wh_live", f"c{n % 50}", next(positions), live.url, b"live") for n in range(500))
            await until(lambda: len(live.received) == 500)
            assert len(dead.received) == 12 * 4

    with Receiver() as dead, Receiver() as live:
        dead.answer = Answer(delay=60)
        asyncio.run(story())
    assert len(outbox.attempts) == 500
    assert not any(row.leased_until for row in outbox.rows.values())


def test_a_webhook_that_answers_gets_more() -> None:
    """A webhook that answers gets more requests at once, up to its bound and no further."""
    outbox = PlainOutbox(Clock())

    async def story() -> None:
        outbox.add(Row("wh_1", None, n, receiver.url, b"x") for n in range(100))
        async with carrying(outbox, limits=Limits(flights_per_webhook=7), drain_seconds=0.05):
            await until(lambda: len(receiver.received) == 20 + 7)
            await asyncio.sleep(0.1)
            assert len(receiver.received) == 20 + 7

    with Receiver() as receiver:
        receiver.answers = [Answer()] * 20
        receiver.answer = Answer(delay=60)
        asyncio.run(story())


def test_many() -> None:
    """Thousands go through, each once."""
    outbox = PlainOutbox(Clock())
    with Receiver() as receiver:
        deliver_all(outbox, [Row(f"wh_{n % 3}", None, n, receiver.url, str(n).encode()) for n in range(2500)])
        assert sorted(int(request.body) for request in receiver.received) == list(range(2500))
    assert len(outbox.attempts) == 2500


def test_a_graceful_stop() -> None:
    """Stopping lets the flights land and records them; what had not started is released, and nothing stays leased."""
    outbox = PlainOutbox(Clock())

    async def story() -> None:
        outbox.add(Row("wh_1", f"c{n // 2}", n, receiver.url, b"x") for n in range(20))
        async with carrying(outbox, limits=Limits(flights=8, flights_per_webhook=4)):
            await until(lambda: len(receiver.received) == 4)

    with Receiver() as receiver:
        receiver.answer = Answer(delay=0.1)
        asyncio.run(story())
        assert len(receiver.received) == 4
    assert [attempt.step for attempt in outbox.attempts] == [Delivered()] * 4
    assert sorted([*outbox.released, *(attempt.send_out_id for attempt in outbox.attempts)]) == sorted(outbox.rows)
    assert not any(row.leased_until for row in outbox.rows.values())


def test_a_stop_that_cannot_wait() -> None:
    """What has not landed after the drain time is given up and released: no attempt is counted."""
    outbox = PlainOutbox(Clock())

    async def story() -> None:
        outbox.add(events(receiver.url, "ann-1", "ann-2"))
        async with carrying(outbox, drain_seconds=0.05):
            await until(lambda: len(receiver.received) == 1)

    with Receiver() as receiver:
        receiver.answer = Answer(delay=60)
        asyncio.run(story())
    assert outbox.attempts == []
    assert sorted(outbox.released) == sorted(outbox.rows)


def test_what_waited_too_long_is_given_back() -> None:
    """A parcel whose lease could end before its answer is not sent under it: it is released and claimed again."""
    clock = Clock()
    outbox = PlainOutbox(clock)

    def ten_seconds(_request: Received) -> Answer:
        clock.at += timedelta(seconds=10)
        return Answer()

    with Receiver() as receiver:
        receiver.answer = ten_seconds
        deliver_all(outbox, events(receiver.url, "ann-1", "ann-2", "bob-1"), Limits(flights=1))
        assert len(receiver.received) == 3
    assert len(outbox.released) >= 2
    assert all(row.finished for row in outbox.rows.values())


def test_rest_costs_nothing() -> None:
    """With ten thousand send-outs that wait for tomorrow, the courier does not ask again until it is woken."""
    tomorrow = START + timedelta(days=1)

    class Asleep(PlainOutbox):
        """Sleeps really."""

        async def wait(self, until: datetime | None) -> None:
            assert until == tomorrow
            await self._woken.wait()
            self._woken.clear()

    async def story() -> None:
        outbox = Asleep(Clock())
        outbox.add(Row("wh_1", None, n, "http://127.0.0.1:1/", b"", due_at=tomorrow) for n in range(10_000))
        async with carrying(outbox):
            await asyncio.sleep(0.3)
            assert outbox.claims <= 2

    asyncio.run(story())


def test_an_unavailable_outbox_is_asked_again() -> None:
    """When the outbox cannot write for a moment, the results are kept and written later; nothing is sent twice."""
    outbox = PlainOutbox(Clock())

    async def story() -> None:
        outbox.add(events(receiver.url, "ann-1"))
        async with carrying(outbox):
            await until(lambda: len(receiver.received) == 1)
            outbox.unavailable = 1
            await asyncio.wait_for(outbox.idle.wait(), 10)

    with Receiver() as receiver:
        receiver.answer = Answer(delay=0.05)
        asyncio.run(story())
        assert len(receiver.received) == 1
    assert [attempt.step for attempt in outbox.attempts] == [Delivered()]


class BreaksOn:
    """A sender with a mistake in it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def send(self, request: Request) -> Sent:
        if request.body == self._body:
            raise ZeroDivisionError
        return Sent(200, None, None, 1)


def test_a_parcel_that_breaks_the_sender() -> None:
    """A mistake of ours about one send-out is an error of that attempt; all others are delivered."""
    outbox = PlainOutbox(Clock())

    async def story() -> None:
        outbox.add(events("http://127.0.0.1:1/", "ann-1", "bob-1", "eve-1"))
        async with carrying(outbox, sender=BreaksOn(b"bob-1")):
            await asyncio.wait_for(outbox.idle.wait(), 10)

    asyncio.run(story())
    assert [name for name, minute in by_minute(outbox) if minute > 0] == ["bob-1"] * 12
    assert {attempt.error for attempt in outbox.attempts} == {None, "Tallybook could not send it: ZeroDivisionError()"}


class Broken(PlainOutbox):
    """An outbox with a mistake in it."""

    async def record(self, attempts: Sequence[Attempted]) -> None:
        raise ZeroDivisionError


def test_a_broken_outbox_ends_the_courier() -> None:
    """A mistake in the outbox is not hidden: the run ends with it, and no flight is left behind."""

    async def story() -> None:
        outbox = Broken(Clock())
        outbox.add(events("http://127.0.0.1:1/", "ann-1"))
        courier = Courier(outbox, BreaksOn(b""), outbox.clock)
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(courier.run(), 10)
        assert caught.group_contains(ZeroDivisionError)

    asyncio.run(story())
