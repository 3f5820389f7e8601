"""`tallybook backup` and `tallybook restore`: a copy of the book, made while the server works, and the way back."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tallybook.cli.database import DatabaseOption, JsonOption, database_url, give_up, giving_up


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.")],
    database: DatabaseOption = None,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE, once the new backup is whole.")] = False,
    json: JsonOption = False,
) -> None:
    """Copy the book of one moment into a file, while the server works: for SQLite a database file, for PostgreSQL a pg_dump.

    The file is as secret as the book: it has customers, and the secrets that sign webhooks.
    """
    from tallybook.store.backup import back_up
    from tallybook.store.opening import opened

    with giving_up(), opened(database_url(database)) as book:
        revision = back_up(book, file, overwrite=overwrite)
    size = file.stat().st_size
    if json:
        typer.echo(msgspec.json.encode({"file": str(file), "bytes": size, "revision": revision}))
    else:
        typer.echo(f"Backed up into {file}: {size} bytes, schema {revision}.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `tallybook backup` made.")],
    database: DatabaseOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Fill an empty database from a backup. Webhooks that waited when the backup was made are sent again by the next server."""
    from tallybook.store.backup import restore as fill
    from tallybook.store.database import AlreadyServed
    from tallybook.store.migrate import migrate
    from tallybook.store.opening import opened

    with giving_up(), opened(database_url(database)) as book:
        try:
            book.lock()
        except AlreadyServed as served:
            give_up(str(served))
        revision = fill(book, file)
        applied = migrate(book)
    if json:
        typer.echo(msgspec.json.encode({"file": str(file), "revision": revision, "applied": applied}))
    else:
        typer.echo(f"Restored {file}, schema {revision}. `tallybook verify` proves that the books close.")
