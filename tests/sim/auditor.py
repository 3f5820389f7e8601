"""The auditor: does to the model what was committed, when it was committed, and compares what everybody was told with it."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tallybook.delivery.policy import POLICY
from tallybook.delivery.sender import Request
from tallybook.delivery.signature import HEADER, sign
from tallybook.domain.refusals import OutcomeUnknown, Refusal, TryAgain
from tallybook.engine.work import Reply
from tallybook.store.database import Database
from tallybook.store.verify import verify
from tallybook.usecases.command import Command
from tests.books import render
from tests.model.state import differences, of_model, of_store
from tests.model.world import No, World

ZONE = ZoneInfo("Europe/Warsaw")
SECRET = "secret"
BUGS = frozenset(
    {"batch_broken", "command_broken", "engine_stumbled", "event_not_rendered", "job_failed", "sending_broke", "sweep_failed"}
    | {"sweep_stuck"}
)
"""What is logged only when something is wrong with us, whatever the world does. A settling that fails is tried again."""
LEDGER_EVENTS = frozenset({"voucher.loyalty_card.transaction.created", "voucher.loyalty_card.pending_points.activated"})
STATUSES: dict[type, int] = {TryAgain: 503, OutcomeUnknown: 500}


class Wrong(SystemExit):
    """The product broke a promise. Like a crash it passes everything that catches exceptions."""


def demand(kept: bool, otherwise: str) -> None:
    """Raises Wrong unless a promise is kept."""
    if not kept:
        raise Wrong(otherwise)


@dataclass(eq=False)
class Wish:
    """What somebody wants: the command, and the same done to the model. `keyed`: every try carries one idempotency key."""

    name: str
    command: Command
    model: Callable[[World], Any]
    learn: Callable[[Any, Any], None] = lambda _model, _answer: None
    keyed: bool = True
    repeatable: bool = False
    """Doing it twice is doing it once, by its own nature."""
    effects: list[bytes] = field(default_factory=list)
    """The answer of each time it took place."""


@dataclass(eq=False)
class Try:
    """One request for a wish."""

    wish: Wish
    took_place: bool = False


@dataclass
class Calls:
    """What the receivers saw of one send-out."""

    bodies: set[bytes] = field(default_factory=set)
    first_came: int | None = None
    first_taken: int | None = None
    failures: list[int] = field(default_factory=list)


class Auditor:
    """Knows what really happened: what SQLite committed, and what came to the receivers."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self.world = World(now(), ZONE)
        self._path = path
        self._now = now
        self._open: list[tuple[Try, Any, bytes]] = []
        self._tick = 0
        self.calls: defaultdict[str, Calls] = defaultdict(Calls)
        self.subscribed_ms = 0
        """When the webhooks were there."""

    # --- what is committed ---

    def render(self, attempt: Try) -> Callable[[Any], tuple[int, bytes]]:
        """Renders answers, which is done inside the transaction: so it is known in which order the batch decided."""

        def rendered(answer: Any) -> tuple[int, bytes]:
            status, body = render(answer)
            self._open.append((attempt, answer, body))
            return STATUSES.get(type(answer), status), body

        return rendered

    def begun(self) -> None:
        """A transaction begins: what was decided before, and not committed, never was."""
        self._open.clear()

    def committed(self) -> None:
        """What was decided since `begun` has taken place: it does to the model the same, in the same order."""
        decided, self._open = self._open, []
        self.world.move(self._now())
        for attempt, answer, body in decided:
            attempt.took_place = True
            attempt.wish.effects.append(body)
            self._compare(attempt.wish, answer)

    def _compare(self, wish: Wish, answer: Any) -> None:
        allowed: tuple[str, ...] = ("done",)
        expected = None
        try:
            expected = wish.model(self.world)
        except No as no:
            allowed = no.keys
        said = answer.key if isinstance(answer, Refusal) else repr(answer) if isinstance(answer, Exception) else "done"
        demand(said in allowed, f"{wish.name}: {said}; the model says {' or '.join(allowed)}")
        if said == "done":
            wish.learn(expected, answer)

    # --- what is answered ---

    def answered(self, attempt: Try, reply: Reply) -> bool:
        """Checks an answer as it arrives; whether it is the last word on the wish."""
        wish = attempt.wish
        if reply.status == 503:
            demand(not attempt.took_place, f"{wish.name}: 503 says that nothing was done, but it was")
        if reply.status >= 500:
            return False
        if reply.replayed:
            demand([reply.body] == wish.effects, f"{wish.name}: a replayed answer differs")
        else:
            demand(attempt.took_place, f"{wish.name} was answered before it was durable")
        return True

    # --- what the receivers see ---

    def came(self, request: Request) -> None:
        """A call arrived."""
        calls = self._calls(request)
        demand(request.headers[HEADER] == sign(request.body, SECRET), "a wrong signature")
        calls.bodies.add(request.body)
        demand(len(calls.bodies) == 1, f"two bodies for one send-out: {calls.bodies}")
        calls.first_came = calls.first_came or self._tick

    def took(self, request: Request) -> None:
        """It was answered 200."""
        calls = self._calls(request)
        calls.first_taken = calls.first_taken or self._tick

    def failed(self, request: Request) -> None:
        """It was answered otherwise, or not at all."""
        self._calls(request).failures.append(self._tick)

    def _calls(self, request: Request) -> Calls:
        self._tick += 1
        return self.calls[msgspec.json.decode(request.body)["id"]]

    # --- the end, when nothing is under way and nothing is wrong any more ---

    def prove(self, wishes: list[Wish], logged: list[str]) -> None:
        """Everything adds up. AssertionError: it does not."""
        demand(not BUGS.intersection(logged), f"the log says {BUGS.intersection(logged)}")
        for wish in wishes:
            demand(wish.repeatable or len(wish.effects) <= 1, f"{wish.name} took place {len(wish.effects)} times")
        self.world.move(self._now())
        with closing(Database(f"sqlite:///{self._path}")) as database, database.reading() as connection:
            told = differences(of_model(self.world), of_store(connection, ZONE))
            told += [str(finding) for finding in verify(connection).findings]
        demand(not told, "\n".join(told))
        self._prove_deliveries()
        self._prove_ledgers_told()

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives, past the product."""
        with closing(sqlite3.connect(self._path)) as connection:
            return connection.execute(sql, values).fetchall()

    def _prove_deliveries(self) -> None:
        wanted = set()
        webhooks = {
            key: msgspec.json.decode(doc) for key, doc in self.ask("SELECT id, doc FROM documents WHERE kind = 'webhook'")
        }
        for event_id, name in self.ask("SELECT id, name FROM events WHERE created_at > ?", self.subscribed_ms):
            wanted |= {(event_id, key) for key, webhook in webhooks.items() if name in webhook["events"]}
        rows = self.ask("SELECT id, event_id, webhook_id, stream, state FROM send_outs ORDER BY id")
        demand({(event_id, webhook_id) for _, event_id, webhook_id, _, _ in rows} >= wanted, "an event without its send-out")
        demand(len({row[1:3] for row in rows}) == len(rows), "an event has two send-outs to one webhook")
        lines: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for send_out_id, _, webhook_id, stream, state in rows:
            self._prove_arrived(send_out_id, state)
            self._prove_turn(send_out_id, lines[webhook_id, stream], strict=webhooks[webhook_id]["strict_order"])
            lines[webhook_id, stream].append(send_out_id)

    def _prove_arrived(self, send_out_id: str, state: str) -> None:
        calls = self.calls[send_out_id]
        if state == "FAILED":
            demand(len(calls.failures) > len(POLICY.due), f"{send_out_id} was given up after {len(calls.failures)} calls")
        else:
            demand(state == "DELIVERED", f"{send_out_id} is still {state}")
            demand(calls.first_taken is not None, f"{send_out_id} is said to be delivered, but nobody took it")

    def _prove_turn(self, send_out_id: str, earlier: list[str], *, strict: bool) -> None:
        """It came when everything before it in its line had been taken, or had failed twice (strict: for good)."""
        came = self.calls[send_out_id].first_came
        patience = len(POLICY.due) + 1 if strict else 2
        if came is None:
            return
        for other in earlier:
            calls = self.calls[other]
            taken = calls.first_taken is not None and calls.first_taken < came
            demand(taken or sum(at < came for at in calls.failures) >= patience, f"{send_out_id} overtook {other}")

    def _prove_ledgers_told(self) -> None:
        """The webhook that gets everything was told of each row of the model's ledgers, in its order."""
        ((webhook_id,),) = self.ask("SELECT id FROM documents WHERE kind = 'webhook' AND doc LIKE '%pending_points.activated%'")
        told: defaultdict[str, list[tuple[str, int, int, int]]] = defaultdict(list)
        for _, calls in sorted(self.calls.items()):
            said = msgspec.json.decode(next(iter(calls.bodies), b"null"))
            if said and said["source"]["id"] == webhook_id and said["type"] in LEDGER_EVENTS:
                balance = said["data"]["transaction"]["details"]["balance"]
                row = (said["data"]["transaction"]["type"], balance["points"], balance["balance"], balance["total"])
                told[said["data"]["voucher"]["id"]].append(row)
        if self.ask("SELECT 1 FROM send_outs WHERE state = 'FAILED' AND webhook_id = ?", webhook_id):
            return
        ids = {
            (customer, campaign): key for key, customer, campaign in self.ask("SELECT id, customer_id, campaign_id FROM cards")
        }
        for card in self.world.cards:
            wanted = [(row.type, row.points, row.balance, row.total) for row in card.ledger]
            came = told[ids[card.holder.id, card.programme.id]]
            demand(came == wanted, f"{card.holder.source_id} was told {came}; the model has {wanted}")
