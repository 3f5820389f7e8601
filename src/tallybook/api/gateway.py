"""From a request to an answer: check the key, then write through the engine or read beside it."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from tallybook import telemetry
from tallybook.api.authentication import Doorman
from tallybook.api.call import Call, Identity, Look, Route, Wish
from tallybook.api.errors import RETRY_AFTER_SECONDS, TooManyRequests, Unauthorized, error_of, key_of
from tallybook.api.guessing import ANY_NUMBER, Allowed, Guesses
from tallybook.api.request_log import log_request
from tallybook.clock import monotonic, real_now
from tallybook.domain.refusals import InvalidPayload, NotFound, Refusal, TryAgain
from tallybook.engine.engine import Engine, Overloaded
from tallybook.engine.work import Idempotency, Reply, Submission
from tallybook.ids import Ids
from tallybook.store.database import READERS, SPARE_READERS, Database, DBAPIError, PoolTimeout
from tallybook.store.projects import manages
from tallybook.store.read_book import BookReader
from tallybook.wire.door import Malformed
from tallybook.wire.json import encode

T = TypeVar("T")

log = structlog.get_logger()

KEY_LIMIT = 255
"""Most characters of an Idempotency-Key (decision 32)."""

LARGE_BODY = 32_768
"""Bytes: a larger body is read in a thread, so that it does not keep others waiting."""

HEADERS = {"app": (b"x-app-id", b"x-app-token"), "management": (b"x-management-id", b"x-management-token")}


class Answered:
    """Status, body and headers of an answer."""

    __slots__ = ("body", "headers", "names_no_card", "status")

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, names_no_card: bool = False) -> None:
        self.names_no_card = names_no_card
        self.status = status
        self.body = body
        self.headers = headers or {}


class Gateway:
    """What every route shares. One per process, on its event loop."""

    def __init__(self, database: Database, engine: Engine, ids: Ids, public_url: str, allowed: Allowed = ANY_NUMBER) -> None:
        self._database = database
        self._engine = engine
        self._ids = ids
        self._doorman = Doorman(database)
        self._guesses = Guesses(allowed)
        self._reader = BookReader(sqlite=database.is_sqlite, ids=ids)
        self._public_url = public_url
        # Each kind of waiting has threads of its own, so that slow lists never keep a write from having its key looked up.
        self._read_threads = ThreadPoolExecutor(READERS, "reads")
        self._key_threads = ThreadPoolExecutor(SPARE_READERS, "keys")
        self._after_threads = ThreadPoolExecutor(1, "after")
        self._decode_threads = ThreadPoolExecutor(1, "decode")

    @staticmethod
    async def _in(threads: ThreadPoolExecutor, work: Callable[..., T], *what: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work, *what)

    async def answer(
        self, route: Route, path: dict[str, str], query: bytes, headers: Mapping[bytes, bytes], body: bytes, address: str = ""
    ) -> Answered:
        """Answers a request of this route; every failure becomes the documented error shape. `address` is the client's."""
        began = monotonic()
        request_id = self._request_id()
        identity: Identity | None = None
        try:
            identity = await self._identity(route.realm, headers, address)
            if route.tells_codes:
                self._guesses.check_code(address, identity.app_id)
            if (project_id := path.get("projectId", identity.project_id)) != identity.project_id:
                identity = await self._in(self._key_threads, self._acting_in, identity, project_id)
            call = Call(identity, path, query, body, headers.get(b"content-type", b""))
            if route.write is not None:
                answered = await self._write(route, call, headers, body, request_id)
            else:
                answered = await self._look(route, call, request_id)
            if answered.names_no_card:
                self._guesses.unknown_code(address, identity.app_id)
        except Exception as wrong:  # noqa: BLE001  # whatever it is, the client gets the documented shape
            answered = self._refused(wrong, request_id)
        log_request(route.method, route.path, answered.status, request_id, identity.project_id if identity else None, began)
        return answered

    async def _identity(self, realm: str, headers: Mapping[bytes, bytes], address: str) -> Identity:
        id_header, token_header = HEADERS[realm]
        app_id, token = (headers.get(name, b"").decode("latin-1") for name in (id_header, token_header))
        self._guesses.check_key(address, app_id, token)
        try:
            identity = self._doorman.known(app_id, token, realm)
            if identity is None:
                identity = await self._in(self._key_threads, self._doorman.look_up, app_id, token, realm)
        except Unauthorized:
            self._guesses.wrong_key(address)
            raise
        self._guesses.right_key(address, app_id, token)
        return identity

    def _acting_in(self, identity: Identity, project_id: str) -> Identity:
        """The same key, acting in another project that it manages. Refuses: NotFound, as for a project that is not there."""
        with self._database.reading() as connection:
            if "\0" in project_id or not manages(connection, identity.project_id, project_id):
                raise NotFound("project", project_id)
        return replace(identity, project_id=project_id)

    async def _write(self, route: Route, call: Call, headers: Mapping[bytes, bytes], body: bytes, request_id: str) -> Answered:
        assert route.write is not None
        if len(body) > LARGE_BODY:
            wish = await self._in(self._decode_threads, route.write, call)
        else:
            with telemetry.stage("decode"):
                wish = route.write(call)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        render = _Rendering(wish.status or route.status, wish, request_id)
        key = _idempotency(route, call, headers, body)
        self._engine.submit(Submission(wish.command, render, token=future, idempotency=key, keep=_kept(wish)))
        reply = await future
        if wish.changes_keys:
            self._doorman.forget()
        if wish.after is not None and reply.status < 300:
            await self._in(self._after_threads, wish.after)
        extra = {"Idempotency-Replayed": "true"} if reply.replayed else {}
        if reply.status == 503:
            extra["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return Answered(reply.status, reply.body, extra, names_no_card=render.names_no_card)

    async def _look(self, route: Route, call: Call, request_id: str) -> Answered:
        try:
            return Answered(200, await self._in(self._read_threads, self._read, route, call))
        except NotFound as wrong:
            telemetry.REFUSALS.labels(key=wrong.key).inc()
            status, body = error_of(wrong, request_id)
            return Answered(status, body, names_no_card=wrong.resource_type == "voucher")

    def _read(self, route: Route, call: Call) -> bytes:
        assert route.read is not None
        with self._database.reading() as connection:
            configuration = self._reader.configurations(connection, [call.project_id]).get(call.project_id)
            if configuration is None:
                raise NotFound("project", call.project_id)
            return encode(route.read(call, Look(connection, configuration, self._public_url, self._reader, self._ids)))

    def refused(self, wrong: Exception, method: str = "", route: str | None = None, began: float | None = None) -> Answered:
        """The documented error shape of a request that did not get as far as its route, or was none that could be read."""
        request_id = self._request_id()
        answered = self._refused(wrong, request_id)
        log_request(method, route, answered.status, request_id, None, monotonic() if began is None else began)
        return answered

    def _request_id(self) -> str:
        return "v-" + self._ids.hex18(real_now())

    def _refused(self, wrong: Exception, request_id: str) -> Answered:
        if isinstance(wrong, Overloaded):
            wrong = TryAgain("Too many requests are waiting; repeat it after a moment")
        elif isinstance(wrong, DBAPIError | PoolTimeout):
            log.warning("database_away", error=str(wrong), request_id=request_id)
            wrong = TryAgain("The database does not answer; repeat it after a moment")
        elif not isinstance(wrong, Refusal | Malformed):
            status, _ = error_of(wrong, request_id)
            if status == 500:
                log.error("request_broken", request_id=request_id, exc_info=wrong)
        telemetry.REFUSALS.labels(key=key_of(wrong)).inc()
        status, body = error_of(wrong, request_id)
        headers = wrong.headers if isinstance(wrong, TooManyRequests) else None
        return Answered(status, body, {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else headers)


class _Rendering:
    """Makes the bytes of an answer, inside the engine's transaction."""

    __slots__ = ("_request_id", "_status", "_wish", "names_no_card")

    def __init__(self, status: int, wish: Wish, request_id: str) -> None:
        self._status = status
        self._wish = wish
        self._request_id = request_id
        self.names_no_card = False

    def __call__(self, answer: Any) -> tuple[int, bytes]:
        if isinstance(answer, Exception):
            self.names_no_card = isinstance(answer, NotFound) and answer.resource_type == "voucher"
            return error_of(answer, self._request_id)
        shown = self._wish.show(answer)
        return self._status, b"" if shown is None else encode(shown)


def _kept(wish: Wish) -> Callable[[Any], bytes] | None:
    kept = wish.kept
    return None if kept is None else lambda answer: encode(kept(answer))


def _idempotency(route: Route, call: Call, headers: Mapping[bytes, bytes], body: bytes) -> Idempotency | None:
    """The key of the request, for its project, method and path. Refuses: InvalidPayload for a key that is too long."""
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if not key:
        return None
    if len(key) > KEY_LIMIT:
        raise InvalidPayload(f"Header Idempotency-Key must have at most {KEY_LIMIT} characters")
    scope = "\n".join((call.project_id, route.method, route.path, *call.path.values(), key))
    said = call.raw_query if route.method == "GET" else body
    return Idempotency(hashlib.sha256(scope.encode()).hexdigest(), hashlib.sha256(said).hexdigest())
