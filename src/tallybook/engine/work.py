"""What waits for the engine: commands with somebody who wants the answer, and errands of the other rooms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tallybook.store.database import Connection
from tallybook.usecases.command import Command


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes over the wire. `replayed`: kept from an earlier request with the same idempotency key."""

    status: int
    body: bytes
    replayed: bool = False
    answer: Any = None
    """What the command decided: for callers inside the process."""


Render = Callable[[Any], tuple[int, bytes]]
"""Makes status and bytes of what a command decided, or of the Refusal it said no with."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The key of a request as the store knows it, and the hash of its body (decision 32)."""

    receipt_id: str
    body_hash: str


@dataclass(slots=True)
class Submission:
    """A command, how its answer is rendered, and where it goes. The bytes are made inside the transaction."""

    command: Command
    render: Render
    token: Any = None
    idempotency: Idempotency | None = None
    keep: Callable[[Any], bytes] | None = None
    """The body that the receipt keeps of a success, where that of the answer must not be stored."""


@dataclass(slots=True)
class Errand:
    """A write of another room (a send-out's result, a lease), run in the transaction of a batch."""

    run: Callable[[Connection], Any]
    token: Any = None
