"""The HTTP application: Litestar routes over the gateway, health, metrics, documentation."""

import asyncio
import contextlib
import html
from collections.abc import Callable, Sequence
from typing import Any

import prometheus_client
import structlog
from litestar import HttpMethod, Litestar, MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from tallybook import telemetry
from tallybook.api.call import SLASH, Route
from tallybook.api.errors import RETRY_AFTER_SECONDS, error_body
from tallybook.api.gateway import Answered, Gateway
from tallybook.api.openapi import openapi
from tallybook.api.request_log import began, log_request
from tallybook.api.routes import is_documented
from tallybook.clock import real_now
from tallybook.ids import Ids
from tallybook.store.database import SQLAlchemyError
from tallybook.wire.door import BODY_LIMIT
from tallybook.wire.json import encode

log = structlog.get_logger()

JSON = "application/json"
ANY: Any = Request


class Health:
    """Whether this process can answer: `ready` looks at the database; `draining` is set when it is asked to end."""

    def __init__(self, ready: Callable[[], bool], observe: Callable[[], None] = lambda: None) -> None:
        self._ready = ready
        self.observe = observe
        """Measures what only a look at the database tells; called for a scrape of the metrics."""
        self.draining = False

    def is_ready(self) -> bool:
        """Reachable database, schema = code, and not on the way out."""
        try:
            return not self.draining and self._ready()
        except SQLAlchemyError:
            return False


def application(  # all that is served is handed in
    gateway: Gateway, ids: Ids, health: Health, routes: list[Route], lifespan: Any, more: Sequence[HTTPRouteHandler] = ()
) -> Litestar:
    """The application of one process. `more` is what is served beside the API."""
    document = openapi(routes)
    # What answers OPTIONS comes first: Litestar makes its own, of an incomplete list, where it finds none by then.
    handlers = _options(routes) + [_handler(gateway, route) for route in routes] + _own_handlers(health, document) + list(more)
    return Litestar(
        route_handlers=handlers,
        openapi_config=None,
        request_max_body_size=BODY_LIMIT,
        exception_handlers={HTTPException: _refusal(ids), Exception: _refusal(ids)},
        logging_config=None,
        lifespan=[lifespan] if lifespan else [],
    )


def _handler(gateway: Gateway, route: Route) -> HTTPRouteHandler:
    async def handle(request: ANY) -> Response[bytes]:
        scope = request.scope
        answered = await gateway.answer(
            route,
            {name: value.replace(SLASH, "/") for name, value in request.path_params.items()},
            scope["query_string"],
            dict(scope["headers"]),
            await request.body(),
            request.client.host if request.client else "",
        )
        return _response(answered)

    handle.__annotations__ = {"request": Request, "return": Response[bytes]}
    path = route.path.replace("}", ":str}")
    return HTTPRouteHandler(path, http_method=HttpMethod(route.method), status_code=200)(handle)


def _options(routes: list[Route]) -> list[HTTPRouteHandler]:
    """What OPTIONS answers: the methods of the path."""
    methods: dict[str, list[str]] = {}
    for route in routes:
        methods.setdefault(route.path, ["OPTIONS"]).append(route.method)

    def handler(path: str, allowed: list[str]) -> HTTPRouteHandler:
        async def options() -> Response[None]:
            return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(allowed))})

        return HTTPRouteHandler(path.replace("}", ":str}"), http_method=HttpMethod.OPTIONS, status_code=204)(options)

    return [handler(path, allowed) for path, allowed in methods.items()]


def _response(answered: Answered) -> Response[bytes]:
    return Response(answered.body, status_code=answered.status, media_type=JSON, headers=answered.headers)


def _refusal(ids: Ids) -> Callable[[Any, Exception], Response[bytes]]:
    """What a request meets that no route takes: 501 for the documented API, else 404, 405, 413, or 500."""

    def refuse(request: Any, wrong: Exception) -> Response[bytes]:
        status = wrong.status_code if isinstance(wrong, HTTPException) else 500
        method, path = request.scope["method"], request.scope["path"]
        request_id = "v-" + ids.hex18(real_now())
        if status in (404, 405) and is_documented(method, path):
            status = 501
        if status == 500:
            log.error("request_broken", request_id=request_id, exc_info=wrong)
        key, message = _PHRASES.get(status, ("internal_error", "Internal error"))
        details = _DETAILS.get(status, message).format(method=method, path=path)
        headers = wrong.headers if isinstance(wrong, HTTPException) and status == 405 else None  # which methods are allowed
        telemetry.REFUSALS.labels(key=key).inc()
        log_request(method, None, status, request_id, None, began(request.scope))
        return Response(
            error_body(status, key, message, details, request_id), status_code=status, media_type=JSON, headers=headers
        )

    return refuse


_PHRASES = {
    400: ("invalid_payload", "Invalid payload"),
    404: ("not_found", "Resource not found"),
    405: ("method_not_allowed", "Method not allowed"),
    413: ("payload_too_large", f"The body may have at most {BODY_LIMIT} bytes"),
    501: ("not_implemented", "Not implemented"),
}
_DETAILS = {
    404: "Cannot find {method} {path}",
    405: "{method} is not allowed on {path}",
    501: "{method} {path} is not built yet",
}


def _own_handlers(health: Health, document: dict[str, Any]) -> list[HTTPRouteHandler]:
    async def healthz() -> Response[bytes]:
        return Response(b'{"status":"ok"}', media_type=JSON)

    def readyz() -> Response[bytes]:
        if health.is_ready():
            return Response(b'{"status":"ready"}', media_type=JSON)
        return Response(
            b'{"status":"unavailable"}', status_code=503, media_type=JSON, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
        )

    async def metrics() -> Response[bytes]:
        telemetry.account_http()
        with contextlib.suppress(SQLAlchemyError):
            await asyncio.to_thread(health.observe)
        return Response(prometheus_client.generate_latest(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi_json() -> Response[bytes]:
        return Response(encode(document), media_type=JSON)

    async def docs() -> Response[bytes]:
        return Response(_docs_page(document).encode(), media_type=MediaType.HTML)

    named = {"/healthz": healthz, "/metrics": metrics, "/openapi.json": openapi_json, "/docs": docs}
    handlers = [HTTPRouteHandler(path, http_method=HttpMethod.GET)(one) for path, one in named.items()]
    return [*handlers, HTTPRouteHandler("/readyz", http_method=HttpMethod.GET, sync_to_thread=True)(readyz)]


def _docs_page(document: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
        f"<td><b>{html.escape(operation['summary'])}</b><br>{html.escape(operation['description'])}</td></tr>"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Tallybook API</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "td{padding:.4rem .8rem;border-top:1px solid #ddd;vertical-align:top}</style>"
        '<h1>Tallybook API</h1><p>The machine-readable form is <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<table>{rows}</table></html>"
    )
