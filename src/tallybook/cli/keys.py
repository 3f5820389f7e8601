"""`tallybook keys`: the keys of the projects. Listing goes on beside a server; on SQLite the rest waits until it has stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from tallybook.cli.database import DatabaseOption, JsonOption, database_url, give_up, giving_up

if TYPE_CHECKING:
    from tallybook.engine.engine import Engine
    from tallybook.store.keys import KeyEntry
    from tallybook.usecases.api_keys import IssuedKey

F = TypeVar("F")

keys = typer.Typer(help="List, make, replace and revoke the projects' keys. Alone it lists them.")

AppIdArgument = Annotated[str, typer.Argument(metavar="APP_ID", help="The key's id, as `tallybook keys` lists it.")]
ExpiresOption = Annotated[
    str | None,
    typer.Option(metavar="INSTANT", help="When it stops working, such as 2030-12-31T00:00:00Z; without, when revoked."),
]


@keys.callback(invoke_without_command=True)
def keys_alone(context: typer.Context, database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """List, make, replace and revoke the projects' keys. Alone it lists them."""
    if context.invoked_subcommand is None:
        list_keys(database, json=json)
    elif str(context.get_parameter_source("database")) == "ParameterSource.COMMANDLINE":
        give_up(f"--database comes after the command: tallybook keys {context.invoked_subcommand} --database URL")


@keys.command("list")
def list_keys(database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """List the projects' keys: name, kind, app id, project. Tokens are shown once, when they are made, and never again."""
    found = _entries(database_url(database))
    if json:
        typer.echo(msgspec.json.encode(found))
    else:
        _print_table(
            ["NAME", "KIND", "APP ID", "PROJECT"], [[k.name, k.kind, k.app_id, f"{k.project} ({k.project_id})"] for k in found]
        )


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for; events name it.")],
    project: Annotated[str | None, typer.Option(metavar="ID", help="Its project; not needed while there is one only.")] = None,
    kind: Annotated[str, typer.Option(help="app, or management.")] = "app",
    expires_at: ExpiresOption = None,
    database: DatabaseOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make one more key. Its token is printed this once."""
    from tallybook.usecases.api_keys import ApiKeyFields, CreateApiKey

    fields = _fields(ApiKeyFields, name=name, kind=kind, expires_at=expires_at)
    url = database_url(database)
    project_id = project or _only_project(url)
    with _engine(url) as engine:
        _show(engine.do(CreateApiKey(project_id=project_id, fields=fields)), json=json)


@keys.command()
def rotate(
    app_id: AppIdArgument, expires_at: ExpiresOption = None, database: DatabaseOption = None, *, json: JsonOption = False
) -> None:
    """Make a key in place of another. Both work until the old one expires (--expires-at) or is revoked."""
    from tallybook.usecases.api_keys import RotateApiKey, RotationFields

    fields = _fields(RotationFields, expires_at=expires_at)
    url = database_url(database)
    known = _entry(url, app_id)
    with _engine(url) as engine:
        _show(engine.do(RotateApiKey(project_id=known.project_id, app_id=app_id, fields=fields)), json=json)


@keys.command()
def revoke(app_id: AppIdArgument, database: DatabaseOption = None, *, json: JsonOption = False) -> None:
    """Let a key open nothing any more. A running server (PostgreSQL) follows within 5 seconds."""
    from tallybook.usecases.api_keys import RevokeApiKey

    url = database_url(database)
    known = _entry(url, app_id)
    with _engine(url) as engine:
        engine.do(RevokeApiKey(project_id=known.project_id, app_id=app_id))
    typer.echo(msgspec.json.encode({"revoked": app_id}) if json else f"Revoked {app_id}.")


def _entries(url: str) -> "list[KeyEntry]":
    from tallybook.store.keys import list_keys as read
    from tallybook.store.opening import opened_book

    with giving_up(), opened_book(url) as book, book.reading() as connection:
        return read(connection)


def _entry(url: str, app_id: str) -> "KeyEntry":
    found = next((one for one in _entries(url) if one.app_id == app_id), None)
    return found or give_up(f"There is no key {app_id}, or it is revoked.")


def _only_project(url: str) -> str:
    from tallybook.store.opening import opened_book
    from tallybook.store.projects import project_ids

    with giving_up(), opened_book(url) as book, book.reading() as connection:
        found = project_ids(connection)
    return found[0] if len(found) == 1 else give_up(f"There are {len(found)} projects: name one with --project.")


def _fields(struct: type[F], **said: str | None) -> F:
    """What was said, as the API reads it."""
    from tallybook.wire.door import Malformed, convert

    try:
        return convert(said, struct)
    except Malformed as wrong:
        give_up(wrong.details.replace("Property .", "", 1))


@contextmanager
def _engine(url: str) -> "Iterator[Engine]":
    """An engine of this command's own. On SQLite there is none beside a server's: then it says what to do instead."""
    from tallybook.clock import real_now
    from tallybook.domain.refusals import Refusal
    from tallybook.engine.engine import Engine
    from tallybook.ids import Ids
    from tallybook.store.database import AlreadyServed
    from tallybook.store.opening import opened_book
    from tallybook.store.projects import draw_node

    with giving_up(), opened_book(url) as book:
        try:
            book.lock()
        except AlreadyServed as served:
            give_up(f"{served}\nOr ask the server: /management/v1/projects/PROJECT_ID/api-keys does the same.")
        with book.writing() as connection:
            ids = Ids(draw_node(connection, real_now()))
        engine = Engine(book, ids, real_now)
        engine.start()
        try:
            yield engine
        except Refusal as refused:
            give_up(str(refused))
        finally:
            engine.stop()


def _show(issued: "IssuedKey", *, json: bool) -> None:
    from tallybook.wire.api_keys import api_key_issued
    from tallybook.wire.json import encode

    if json:
        typer.echo(encode(api_key_issued(issued.key, issued.token)))
        return
    typer.echo("This is the key; its token is not shown again:\n")
    for name, value in (("project id", issued.key.project_id), ("app id", issued.key.id), ("app token", issued.token)):
        typer.echo(f"  {name:<18}{value}")


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
