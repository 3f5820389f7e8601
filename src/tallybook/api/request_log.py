"""One line of log per request.

It has the template of the path, never the path, the query or a header as they came: those hold codes, names and tokens.
"""

from typing import Any

import structlog

from tallybook.clock import monotonic

log = structlog.get_logger()

_BEGAN = "tallybook.began"


def begin(scope: Any) -> None:
    """Notes in the ASGI scope of a request that it begins now."""
    scope[_BEGAN] = monotonic()


def began(scope: Any) -> float:
    """When the request of this scope began, as `monotonic` tells it."""
    return float(scope.get(_BEGAN, monotonic()))


def log_request(method: str, route: str | None, status: int, request_id: str, project: str | None, since: float) -> None:
    """Says how a request that began then was answered. `route` and `project` are None where they are not known."""
    ms = round((monotonic() - since) * 1000, 2)
    log.info("request", method=method, route=route, status=status, request_id=request_id, project=project, ms=ms)
