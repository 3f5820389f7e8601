"""What a "no" looks like over HTTP: one table from refusals to status codes, one shape for all of them."""

from typing import Any

from tallybook.domain import refusals
from tallybook.domain.refusals import Refusal
from tallybook.wire.door import BODY_LIMIT, Malformed
from tallybook.wire.json import encode

STATUS: dict[type[Refusal], int] = {
    refusals.NotFound: 404,
    refusals.DuplicateFound: 409,
    refusals.IdempotencyKeyReused: 409,
    refusals.NotImplementedYet: 501,
    refusals.TryAgain: 503,
    refusals.OutcomeUnknown: 500,  # not 503, which says that nothing was done
}
"""Every refusal that is not named here is 400."""

RETRY_AFTER_SECONDS = 1
"""What a 503 asks a client to wait."""


class Unauthorized(Exception):
    """No key, or a wrong one."""


class Forbidden(Exception):
    """A good key of the wrong kind."""


class TooLarge(Exception):
    """The body is larger than the limit."""


class HeadTooLarge(Exception):
    """The first line and the headers are larger than the limit."""


class TooSlow(Exception):
    """The head or the body did not come in time."""


class NotHttp(Exception):
    """What came is no HTTP."""


class TooManyRequests(Exception):
    """Too many keys or codes were wrong. `until` is in seconds since 1970, `seconds` from now."""

    def __init__(self, most: int, until: int, seconds: int) -> None:
        super().__init__()
        self.headers = {
            "X-Rate-Limit-Limit": str(most),
            "X-Rate-Limit-Remaining": "0",
            "X-Rate-Limit-Retry": str(until),
            "X-Rate-Limit-Type": "api_calls",
            "Retry-After": str(seconds),
        }
        """As documented (semantics 12)."""


PLAIN: dict[type[Exception], tuple[int, str, str, str]] = {
    NotHttp: (400, "invalid_request", "Invalid request", "What came is no HTTP/1.1 request"),
    Unauthorized: (401, "unauthorized", "Unauthorized", "Check the id and the token of your key"),
    Forbidden: (403, "forbidden", "Forbidden", "This key may not be used here"),
    TooSlow: (408, "request_timeout", "Request timeout", "The request did not come in time"),
    TooLarge: (413, "payload_too_large", f"The body may have at most {BODY_LIMIT} bytes", ""),
    TooManyRequests: (429, "too_many_requests", "Too many requests hit the API too quickly.", "Repeat it after Retry-After"),
    HeadTooLarge: (431, "headers_too_large", "The first line and the headers are too large", ""),
}
"""Status, key, message and details of what a request meets before its command."""


def status_of(answer: Exception) -> int:
    """The HTTP status of an exception."""
    if isinstance(answer, Malformed):
        return 400
    if isinstance(answer, Refusal):
        return next((STATUS[kind] for kind in type(answer).__mro__ if kind in STATUS), 400)
    return PLAIN[type(answer)][0] if type(answer) in PLAIN else 500


def key_of(answer: Exception) -> str:
    """The stable key of an exception, as `error_of` says it."""
    if isinstance(answer, Malformed | Refusal):
        return answer.key
    kinds = {Unauthorized: "unauthorized", Forbidden: "forbidden", TooLarge: "payload_too_large"}
    return kinds.get(type(answer), "internal_error")


def error_of(answer: Exception, request_id: str) -> tuple[int, bytes]:
    """Status and body of an exception: `code`, `key`, `message`, `details`, `request_id` (semantics 12)."""
    status = status_of(answer)
    if isinstance(answer, Malformed | Refusal):
        return status, error_body(status, answer.key, answer.message, answer.details, request_id, **_resource(answer))
    if type(answer) in PLAIN:
        _, key, message, details = PLAIN[type(answer)]
        return status, error_body(status, key, message, details, request_id)
    details = "Something broke on our side; the log names it by request_id"
    return status, error_body(500, "internal_error", "Internal error", details, request_id)


def error_body(code: int, key: str, message: str, details: str | None, request_id: str, **more: Any) -> bytes:
    """The documented error shape."""
    body = {"code": code, "key": key, "message": message, "details": details or message, "request_id": request_id}
    return encode(body | more)


_RESOURCE = ("resource_id", "resource_type", "related_object_ids", "related_object_type")


def _resource(answer: Malformed | Refusal) -> dict[str, Any]:
    named = {name: getattr(answer, name, None) for name in _RESOURCE}
    return {name: value for name, value in named.items() if value is not None}
