"""One batch: read, decide, write, commit, in one database transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from tallybook import telemetry
from tallybook.domain.records import Order, Receipt
from tallybook.domain.refusals import IdempotencyKeyReused, LeaseLost, NotFound, Refusal
from tallybook.engine.work import Errand, Reply, Submission
from tallybook.ids import Ids
from tallybook.store.database import Connection
from tallybook.store.read_book import BookReader
from tallybook.store.write_facts import FactWriter, is_for_delivery
from tallybook.usecases.book import Book
from tallybook.usecases.command import Command
from tallybook.usecases.page import NotRead, Page
from tallybook.usecases.settle import settle_all

log = structlog.get_logger()

Work = Submission | Errand


@dataclass(slots=True)
class Handled:
    """What came of a batch: an answer for each piece of work, and whether there is something to send, or to go on with."""

    replies: list[tuple[Work, Any]] = field(default_factory=list)
    has_send_outs: bool = False
    has_actions: bool = False
    orders: int = 0


class Batch:
    """Handles pieces of work together. It knows no queue and no retries."""

    def __init__(self, reader: BookReader, writer: FactWriter, ids: Ids, real_now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = ids
        self._real_now = real_now

    def run(
        self, connection: Connection, work: Sequence[Work], batch_id: str, began: datetime, *, beside: bool = False
    ) -> Handled:
        """Does the work in the transaction that the caller has begun, and will commit. Raises what makes the whole batch lose.

        What is written goes `ahead`, PostgreSQL's commit with it: the rest of what makes it lose is raised when it arrives.
        `beside` another batch, a command that breaks makes it lose too: what it read may be of before and after that one.
        """
        handled = Handled()
        submissions = [one for one in work if isinstance(one, Submission)]
        book = self._read(connection, submissions, lambda: self._writer.enter(connection, batch_id, began))
        real_now = self._real_now()  # now that the customers are held: another worker's changes of them were before it
        with telemetry.stage("decide"):
            handled.replies += [(one, self._handle(book, one, real_now, beside=beside)) for one in submissions]
        for errand in work:
            if isinstance(errand, Errand):
                handled.replies.append((errand, errand.run(connection)))
        with telemetry.stage("write"):
            self._writer.write(connection, book, real_now)
        handled.has_send_outs = is_for_delivery(book)
        handled.has_actions = any(kind == "AsyncAction" for kind, _ in book.writes)
        handled.orders = sum(isinstance(record, Order) for record in book.writes.values())
        self._reader.forget(book.config_changes)
        return handled

    def _read(self, connection: Connection, submissions: list[Submission], along: Callable[[], None]) -> Book:
        with telemetry.stage("read"):
            book = self._reader.read(connection, [one.command for one in submissions], along)
            self._reader.receipts(connection, book, [one.idempotency.receipt_id for one in submissions if one.idempotency])
        return book

    def _handle(self, book: Book, submission: Submission, real_now: datetime, *, beside: bool) -> Reply:
        kept = book.receipts.get(submission.idempotency.receipt_id) if submission.idempotency else None
        if kept is not None and submission.idempotency is not None and kept.body_hash == submission.idempotency.body_hash:
            return Reply(kept.status, kept.body, replayed=True)
        refusal = IdempotencyKeyReused() if kept is not None else _unfit(book, submission.command)
        if refusal is not None:
            return self._said(submission, refusal)
        project = book.configurations[submission.command.project_id].project
        now = project.test_now or real_now
        settle_all(book, project.id, self._ids, now, real_now)

        def blank() -> Page:
            return Page(book, book.configurations[project.id], self._ids, now, real_now, submission.command.actor)

        page, answer = self._decided(submission, blank, beside=beside)
        reply = self._said(submission, answer)
        if page is not None:
            self._keep_receipt(page, submission, reply, real_now)
            page.merge()
        return reply

    @staticmethod
    def _decided(submission: Submission, blank: Callable[[], Page], *, beside: bool) -> tuple[Page | None, Any]:
        """What the command decided, and its page; an empty page for a refusal; none when an invariant failed."""
        page = blank()
        try:
            answer = submission.command.decide(page)
            page.close()
        except Refusal as refusal:
            return blank(), refusal
        except NotRead:
            raise
        except Exception as broken:  # this command only: logged, and answered 500
            if beside:
                raise
            log.exception("command_broken", command=type(submission.command).__name__)
            return None, broken
        return page, answer

    @staticmethod
    def _said(submission: Submission, answer: Any) -> Reply:
        if isinstance(answer, Refusal):
            telemetry.REFUSALS.labels(key=answer.key).inc()
        status, body = submission.render(answer)
        return Reply(status, body, answer=answer)

    @staticmethod
    def _keep_receipt(page: Page, submission: Submission, reply: Reply, real_now: datetime) -> None:
        if submission.idempotency is None or reply.status >= 500:
            return
        secret = submission.keep is not None and not isinstance(reply.answer, Exception)
        receipt = Receipt(
            id=submission.idempotency.receipt_id,
            project_id=submission.command.project_id,
            body_hash=submission.idempotency.body_hash,
            status=reply.status,
            body=submission.keep(reply.answer) if submission.keep is not None and secret else reply.body,
            created_at=real_now,
        )
        page.add(receipt)
        page.book.keep(receipt)


def _unfit(book: Book, command: Command) -> Refusal | None:
    """Why a command may not even begin: its project is gone, or another worker does its job now."""
    if command.project_id not in book.configurations:
        return NotFound("project", command.project_id)
    if command.fence is not None and book.fences.get(command.fence.lease) != command.fence.number:
        return LeaseLost()
    return None
