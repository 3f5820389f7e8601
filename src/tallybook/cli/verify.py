"""`tallybook verify`: the proof that ledger, lots and balances agree, for people and for programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import typer

from tallybook.cli.database import DatabaseOption, JsonOption, database_url, giving_up

if TYPE_CHECKING:
    from tallybook.store.verify import Verification


def verify(database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """Prove that the books close: ledger, lots, balances, awards, events. Exits with 1 when a row breaks an invariant.

    A server may go on working meanwhile; what is proved is the state of one moment.
    """
    from tallybook.store.opening import opened_book
    from tallybook.store.verify import verify as prove

    with giving_up(), opened_book(database_url(database)) as book, book.reading() as connection, _progress() as on_check:
        found = prove(connection, on_check)
    if json:
        typer.echo(msgspec.json.encode({"ok": found.ok, **msgspec.to_builtins(found)}))
    else:
        _print(found)
    if not found.ok:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A bar on standard error, if somebody looks at it: a book of a million orders takes minutes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tallybook.store.verify import check_names

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verify", total=len(check_names()))
        checks_begun = iter(range(len(check_names())))
        yield lambda name: progress.update(task, completed=next(checks_begun), description=name.replace("_", " "))


def _print(found: "Verification") -> None:
    if found.ok:
        typer.echo(f"The books close: {len(found.checked)} checks, no row breaks any.")
        return
    named = dict.fromkeys(found.broken, 0)
    for finding in found.findings:
        named[finding.check] += 1
        typer.echo(str(finding))
    for check, rows in found.broken.items():
        if rows > named[check]:
            typer.echo(f"{check}: {rows - named[check]} more")
    typer.echo(
        f"The books do not close: {sum(found.broken.values())} rows break {len(found.broken)} of {len(found.checked)} checks."
    )
