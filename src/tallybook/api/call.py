"""A request as our routes see it, what a route answers with, and the table row that describes a route."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from tallybook.clock import real_now
from tallybook.domain.configuration import Configuration
from tallybook.ids import Ids
from tallybook.store.database import Connection
from tallybook.store.read_book import BookReader
from tallybook.usecases.command import Actor, Command
from tallybook.usecases.page import Page
from tallybook.usecases.settle import INTERNAL, SettleCustomer, settle_all
from tallybook.wire import door
from tallybook.wire.forms import file_of

T = TypeVar("T")

SLASH = "\ue000"
"""Stands in a path for an encoded slash: a character of the private use area, which no name holds."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose key it is: the project it belongs to, and how the key is named in events."""

    project_id: str
    kind: str
    app_id: str
    key_name: str


class Call:
    """One request: who, where, what. Refuses: Malformed for a path that no database can look for (decision 47)."""

    def __init__(self, identity: Identity, path: dict[str, str], query: bytes, body: bytes, content_type: bytes = b"") -> None:
        if any("\0" in value for value in path.values()):
            raise door.Malformed("Path must not have NUL characters")
        self.identity = identity
        self.path = path
        self.raw_query = query
        self._body = body
        self._content_type = content_type.decode("latin-1")

    @property
    def project_id(self) -> str:
        """The project of the key."""
        return self.identity.project_id

    @property
    def wish(self) -> dict[str, Any]:
        """What every command of this call carries: the project and the actor."""
        actor = Actor(channel="API", key_name=self.identity.key_name, app_id=self.identity.app_id)
        return {"project_id": self.project_id, "actor": actor}

    @cached_property
    def query(self) -> Any:
        """The query parameters, nested. Refuses: Malformed."""
        return door.read_query(parse_qsl(self.raw_query.decode("latin-1"), keep_blank_values=True))

    def body(self, kind: Any) -> Any:
        """The body as `kind`; an empty body is an empty object. Refuses: Malformed, with the path of the field."""
        value = door.read(self._body)
        return door.convert({} if value is None else value, kind)

    def file(self, name: str) -> bytes:
        """The file that a form has under this name. Refuses: Malformed."""
        return file_of(self._content_type, self._body, name)


@dataclass(frozen=True, slots=True)
class Wish:
    """A command, and how what it decided is shown: as something that can be encoded, or None for an empty body.

    `after` is done, in a thread, when the command succeeded and before it is answered.
    """

    command: Command
    show: Callable[[Any], Any] = lambda _: None
    after: Callable[[], None] | None = None
    kept: Callable[[Any], Any] | None = None
    """What the receipt of an idempotency key shows instead, where the answer has a secret that is stored nowhere."""
    changes_keys: bool = False
    """Whether keys that this process remembers may open no more."""
    status: int | None = None
    """The status of success, where it is not that of the route."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a reading route may use: a connection in a short transaction, and the project's configuration."""

    connection: Connection
    configuration: Configuration
    public_url: str
    reader: BookReader
    ids: Ids

    def settled(self, customer_id: str) -> Page:
        """The customer as settled now, nothing written: for showing one card or member (DESIGN 2)."""
        project = self.configuration.project
        book = self.reader.read(self.connection, [SettleCustomer(project_id=project.id, customer_id=customer_id)])
        now = real_now()
        settle_all(book, project.id, self.ids, project.test_now or now, now)
        return Page(book, book.configurations[project.id], self.ids, project.test_now or now, now, INTERNAL)


Write = Callable[[Call], Wish]
Read = Callable[[Call, Look], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the API: method and path, what it does, what it takes."""

    method: str
    path: str
    summary: str
    write: Write | None = None
    read: Read | None = None
    takes: Any = None
    status: int = 200
    tag: str = ""
    query: tuple[str, ...] = field(default=())

    @property
    def operation_id(self) -> str:
        """A name for it in OpenAPI."""
        function = self.write or self.read
        return function.__name__ if function else ""

    @property
    def realm(self) -> str:
        """Which kind of key it takes."""
        return "management" if self.path.startswith("/management/") else "app"

    @property
    def tells_codes(self) -> bool:
        """Whether its answers tell which card codes there are."""
        return any(noun in self.path for noun in ("/members", "/vouchers", "/publications"))
