"""The schema: brought up to date by the migrations that are missing, all of them or none, by one process at a time.

How to write the next one: change `tables.py`; add `migrations/versions/000N_what_changes.py` with `revision` "000N" and
`down_revision` "000N-1"; write the steps out in `upgrade` by hand (`tables.py` will have moved on when they run); there is no
`downgrade`: a backup is the way back. A test compares an empty database, migrated, with `tables.py`, and shows the difference.
On SQLite what ALTER TABLE cannot do goes through `op.batch_alter_table`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tallybook.store.database import Database

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_421_865_530_119
"""The advisory lock of PostgreSQL that stands for "I am starting". Any number would do, for ever the same."""


class NewerSchema(Exception):
    """The database has had a migration that only a newer Tallybook knows."""


def migrate(database: Database) -> list[str]:
    """Applies the migrations that are missing, in one transaction, and gives their revisions; none when all is current.

    Of several processes that start together one migrates and the others wait for it. Raises NewerSchema.
    """
    if database.path is not None:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.writing() as connection:
        wait_for_turn(connection)
        missing = _missing(connection)
        if missing:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return missing


def current_revision(connection: Connection) -> str | None:
    """The last migration that this database has had; None for one without a schema of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """The last migration that there is."""
    head = _script().get_current_head()
    assert head is not None, "there is a first migration"
    return head


def is_known(revision: str) -> bool:
    """Whether this Tallybook knows a migration of this name; else only a newer one does."""
    return any(step.revision == revision for step in _script().walk_revisions())


def is_current(connection: Connection) -> bool:
    """Whether the database has had every migration, and none that only a newer Tallybook knows."""
    return current_revision(connection) == head_revision()


def wait_for_turn(connection: Connection) -> None:
    """Until this transaction ends, no other process does what is done once at a start: it waits here."""
    # SQLite's BEGIN IMMEDIATE has waited already.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _missing(connection: Connection) -> list[str]:
    current = current_revision(connection)
    known = [step.revision for step in _script().walk_revisions()][::-1]
    if current is None:
        return known
    if current not in known:
        raise NewerSchema(f"The database has schema {current}, this Tallybook knows up to {known[-1]}: use a newer Tallybook.")
    return known[known.index(current) + 1 :]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))
