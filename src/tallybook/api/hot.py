"""The hottest route as plain ASGI, beside Litestar: what a framework does for a route costs more than deciding about an order."""

from typing import Any

from tallybook.api.call import Route
from tallybook.api.errors import TooLarge
from tallybook.api.gateway import Answered, Gateway
from tallybook.api.request_log import began
from tallybook.wire.door import BODY_LIMIT


class HotRoute:
    """Answers one route without path parameters; everything else goes on to the application."""

    def __init__(self, application: Any, gateway: Gateway, route: Route) -> None:
        self._application = application
        self._gateway = gateway
        self._route = route

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI call."""
        if scope["type"] != "http" or scope["path"] != self._route.path or scope["method"] != self._route.method:
            await self._application(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except TooLarge as wrong:
            await _send(self._gateway.refused(wrong, self._route.method, self._route.path, began(scope)), send)
            return
        if body is not None:
            query, headers, client = scope["query_string"], dict(scope["headers"]), scope.get("client")
            answered = await self._gateway.answer(self._route, {}, query, headers, body, client[0] if client else "")
            await _send(answered, send)


async def _body(receive: Any) -> bytes | None:
    """The whole body; None when the client went away. Refuses: TooLarge, before more of it is read."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(answered: Answered, send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answered.body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in answered.headers.items()]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body, "more_body": False})
