"""Delivery in a process of its own, so that sending never takes the interpreter from the orders (docs/adr).

The two processes speak over a pair of sockets, in frames: a length and a MessagePack message. The child reads the book
itself; what it has to write it asks of its parent, whose engine is the one that writes. When the parent is gone, it ends.
"""

import asyncio
import contextlib
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
import uvloop

from tallybook import telemetry
from tallybook.clock import real_now
from tallybook.delivery.clerk import Clerk
from tallybook.delivery.courier import Courier
from tallybook.delivery.guard import Guard, networks
from tallybook.delivery.outbox import OutboxUnavailable
from tallybook.delivery.post_room import PostRoom
from tallybook.delivery.sender import HttpSender
from tallybook.ids import Ids
from tallybook.interpreter import set_for_serving
from tallybook.store.database import Database
from tallybook.store.notices import listen
from tallybook.store.send_outs import Result
from tallybook.wire.json import make_types_ready

log = structlog.get_logger()

RESTART_SECONDS = 1.0
"""Pause before a delivery process that ended by itself is started again."""
ANSWER_SECONDS = 120.0
"""How long a child waits for its parent's answer. The database may be away for a while; a parent is not."""
NICENESS = 10
"""Orders go before their webhooks where the machine has not enough for both (docs/adr/0003)."""
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES = 20
_LENGTH = struct.Struct("!I")


class Start(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child, first: what it works with."""

    database_url: str
    public_url: str
    private_webhooks: str
    user_agent: str
    drain_seconds: float
    log_level: str = "info"


class Wake(msgspec.Struct, frozen=True, tag=True):
    """To the child: something was committed."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """To the child: finish what is in flight and end."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """To the child: the answer to what it asked; `error` when it could not be done now."""

    taken: bool = True
    error: str | None = None


class RecordResults(msgspec.Struct, frozen=True, tag=True):
    """To the parent: write these results. `spent` are seconds by stage since the last time."""

    results: list[Result]
    spent: dict[str, float]


class TakeLease(msgspec.Struct, frozen=True, tag=True):
    """To the parent: see Clerk.take_lease."""

    owner: str
    now: datetime
    until: datetime


class DropLease(msgspec.Struct, frozen=True, tag=True):
    """To the parent: see Clerk.drop_lease."""

    owner: str


_to_child = msgspec.msgpack.Decoder(Start | Wake | Stop | Done)
_to_parent = msgspec.msgpack.Decoder(RecordResults | TakeLease | DropLease)


class Channel:
    """One end of the pair of sockets. Any thread may send; one reads."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Sends a message. Raises OSError when the other end is gone."""
        body = msgspec.msgpack.encode(message)
        with self._lock:
            self._sock.sendall(_LENGTH.pack(len(body)) + body)

    def try_send(self, message: msgspec.Struct) -> bool:
        """Sends a small message unless that would have to wait. Whether it was sent; true also when the other end is gone."""
        body = msgspec.msgpack.encode(message)
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._sock.send(_LENGTH.pack(len(body)) + body, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._lock.release()
        return True

    def receive(self) -> bytes | None:
        """The next message, encoded; None when the other end is gone."""
        try:
            head = self._file.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
            body = self._file.read(length)
        except OSError:
            return None
        return body if length and len(body) == length else None

    def close(self) -> None:
        """Ends it; whoever reads gets None."""
        self._sock.close()


class DeliveryProcess:
    """The parent's side: starts the child, keeps it running, and does the writes it asks for."""

    def __init__(self, start: Start, clerk: Clerk) -> None:
        self._start = start
        self._clerk = clerk
        self._channel: Channel | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._owner: str | None = None
        self._wake_wanted = False
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed. Never blocks and never raises: the engine calls this.

        A child that does not read has words enough to wake it; one that is being answered is told behind the answer.
        """
        channel = self._channel
        if channel is not None and not channel.try_send(Wake()):
            self._wake_wanted = True

    def stop(self) -> None:
        """The child claims nothing more, waits for what is in flight up to the drain time, has it recorded, and ends."""
        self._stopping = True
        self._tell(Stop())
        self._thread.join(self._start.drain_seconds + 10)
        if self._child is not None and self._child.poll() is None:
            self._child.kill()

    def _tell(self, message: msgspec.Struct) -> None:
        channel = self._channel
        if channel is not None:
            try:
                channel.send(message)
            except OSError:
                log.debug("delivery_process_gone")

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._serve_child()
            except Exception:
                log.exception("delivery_process_lost")
            self._bury_child()
            if not self._stopping:
                log.error("delivery_process_ended")
                threading.Event().wait(RESTART_SECONDS)

    def _serve_child(self) -> None:
        ours, theirs = socket.socketpair()
        channel = Channel(ours)
        words = [sys.executable, "-m", "tallybook.delivery.process", str(theirs.fileno())]
        self._child = subprocess.Popen(words, pass_fds=[theirs.fileno()])  # noqa: S603  # our own program
        theirs.close()
        channel.send(self._start)
        self._channel = channel
        if self._stopping:
            channel.send(Stop())
        while (message := channel.receive()) is not None:
            channel.send(self._answer(_to_parent.decode(message)))
            if self._wake_wanted:
                self._wake_wanted = False
                channel.send(Wake())

    def _bury_child(self) -> None:
        """Leaves nothing of a child that is gone, or cannot be spoken with any more."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        if self._child is not None:
            if not self._stopping:
                self._child.kill()
            self._child.wait()
        self._free_lease()

    def _free_lease(self) -> None:
        """The child is gone, whatever ended it: whoever delivers next need not wait for the end of its lease."""
        if self._owner is not None:
            with contextlib.suppress(Exception):
                self._clerk.drop_lease(self._owner)
            self._owner = None

    def _answer(self, asked: RecordResults | TakeLease | DropLease) -> Done:
        try:
            if isinstance(asked, RecordResults):
                self._clerk.record(asked.results)
                for name, seconds in asked.spent.items():
                    telemetry.spent(name, seconds)
            elif isinstance(asked, TakeLease):
                self._owner = asked.owner
                return Done(taken=self._clerk.take_lease(asked.owner, asked.now, asked.until))
            else:
                self._clerk.drop_lease(asked.owner)
        except Exception as away:  # noqa: BLE001  # whatever it is, the child must have an answer
            log.warning("delivery_not_recorded", error=str(away))
            return Done(error=str(away))
        return Done()


class RemoteClerk:
    """The child's clerk: asks the parent, and waits for its answer."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._answers: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._rendered = 0.0
        self._used = time.process_time()

    def record(self, results: Sequence[Result]) -> None:
        """What came of attempts, with the processor time since the last report: what is not rendering is sending."""
        rendered, used = telemetry.stage_totals()["render"], time.process_time()
        sending = used - self._used - (rendered - self._rendered)
        spent = {"render": rendered - self._rendered, "send": max(sending, 0.0)}  # a rendering may have begun before the last
        self._rendered, self._used = rendered, used
        self._ask(RecordResults(list(results), spent))

    def take_lease(self, owner: str, now: datetime, until: datetime) -> bool:
        """See Clerk."""
        return self._ask(TakeLease(owner, now, until)).taken

    def drop_lease(self, owner: str) -> None:
        """See Clerk."""
        self._ask(DropLease(owner))

    def answered(self, answer: Done) -> None:
        """The parent's answer came."""
        self._answers.put(answer)

    def _ask(self, message: msgspec.Struct) -> Done:
        with self._turn:
            try:
                self._channel.send(message)
            except OSError as gone:
                raise OutboxUnavailable("the parent process is gone") from gone
            try:
                answer = self._answers.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                os._exit(1)  # a parent that does not answer is none; another child will be started
        if answer.error is not None:
            raise OutboxUnavailable(answer.error)
        return answer


def main(fd: int) -> None:
    """The child: delivers until it is told to stop, or its parent is gone."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # the parent says when to stop
    _give_way()
    channel = Channel(socket.socket(fileno=fd))
    first = channel.receive()
    if first is None:
        return
    start = _to_child.decode(first)
    assert isinstance(start, Start)
    telemetry.configure_log(start.log_level)
    make_types_ready()
    set_for_serving()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_deliver(start, channel))


def _give_way() -> None:
    """Is as nice as it should be: among all processes too, where Linux first divides time between sessions (sched(7)).

    Linux lets one process of a machine say so in a tenth of a second; the others are to try again.
    """
    os.nice(NICENESS)
    if not AUTOGROUP.exists():
        return
    with contextlib.suppress(PermissionError):
        os.setsid()
    for _ in range(AUTOGROUP_TRIES):
        try:
            AUTOGROUP.write_text(str(NICENESS))
        except BlockingIOError:
            time.sleep(0.1 + os.getpid() % 100 / 1000)
        except OSError:
            return
        else:
            return


async def _deliver(start: Start, channel: Channel) -> None:
    clerk = RemoteClerk(channel)
    database = Database(start.database_url)
    post_room = PostRoom(database, clerk, Ids(0), real_now, start.public_url)
    sender = HttpSender(Guard(networks(start.private_webhooks)), start.user_agent)
    courier = Courier(post_room, sender, real_now, drain_seconds=start.drain_seconds)
    threading.Thread(target=_hear_parent, args=(channel, clerk, post_room, courier), daemon=True).start()
    if not database.is_sqlite:
        threading.Thread(target=listen, args=(database, post_room.wake), daemon=True).start()
    try:
        await courier.run()
        await asyncio.to_thread(post_room.close)
    finally:
        await sender.close()
        database.close()


def _hear_parent(channel: Channel, clerk: RemoteClerk, post_room: PostRoom, courier: Courier) -> None:
    try:
        while (body := channel.receive()) is not None:
            message = _to_child.decode(body)
            if isinstance(message, Done):
                clerk.answered(message)
            elif isinstance(message, Stop):
                courier.stop()
            else:
                post_room.wake()
    finally:
        os._exit(0)  # the parent is gone: what is unfinished is due again


if __name__ == "__main__":
    main(int(sys.argv[1]))
