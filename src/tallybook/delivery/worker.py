"""The courier's own thread and event loop, so that sending never waits for the API, nor the API for it."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from tallybook.delivery.courier import Courier
from tallybook.delivery.guard import Guard, networks
from tallybook.delivery.post_room import PostRoom
from tallybook.delivery.sender import HttpSender

log = structlog.get_logger()


class DeliveryWorker:
    """Runs a courier until it is stopped."""

    def __init__(
        self, post_room: PostRoom, now: Callable[[], datetime], private_networks: str, user_agent: str, drain_seconds: float
    ) -> None:
        self._post_room = post_room
        self._now = now
        self._guard = Guard(networks(private_networks))
        self._user_agent = user_agent
        self._drain_seconds = drain_seconds
        self._courier: Courier | None = None
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Claims nothing more; waits for what is in flight, up to the drain time; records it."""
        if self._courier is not None:
            self._courier.stop()
        self._thread.join(self._drain_seconds + 5)
        self._post_room.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._deliver())
        except Exception:
            log.exception("delivery_broken")

    async def _deliver(self) -> None:
        sender = HttpSender(self._guard, self._user_agent)
        self._courier = Courier(self._post_room, sender, self._now, drain_seconds=self._drain_seconds)
        try:
            await self._courier.run()
        finally:
            await sender.close()
