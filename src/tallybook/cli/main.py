"""The command `tallybook`: registers its commands, each of which imports what it needs when it runs."""

import msgspec
import typer

import tallybook
from tallybook.cli.backup import backup, restore
from tallybook.cli.database import DatabaseOption, JsonOption, database_url, give_up, giving_up
from tallybook.cli.demo import demo
from tallybook.cli.keys import keys
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


def version(*, json: JsonOption = False) -> None:
    """Print the version."""
    typer.echo(msgspec.json.encode({"version": tallybook.__version__}) if json else f"tallybook {tallybook.__version__}")


for command in (serve, demo, migrate, verify, backup, restore, version):
    app.command()(command)
app.add_typer(keys, name="keys")


def main() -> None:
    """The entry point of the command."""
    app(prog_name="tallybook")
