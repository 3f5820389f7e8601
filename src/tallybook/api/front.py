"""First to see each request: notes when it came and, when the process was asked to end, ends the connection with the answer.

So whoever keeps connections open goes elsewhere with the next request, and none is sent on a connection that is being closed.
"""

from typing import Any

from tallybook.api.application import Health
from tallybook.api.request_log import begin

_CLOSE = (b"connection", b"close")


class Front:
    """Passes everything on to the application."""

    def __init__(self, application: Any, health: Health) -> None:
        self._application = application
        self._health = health

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI call."""
        begin(scope)
        last = self._health.draining and scope["type"] == "http"
        await self._application(scope, receive, _closing(send) if last else send)


def _closing(send: Any) -> Any:
    async def send_and_close(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], _CLOSE]}
        await send(message)

    return send_and_close
