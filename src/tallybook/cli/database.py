"""Where the commands find the database, and how they give up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from tallybook.settings import default_database_url

NOT_READY = 2
"""The exit code of a command that could not begin; 1 means that it found what it was looking for: something wrong."""

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="TALLYBOOK_DATABASE_URL",
        show_default=False,
        help="sqlite:///FILE or postgresql://USER@HOST/NAME; without it, a SQLite file in your data folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def database_url(said: str | None) -> str:
    """The URL that was said (by option or environment), else the default one, which is told on standard error."""
    if said:
        return said
    url = default_database_url()
    typer.echo(f"Database: {url}", err=True)
    return url


def give_up(reason: str) -> NoReturn:
    """Ends the command with a sentence on standard error."""
    typer.echo(reason, err=True)
    raise typer.Exit(NOT_READY)


@contextmanager
def giving_up() -> Iterator[None]:
    """Ends the command with a sentence when the database cannot be used as it is."""
    from tallybook.store.opening import NotReady

    try:
        yield
    except NotReady as wrong:
        give_up(str(wrong))
