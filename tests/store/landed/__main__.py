"""Keeps a book as the code of this checkout makes it: `python -m tests.store.landed REVISION`, where that schema is the newest.

For each kind of database two files: all statements that make the book again, and every event of it as it is told.
"""

import contextlib
import gzip
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from tallybook.clock import real_now
from tallybook.domain.api_keys import hash_token
from tallybook.domain.records import ApiKey
from tallybook.store.mapping import mapping
from tallybook.store.tables import api_keys
from tests.acceptance.official import Client, Plain
from tests.acceptance.process import Server, running_server
from tests.books import PROJECT, Book, empty_book
from tests.postgres import find_binaries, new_database, running_cluster
from tests.receiver import Answer, Receiver
from tests.usecases import test_events_for_ever as story

FOLDER = Path(__file__).parent
MANAGEMENT = f"/management/v1/projects/{PROJECT}"


def tell(url: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Make a book with rows of every kind, first by commands, then as a server; give its events."""
    with empty_book(url, sandbox=True) as book:
        _keys(book)
        for chapter in (story._tell_of_cards, story._tell_of_one_card, story._tell_of_points, story._tell_of_orders):
            chapter(book)
    with Receiver() as receiver, running_server(url, folder) as server:
        _serve(server, receiver)
    return {key: (name, body.decode()) for key, (name, body) in story.bodies(url).items()}


def _keys(book: Book) -> None:
    named = (("app", Server.app_id, Server.app_token), ("management", Server.management_id, Server.management_token))
    for kind, key_id, token in named:
        hashed = hash_token(token)
        key = ApiKey(
            id=key_id,
            project_id=PROJECT,
            kind=kind,
            name="Primary",
            token_hash=hashed,
            created_at=real_now(),
            version=1,
        )
        with book.database.writing() as connection:
            connection.execute(insert(api_keys), [mapping(ApiKey).row(key)])


def _serve(server: Server, receiver: Receiver) -> None:
    """What needs a server: answers that are kept, webhooks that are sent and fail, files, and what the story leaves out."""
    client = Client(server)
    management = Plain(server, {"X-Management-Id": server.management_id, "X-Management-Token": server.management_token})

    def post(by: Plain, path: str, body: Any, **headers: str) -> Any:
        answer = by.ask("POST", path, body, **headers)
        assert answer.status < 300, (path, answer)
        return answer.json

    receiver.answers.append(Answer(status=500))
    post(
        management, f"{MANAGEMENT}/webhooks", {"target_url": receiver.url, "events": ["customer.created", "customer.order.paid"]}
    )
    order = {"source_id": "kept", "status": "PAID", "amount": 4_950, "customer": {"source_id": "dora"}}
    post(client, "/v1/orders", order, Idempotency_Key="landed")
    post(client, "/v1/customers", {"source_id": "erin", "name": "Erin", "metadata": {"size": 38.5}})
    product = post(client, "/v1/products", {"name": "Shirt", "source_id": "shirt", "price": 4_950})
    post(client, f"/v1/products/{product['id']}/skus", {"sku": "Shirt S", "source_id": "shirt-s"})
    members = [{"id": product["id"], "object": "product"}]
    post(client, "/v1/product-collections", {"name": "Shirts", "type": "STATIC", "products": members})
    post(management, f"{MANAGEMENT}/metadata-schemas", {"related_object": "reward", "properties": {}})
    export = post(client, "/v1/exports", {"exported_object": "order"})
    receiver.wait_for(2)  # the failed one holds back what follows of its customer
    while client.get(f"/v1/exports/{export['id']}")["status"] != "DONE":
        pass
    client.close()


def _sqlite_statements(url: str) -> str:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return "\n".join(connection.iterdump())


def _postgres_statements(url: str) -> str:
    words = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments", url]
    binaries = find_binaries()
    assert binaries
    dumped = subprocess.run([binaries / words[0], *words[1:]], check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in dumped.splitlines() if not line.startswith("\\"))  # those are for psql alone


def _keep(name: str, url: str, folder: Path, statements: Callable[[str], str]) -> None:
    events = tell(url, folder)
    for file, text in ((f"{name}.sql.gz", statements(url)), (f"{name}.events.json.gz", json.dumps(events, ensure_ascii=False))):
        (FOLDER / file).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main(revision: str) -> None:
    """Make the files of this revision."""
    binaries = find_binaries()
    assert binaries, "PostgreSQL is needed"
    with tempfile.TemporaryDirectory() as told, running_cluster(binaries) as cluster:
        for kind, statements in (("sqlite", _sqlite_statements), ("postgresql", _postgres_statements)):
            folder = Path(told) / kind
            folder.mkdir()
            url = f"sqlite:///{folder / 'book.db'}" if kind == "sqlite" else new_database(cluster)
            _keep(f"{revision}.{kind}", url, folder, statements)


if __name__ == "__main__":
    main(sys.argv[1])
