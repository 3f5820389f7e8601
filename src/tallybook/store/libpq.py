"""Statements of PostgreSQL by name: prepared once for a connection, then sent as a name and values.

The driver's cursors take some 70 µs for a statement, whatever it says, and look at the wire after each. Here a statement is one
call of libpq, and those that are sent together meet the wire once (docs/adr/0013).
"""

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus

Value = str | int | list[str] | None
"""A list is an array of texts."""


class Answer:
    """What came of a statement. Of one that was sent together with others it is to be asked when all of them were."""

    __slots__ = ("_line", "is_of_name", "result")

    def __init__(self, line: "Line", *, is_of_name: bool = False) -> None:
        self._line = line
        self.is_of_name = is_of_name
        """Whether it is of the naming of a statement, not of the statement itself."""
        self.result: Any = None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that were found."""
        return self._line.rows(self.result)


class Line:
    """The statements of one connection, whose transaction begins with the first of them. Raises the driver's errors."""

    def __init__(self, driver: "psycopg.Connection[Any]") -> None:
        self._driver = driver
        self._libpq = driver.pgconn
        self._loading = Transformer(driver)
        self._names: dict[str, bytes] = {}
        self._prepared = 0
        self._sent: list[tuple[str, Answer]] | None = None
        self._under_way: list[tuple[str, Answer]] = []

    def execute(self, text: str, values: Sequence[Value]) -> Answer:
        """Runs a statement whose parameters are `$1`, `$2` …, or sends it with the others."""
        if self._sent is not None:
            return self._send(text, values)
        with self.together():
            return self._send(text, values)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Sends what is run in the block without waiting for each; at its end all is done, or the first error is raised."""
        with self.ahead():
            yield
        self.arrive()

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Sends what is run in the block, all of it, and goes on; nothing else is to be run before `arrive`.

        What goes wrong in the block itself is raised at once, and what was sent of it is waited for.
        """
        assert self._sent is None
        assert not self._under_way
        self._libpq.enter_pipeline_mode()
        self._sent = []
        try:
            yield
        except BaseException:
            sent, self._sent = self._sent, None
            self._receive(self._sync(sent))
            raise
        sent, self._sent = self._sent, None
        self._under_way = self._sync(sent)

    def arrive(self) -> None:
        """Waits for all that was sent `ahead`: it is done, or the first error is raised."""
        sent, self._under_way = self._under_way, []
        self._receive(sent)

    def rows(self, result: Any) -> list[tuple[Any, ...]]:
        """The rows of a result."""
        self._loading.set_pgresult(result)
        return self._loading.load_rows(0, result.ntuples, tuple)

    def _send(self, text: str, values: Sequence[Value]) -> Answer:
        assert self._sent is not None
        if not self._sent and self._libpq.transaction_status == TransactionStatus.IDLE and text != _BEGIN:
            self._send(_BEGIN, ())
        given = [_given(value) for value in values]
        name = self._names.get(text)
        if name is None:
            self._prepared += 1
            name = self._names[text] = b"tallybook_%d" % self._prepared
            self._sent.append((text, Answer(self, is_of_name=True)))
            self._libpq.send_prepare(name, text.encode())
        answer = Answer(self)
        self._sent.append((text, answer))
        forms = [Format.BINARY if isinstance(value, list) else Format.TEXT for value in values]
        self._libpq.send_query_prepared(name, given, forms)
        return answer

    def _sync(self, sent: list[tuple[str, Answer]]) -> list[tuple[str, Answer]]:
        """Has all that was sent on its way. A wire that is broken says so when the results are received."""
        if not sent:
            self._libpq.exit_pipeline_mode()
            return sent
        with self._driver.lock, suppress(psycopg.OperationalError):  # as its own statements: nobody closes it meanwhile
            self._libpq.pipeline_sync()
            self._driver.wait(send(self._libpq))
        return sent

    def _receive(self, sent: list[tuple[str, Answer]]) -> None:
        """Takes the result of everything that was sent. Of what followed an error nothing took place."""
        if not sent:
            return
        failed: psycopg.Error | None = None
        with self._driver.lock:
            results = self._driver.wait(self._results(len(sent) + 1))
            if results[-1].status == ExecStatus.PIPELINE_SYNC:
                self._libpq.exit_pipeline_mode()
            else:  # the connection ended behind what it had answered, and may not know it yet
                self._libpq.finish()
        for (text, answer), result in zip(sent, results, strict=False):  # the last one is of the end
            answer.result = result
            if result.status in _FAILED:
                failed = failed or error_from_result(result)
                if result.error_field(DiagnosticField.SQLSTATE) in _PREPARE_AGAIN:
                    self._names.clear()
                elif answer.is_of_name:
                    self._names.pop(text, None)
            elif text == COMMIT and not answer.is_of_name and result.command_status != COMMIT.encode():
                failed = failed or psycopg.errors.InFailedSqlTransaction("rolled back instead of committed")
        if failed is None and results[-1].status != ExecStatus.PIPELINE_SYNC:
            failed = error_from_result(results[-1])
        if failed is not None:
            raise failed

    def _results(self, count: int) -> Generator[Any, Any, list[Any]]:
        """So many results; fewer when the connection was lost after one that says why."""
        results: list[Any] = []
        while len(results) < count:
            try:
                found = yield from fetch_many(self._libpq)
            except psycopg.OperationalError:
                if results and results[-1].status == ExecStatus.FATAL_ERROR:
                    break
                raise
            if not found:
                raise psycopg.OperationalError("the connection was lost")
            results += found
        return results


COMMIT = "COMMIT"
_BEGIN = "BEGIN"
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)
_PREPARE_AGAIN = (b"26000", b"0A000")
"""PostgreSQL knows no such name any more, or a table is not what it was when the statement was planned."""


def _given(value: Value) -> bytes | None:
    """A value as PostgreSQL reads it; libpq ends a text at a NUL, which none can hold."""
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("PostgreSQL has no text with a NUL")
        return value.encode()
    return _array(value) if isinstance(value, list) else b"%d" % value


_TEXT = 25
"""PostgreSQL's number of the type."""


def _array(texts: list[str]) -> bytes:
    """The binary form, which is copied where the other one is read character by character: one dimension, no nulls, from 1."""
    parts = [struct.pack("!iiiii", 1, 0, _TEXT, len(texts), 1)]
    for text in texts:
        said = text.encode()
        parts += (len(said).to_bytes(4, "big"), said)
    return b"".join(parts)
