"""What the process says about itself: counts for `GET /metrics`, and the form of its log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import Counter, Gauge, Histogram

from tallybook.log_lines import Lines, as_json

QUEUE_DEPTH = Gauge("tallybook_queue_depth", "Commands that wait for the engine, now")
BATCH_SIZE = Histogram("tallybook_batch_size", "Commands in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
COMMIT_SECONDS = Histogram(
    "tallybook_commit_seconds",
    "Seconds for which the engine waited for a commit; on PostgreSQL for what was written too, as the commit is sent along",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1),
)
COMMANDS = Counter(
    "tallybook_commands",
    "Commands, by outcome: `answered` (refused ones too), `given_up` (503 after three tries) or `broken` (500: a defect of ours)",
    ["outcome"],
)
ORDERS = Counter("tallybook_orders", "Orders written")
REFUSALS = Counter("tallybook_refusals", "Refusals, by the `key` of the error", ["key"])
RETRIES = Counter("tallybook_retries", "Batches that lost and were run again, by the error that made them lose", ["reason"])
SEND_OUTS = Counter(
    "tallybook_send_outs",
    "Attempts to send an event, by the state that followed: `delivered`, `waiting` (for a retry) or `failed` (for good)",
    ["result"],
)
SEND_OUTS_WAITING = Gauge(
    "tallybook_send_outs_waiting",
    "Send-outs that are not finished: `due`, `later` (a retry), `paused` (their webhook is disabled)",
    ["state"],
)
OLDEST_UNSENT_SECONDS = Gauge(
    "tallybook_oldest_unsent_seconds", "How long the oldest send-out that is due has been due; 0: none is"
)
SWEEP_LAG_SECONDS = Gauge(
    "tallybook_sweep_lag_seconds",
    "How long ago the oldest midnight was whose due points are not settled; 0: none. Projects on real time only",
)
WAL_BYTES = Gauge("tallybook_wal_bytes", "Size of SQLite's write-ahead log. With PostgreSQL 0: ask the database, whose log it is")
STAGE_SECONDS = Counter("tallybook_stage_seconds", "Processor seconds spent in each stage of a command or a send-out", ["stage"])

for _metric, _values in (
    (COMMANDS, ("answered", "given_up", "broken")),
    (SEND_OUTS, ("delivered", "waiting", "failed")),
    (SEND_OUTS_WAITING, ("due", "later", "paused")),
):
    for _value in _values:  # there from the start, so that the first one is seen as an increase
        _metric.labels(_value)

_STAGES = {
    stage: STAGE_SECONDS.labels(stage=stage)
    for stage in ("http", "decode", "read", "decide", "write", "commit", "render", "send", "record")
}


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Adds the processor time that this thread spends in the block to a stage.

    Processor time, not time on the clock: the stages of an order add up to what it costs, whatever else the machine does.
    """
    began = time.thread_time()
    try:
        yield
    finally:
        _STAGES[name].inc(time.thread_time() - began)


def spent(name: str, seconds: float) -> None:
    """Adds a measured processor time to a stage."""
    _STAGES[name].inc(seconds)


def stage_totals() -> dict[str, float]:
    """Seconds spent in each stage since the process began."""
    return {name: counter._value.get() for name, counter in _STAGES.items()}  # noqa: SLF001  # the library has no other reader


def account_http() -> None:
    """Books what the calling thread, the one of the event loop, used since the last time, and did not decode, as `http`."""
    totals = stage_totals()
    used = time.thread_time() - totals["http"] - totals["decode"]
    _STAGES["http"].inc(max(used, 0.0))


class _OfLibraries(logging.Handler):
    """What libraries say by the standard library's log, in the form of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        said = {"logger": record.name, "message": record.getMessage(), "exc_info": record.exc_info}
        structlog.get_logger().log(record.levelno, "library", **said)


def configure_log(level: str) -> None:
    """One JSON line per fact, to standard error; of what libraries say only warnings and worse."""
    logging.basicConfig(level=max(getattr(logging, level.upper()), logging.WARNING), handlers=[_OfLibraries()], force=True)
    lines = Lines()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
