"""The file of an export, for whoever has its address: plain ASGI, so that it goes out piece by piece, however long it is.

GET /v1/exports/{id} is two operations in the documents: with a `token` it is the file, and needs no key.
"""

import asyncio
import hmac
import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import parse_qs

from tallybook.api.errors import Unauthorized
from tallybook.api.gateway import Answered
from tallybook.api.request_log import began, log_request
from tallybook.clock import real_now
from tallybook.domain.exports import DONE
from tallybook.ids import Ids
from tallybook.store.database import Database
from tallybook.store.export_files import ExportFiles
from tallybook.store.queries_exports import get_export

PIECE = 65_536
"""Bytes of a file in memory at once."""
ROUTE = "/v1/exports/{exportId}"
CSV = "text/plain; charset=utf-8"
"""The documented type; the official clients read no other."""
_PATH = re.compile("/v1/exports/([^/]+)")
Refused = Callable[[Exception, str, str, float], Answered]
"""Gives the documented answer to a request, and says so in the log: its method, its route, when it began."""


class Asked(NamedTuple):
    """Which file, and the secret that opens it."""

    export_id: str
    token: str


class Downloads:
    """Answers downloads; everything else goes on to the application."""

    def __init__(self, application: Any, database: Database, files: ExportFiles, ids: Ids, refused: Refused) -> None:
        self._application = application
        self._refused = refused
        self._database = database
        self._files = files
        self._ids = ids

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI call."""
        asked = _asked(scope)
        if asked is None:
            await self._application(scope, receive, send)
            return
        try:
            file = await asyncio.to_thread(self._open, asked)
        except Exception as wrong:  # noqa: BLE001  # whatever it is, the client gets the documented shape
            await _refuse(send, self._refused(wrong, "GET", ROUTE, began(scope)))
            return
        if file is None:
            await _refuse(send, self._refused(Unauthorized(), "GET", ROUTE, began(scope)))
            return
        log_request("GET", ROUTE, 200, "v-" + self._ids.hex18(real_now()), None, began(scope))
        with file:
            await _send_file(send, file, asked.export_id)

    def _open(self, asked: Asked) -> BinaryIO | None:
        """The file, if there is one and this is its token; whichever is wrong, the answer does not tell."""
        with self._database.reading() as connection:
            export = get_export(connection, asked.export_id)
        token = export.token if export is not None and export.status == DONE else "nobody has this token"
        if not hmac.compare_digest(token.encode(), asked.token.encode()) or export is None:
            return None
        return self._files.open(export.id)


def _asked(scope: Any) -> Asked | None:
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    found = _PATH.fullmatch(scope["path"])
    tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token") if found else None
    return Asked(found[1], tokens[0]) if found and tokens else None


async def _refuse(send: Any, answered: Answered) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(answered.body)), **answered.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answered.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answered.body})


async def _send_file(send: Any, file: BinaryIO, name: str) -> None:
    headers = {
        "content-type": CSV,
        "content-length": str(os.fstat(file.fileno()).st_size),
        "content-disposition": f'attachment; filename="{name}.csv"',
        "cache-control": "private, no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    encoded = [(key.encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": encoded})
    while piece := await asyncio.to_thread(file.read, PIECE):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
