"""Encoded slashes in a path, which must not divide it: a code or a source id may hold one."""

import re
from typing import Any
from urllib.parse import unquote

from tallybook.api.call import SLASH


class SlashesKept:
    """Lets an encoded slash stand as SLASH in the path that is routed, until a route reads the name it is part of."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI call."""
        raw = scope.get("raw_path") or b""
        if b"%2f" in raw.lower():
            path = unquote(re.sub("%2f", SLASH, raw.decode("latin-1"), flags=re.IGNORECASE))
            scope = {**scope, "path": path}
        await self._application(scope, receive, send)
