"""Opening a database from the command line: what is wrong with it is said in a sentence, not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from tallybook.store.database import Database
from tallybook.store.migrate import current_revision, head_revision


class NotReady(Exception):
    """The database cannot be used as it is; the message says why, and what to do."""


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at `url`, whatever its schema, and closed at the end.

    Raises NotReady for a URL that is none, and when the database does not answer, then or later.
    """
    database = _at(url)
    try:
        yield database
    except DBAPIError as wrong:
        raise NotReady(
            f"The database at {database.url.render_as_string(hide_password=True)} does not answer: {wrong.orig}"
        ) from wrong
    finally:
        database.close()


@contextmanager
def opened_book(url: str) -> Iterator[Database]:
    """The database at `url` with the schema that this Tallybook knows. Raises NotReady, also when there is another, or none."""
    with opened(url) as database:
        if database.path is not None and not database.path.exists():
            raise NotReady(f"There is no database at {database.path}. `tallybook serve` or `tallybook migrate` makes it.")
        with database.reading() as connection:
            revision = current_revision(connection)
        if revision != head_revision():
            raise NotReady(f"The database has schema {revision or 'none'}, wanted is {head_revision()}. Run `tallybook migrate`.")
        yield database


def _at(url: str) -> Database:
    try:
        return Database(url)
    except (ArgumentError, NoSuchModuleError) as wrong:
        raise NotReady("That is no database URL. Examples: sqlite:////var/lib/book.db, postgresql://user@host/book") from wrong
