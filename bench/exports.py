"""What an export costs: `python -m bench.exports` prints rows per second and the memory it took, for files of several sizes.

The memory is what the process grew by while the file was written. It must not grow with the file.
"""

import contextlib
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import insert

from tallybook.clock import real_now
from tallybook.domain.records import Project, Transaction
from tallybook.engine.engine import Engine
from tallybook.ids import Ids
from tallybook.jobs.exports import Exports
from tallybook.store.database import Database
from tallybook.store.export_files import ExportFiles
from tallybook.store.mapping import mapping
from tallybook.store.migrate import migrate
from tallybook.store.tables import projects, transactions
from tallybook.usecases.exports import CreateExport, ExportParameters

SIZES = (1_000, 20_000, 200_000)
PROJECT = "proj_bench"
FIELDS = ["id", "voucher_id", "campaign_id", "type", "reason", "source", "balance", "amount", "created_at", "details"]
CAUSE = (
    '{"order":{"id":"ord_0123456789abcdef01","source_id":"order-1"},"earning_rule":{"id":"ern_1","source":{"banner":"Order"}}}'
)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def _resident_kb() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def _fill(database: Database, count: int) -> None:
    """A project with a campaign of so many transactions."""
    project = Project(id=PROJECT, name="Bench", time_zone="UTC", webhook_secret="secret", created_at=BEGIN)
    ids, one = Ids(1), mapping(Transaction)
    with database.writing() as connection:
        connection.execute(insert(projects), [mapping(Project).row(project)])
        for start in range(0, count, 10_000):
            rows = [_transaction(ids, number) for number in range(start, min(start + 10_000, count))]
            connection.execute(insert(transactions), [one.row(row) for row in rows])


def _transaction(ids: Ids, number: int) -> Transaction:
    at = BEGIN + timedelta(seconds=number)
    return Transaction(
        id="vtx_" + ids.hex18(at),
        project_id=PROJECT,
        customer_id=f"cust_{number % 1_000:024}",
        card_id=f"v_{number % 1_000:032}",
        campaign_id="camp_bench",
        type="POINTS_ACCRUAL",
        points=10,
        balance=number,
        total=number,
        source="Automation",
        cause=CAUSE,
        created_at=at,
    )


def _export(database: Database, engine: Engine, folder: Path) -> tuple[float, int, int]:
    """Seconds, growth of memory in kB, and the size of the file."""
    said = msgspec.convert({"fields": FIELDS, "order": "created_at"}, ExportParameters)
    export = engine.do(CreateExport(project_id=PROJECT, exported_object="voucher_transactions", parameters=said))
    job = Exports(database, engine, Ids(2), ExportFiles(folder), "http://points.example")
    before = most = _resident_kb()
    began = time.perf_counter()
    while job.run_slice(real_now()):
        most = max(most, _resident_kb())
    return time.perf_counter() - began, most - before, (folder / f"{export.id}.csv").stat().st_size


def main() -> None:
    """One line for each size."""
    print(f"{'rows':>8}  {'rows/s':>8}  {'file':>9}  {'memory':>9}")
    for count in SIZES:
        with tempfile.TemporaryDirectory() as name, contextlib.closing(Database(f"sqlite:///{name}/book.db")) as database:
            migrate(database)
            _fill(database, count)
            engine = Engine(database, Ids(0), real_now)
            engine.start()
            try:
                seconds, grown, size = _export(database, engine, Path(name) / "exports")
            finally:
                engine.stop()
        print(f"{count:>8,}  {count / seconds:>8,.0f}  {size / 1e6:>6.1f} MB  {grown / 1e3:>6.1f} MB")


if __name__ == "__main__":
    main()
