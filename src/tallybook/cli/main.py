"""The command `tallybook`: registers its commands, each of which imports what it needs when it runs."""

import msgspec
import typer

import tallybook
from tallybook.cli.database import DatabaseOption, JsonOption, database_url, give_up, giving_up
from tallybook.cli.demo import demo
from tallybook.cli.serve import serve
from tallybook.cli.verify import verify

app = typer.Typer(
    name="tallybook",
    help="A self-hosted loyalty points engine that speaks the Voucherify v1 API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def migrate(database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """Bring the schema of the database up to date, or make it. Does nothing when it is; `serve` does the same at its start."""
    from tallybook.store.migrate import NewerSchema, head_revision
    from tallybook.store.migrate import migrate as apply_missing
    from tallybook.store.opening import opened

    with giving_up(), opened(database_url(database)) as opened_database:
        try:
            applied = apply_missing(opened_database)
        except NewerSchema as wrong:
            give_up(str(wrong))
    if json:
        typer.echo(msgspec.json.encode({"applied": applied, "revision": head_revision()}))
    else:
        typer.echo(f"Applied {', '.join(applied)}." if applied else f"The schema is current: {head_revision()}.")


def keys(database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """List the projects' keys: name, kind, app id, project. Tokens are shown once, when they are made, and never again."""
    from tallybook.store.keys import list_keys
    from tallybook.store.opening import opened_book

    with giving_up(), opened_book(database_url(database)) as book, book.reading() as connection:
        found = list_keys(connection)
    if json:
        typer.echo(msgspec.json.encode(found))
    else:
        _print_table(
            ["NAME", "KIND", "APP ID", "PROJECT"], [[k.name, k.kind, k.app_id, f"{k.project} ({k.project_id})"] for k in found]
        )


def version(*, json: JsonOption = False) -> None:
    """Print the version."""
    typer.echo(msgspec.json.encode({"version": tallybook.__version__}) if json else f"tallybook {tallybook.__version__}")


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


for command in (serve, demo, migrate, verify, keys, version):
    app.command()(command)


def main() -> None:
    """The entry point of the command."""
    app(prog_name="tallybook")
