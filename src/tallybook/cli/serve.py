"""`tallybook serve`"""

from typing import Annotated

import typer

from tallybook.cli.database import DatabaseOption, give_up


def serve(
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8080")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes (PostgreSQL only).", show_default="1")] = None,
) -> None:
    """Answer the API and send webhooks. The first start makes the database, a project and its keys."""
    from tallybook.cli.server import run, start
    from tallybook.settings import WrongSetting, read_settings
    from tallybook.store.database import AlreadyServed
    from tallybook.store.migrate import NewerSchema

    try:
        settings = read_settings().with_changes(database_url=database, host=host, port=port, workers=workers)
        if settings.workers > 1 and settings.database_url.startswith("sqlite"):
            give_up("SQLite has exactly one worker; several need PostgreSQL (--database postgresql://…).")
        start(settings)
        run(settings)
    except (AlreadyServed, NewerSchema, WrongSetting) as refused:
        give_up(str(refused))
