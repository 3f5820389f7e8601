"""Webhooks as they arrived, checked as a careful receiver checks them."""

import contextlib
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from tests.receiver import Receiver

WAIT_SECONDS = 10


def signature(secret: str, body: bytes) -> str:
    """What `x-voucherify-signature` must be for these bytes: lower-case hexadecimal HMAC-SHA256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Delivery:
    """One call to the receiver. Header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> Any:
        """The whole document."""
        return json.loads(self.body)

    @property
    def type(self) -> str:
        """The event's name."""
        name: str = self.envelope["type"]
        return name

    @property
    def data(self) -> Any:
        """What the event says."""
        return self.envelope["data"]


class Inbox:
    """The deliveries of one receiver, each send-out once, in the order of their events."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def wait(self, count: int) -> list[Delivery]:
        """Wait for so many deliveries; give all there are, ordered by event id, which is the order the events were made in."""
        with contextlib.suppress(TimeoutError):  # the test that counts them says better which are missing
            self._receiver.wait_for(count, WAIT_SECONDS)
        deliveries = [Delivery(*received) for received in list(self._receiver.received)]
        by_send_out = {delivery.envelope["id"]: delivery for delivery in deliveries}
        return sorted(by_send_out.values(), key=lambda delivery: _moment(delivery.envelope["event"]["id"]))

    def arrived(self, count: int) -> list[str]:
        """Wait for so many deliveries; give the ids of their events in the order they came."""
        return [Delivery(*received).envelope["event"]["id"] for received in self._receiver.wait_for(count, WAIT_SECONDS)]

    def only(self) -> Delivery:
        """The one delivery there is."""
        (delivery,) = self.wait(1)
        return delivery


def _moment(event_id: str) -> str:
    return event_id.partition("_")[2]
