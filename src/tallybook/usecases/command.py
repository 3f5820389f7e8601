"""Commands: wishes to change something. Each says what it needs to know and decides, purely, what becomes true."""

from typing import TYPE_CHECKING, Any

import msgspec

from tallybook.domain.config import CodeConfig
from tallybook.domain.configuration import Configuration

if TYPE_CHECKING:
    from tallybook.usecases.page import Page


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked: the channel, and for the API the key."""

    channel: str = "API"
    key_name: str | None = None
    app_id: str | None = None


class Fence(msgspec.Struct, frozen=True):
    """Proof of holding a lease: who takes it over gets a higher number, and what still carries the old one is refused."""

    lease: str
    number: int


class CodesWanted(msgspec.Struct, frozen=True):
    """Card codes that nobody has: how they are made and how many, found again under `key`. There may be fewer."""

    key: str
    config: CodeConfig
    count: int


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a command must have read before it decides. A key is an id or the caller's own name for the thing."""

    customers: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    publications: tuple[str, ...] = ()
    publications_of_cards: bool = False
    """The publications that gave the customers their cards."""
    entries: tuple[str, ...] = ()
    """Pending entries, whatever their state, with their orders."""
    api_keys: bool = False
    """All keys of the project."""
    products: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    """SKUs, with their products."""
    skus_of: tuple[str, ...] = ()
    """Products of which every SKU is needed."""
    joins: tuple[str, ...] = ()
    """Campaigns in which one of these customers may be given a card."""
    counters: tuple[str, ...] = ()
    """Counters that many customers share, as last written."""
    actions: tuple[str, ...] = ()
    """Async actions."""
    exports: tuple[str, ...] = ()
    codes: tuple[CodesWanted, ...] = ()
    maybe_taken: tuple[str, ...] = ()
    """Card codes of which only has to be known whether a card has them."""
    earliest_expiry: bool = False
    """The first day on which points of the project expire."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to change something in one project, on behalf of an actor."""

    project_id: str
    actor: Actor = Actor()
    fence: Fence | None = None
    """Of a job that one worker at a time may do."""

    def needs(self, configuration: Configuration) -> Needs:  # what others need depends on it
        """What has to be read; nothing beside the configuration, unless a command says more."""
        return Needs()

    def decide(self, page: "Page") -> Any:
        """Records facts on the page and gives the answer; raises a Refusal to say no. No clock, no I/O."""
        raise NotImplementedError
