"""A server whose delivery is a thread of it, for comparison: `python -m bench.delivery_thread serve …` is `tallybook serve …`.

Everything else is as in the product, where delivery is a process of its own (docs/adr/0003).
"""

import asyncio
import threading

import uvloop

import tallybook.app
from tallybook.cli.main import main
from tallybook.clock import real_now
from tallybook.delivery.clerk import Clerk
from tallybook.delivery.courier import Courier
from tallybook.delivery.guard import Guard, networks
from tallybook.delivery.post_room import PostRoom
from tallybook.delivery.process import Start
from tallybook.delivery.sender import HttpSender
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.notices import listen


class DeliveryThread:
    """What DeliveryProcess is to its parent."""

    def __init__(self, start: Start, clerk: Clerk) -> None:
        self._start = start
        self._database = Database(start.database_url)
        self._room = PostRoom(self._database, clerk, Ids(0), real_now, start.public_url)
        self._courier: Courier | None = None
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()
        if not self._database.is_sqlite:
            threading.Thread(target=listen, args=(self._database, self._room.wake), daemon=True).start()

    def wake(self) -> None:
        """Something was committed."""
        self._room.wake()

    def stop(self) -> None:
        """What is in flight is recorded."""
        if self._courier is not None:
            self._courier.stop()
            self._thread.join(self._start.drain_seconds + 10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._deliver())

    async def _deliver(self) -> None:
        sender = HttpSender(Guard(networks(self._start.private_webhooks)), self._start.user_agent)
        self._courier = Courier(self._room, sender, real_now, drain_seconds=self._start.drain_seconds)
        await self._courier.run()
        self._room.close()
        await sender.close()


if __name__ == "__main__":
    vars(tallybook.app)["DeliveryProcess"] = DeliveryThread
    main()
