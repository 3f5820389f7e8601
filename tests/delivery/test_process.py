"""The delivery process: a real child of a real engine, that is stopped, killed and left alone."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tallybook.delivery.clerk import EngineClerk
from tallybook.delivery.process import Channel, DeliveryProcess, Start
from tallybook.delivery.signature import sign
from tallybook.store.database import Database
from tests.delivery.plain_outbox import SECRET
from tests.delivery.post_office import ORDERS, PUBLIC_URL, PostOffice
from tests.receiver import Answer, Receiver


def _start(database: Database, drain_seconds: float = 5.0) -> Start:
    return Start(
        database_url=database.url.render_as_string(hide_password=False),
        public_url=PUBLIC_URL,
        private_webhooks="127.0.0.0/8",
        user_agent="Tallybook/test",
        drain_seconds=drain_seconds,
    )


@contextlib.contextmanager
def _delivering(office: PostOffice) -> Iterator[DeliveryProcess]:
    """A running delivery process that hears of every commit."""
    process = DeliveryProcess(_start(office.database), EngineClerk(office.database, office.engine))
    office.wake = process.wake
    process.start()
    try:
        yield process
    finally:
        process.stop()
    assert process._child is not None
    assert process._child.poll() == 0


def _until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def _running(process: DeliveryProcess) -> "subprocess.Popen[bytes]":
    _until(lambda: process._child is not None)
    assert process._child is not None
    return process._child


def test_what_the_engine_writes_is_delivered(real_office: PostOffice) -> None:
    """Events arrive signed, numbered and in their order while orders come in, and what came of them is recorded; signals
    that a terminal sends to the whole group are left to the parent.
    """
    office = real_office
    with Receiver() as receiver, _delivering(office) as process:
        office.subscribe(receiver.url + "/hook")
        office.order("first")
        receiver.wait_for(3)
        for number in (signal.SIGINT, signal.SIGTERM):
            _running(process).send_signal(number)
        office.order("second")
        received = receiver.wait_for(5)
        _until(lambda: office.states() == [("DELIVERED", 1)] * 5)
    assert [one.headers["x-tallybook-sequence"] for one in received] == ["1", "2", "3", "4", "5"]
    assert {one.path for one in received} == {"/hook"}
    assert [one.headers["x-voucherify-signature"] for one in received] == [sign(one.body, SECRET) for one in received]
    sent = [body.split(b'"type":"', 1)[1].split(b'"', 1)[0].decode() for body in (one.body for one in received)]
    assert sent == [*ORDERS, *ORDERS[1:]]


def test_a_graceful_stop_records_what_is_in_flight(real_office: PostOffice) -> None:
    """Told to stop, it waits for the answer to what is in flight, has it recorded, and leaves the rest as it was."""
    office = real_office
    with Receiver() as receiver:
        receiver.answer = Answer(delay=0.3)
        office.subscribe(receiver.url)
        office.order("first")
        with _delivering(office):
            receiver.wait_for(1)
        assert len(receiver.received) == 1
    assert office.states() == [("DELIVERED", 1), ("WAITING", 0), ("WAITING", 0)]


def test_a_killed_process_is_started_again(real_office: PostOffice) -> None:
    """Killed in the middle of a request, it is started again and delivers everything that was not recorded."""
    office = real_office
    with Receiver() as receiver, _delivering(office) as process:
        receiver.answers = [Answer(delay=60)]
        office.subscribe(receiver.url)
        office.order("first")
        receiver.wait_for(1)
        killed = _running(process)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        with office.database.writing() as connection:  # as if the time of the dead process's lease had passed
            connection.exec_driver_sql("UPDATE leases SET until = 0")
        received = receiver.wait_for(4)
        _until(lambda: office.states() == [("DELIVERED", 1)] * 3)
        assert _running(process).pid != killed.pid
    assert received[1].body == received[0].body
    assert [one.headers["x-tallybook-sequence"] for one in received] == ["1", "1", "2", "3"]


@pytest.mark.parametrize("begun", [False, True], ids=["before it began", "while it delivers"])
def test_it_ends_with_its_parent(real_office: PostOffice, begun: bool) -> None:
    """When the parent is gone, and its end of the channel with it, the process ends, also in the middle of a question."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tallybook.delivery.process", str(theirs.fileno())]
    child = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    theirs.close()
    with Receiver() as receiver:
        try:
            if begun:
                real_office.subscribe(receiver.url)
                real_office.order("first")
                channel = Channel(ours)
                channel.send(_start(real_office.database))
                assert channel.receive() is not None
            ours.shutdown(socket.SHUT_RDWR)
            assert child.wait(15) == 0
        finally:
            child.kill()
            ours.close()


def _is_another(process: DeliveryProcess, child: object) -> bool:
    return process._child is not child


def test_it_is_started_again_however_often_it_dies_at_work(real_office: PostOffice) -> None:
    """Killed three times with words waiting for it unread, it is there again each time, and everything arrives."""
    with Receiver() as receiver:
        real_office.subscribe(receiver.url)
        with _delivering(real_office) as process:
            for death in range(3):
                child = _running(process)
                child.send_signal(signal.SIGSTOP)
                for number in range(20):
                    real_office.order(f"order-{death}-{number}")
                child.kill()
                _until(partial(_is_another, process, child))
            _until(lambda: {state for state, _ in real_office.states()} == {"DELIVERED"}, 30)


def test_a_process_that_stands_still_stops_no_order(real_office: PostOffice) -> None:
    """Orders are answered while it reads nothing, far past what its line can hold; when it goes on, everything arrives."""
    with Receiver() as receiver:
        real_office.subscribe(receiver.url, ["customer.created"])
        with _delivering(real_office) as process:
            child = _running(process)
            _until(lambda: process._channel is not None)
            child.send_signal(signal.SIGSTOP)
            for _ in range(20_000):
                process.wake()
            real_office.order("while it stands")
            assert receiver.received == []
            child.send_signal(signal.SIGCONT)
            _until(lambda: {state for state, _ in real_office.states()} == {"DELIVERED"}, 30)
