"""API keys of a project: several at a time, made, replaced with an overlap, revoked. Ours; the documents know one per project."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from tallybook.domain.api_keys import TOKEN_LENGTH, draw_key_id, hash_token
from tallybook.domain.configuration import Configuration
from tallybook.domain.records import ApiKey
from tallybook.domain.refusals import InvalidPayload, LimitExceeded, NotFound, ResourceProtected
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page

MAX_KEYS = 100
"""Keys of one project that are good at the same time."""

KeyName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class ApiKeyFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a new key. It opens until `expires_at`; null is until it is revoked."""

    name: KeyName
    kind: Literal["app", "management"] = "app"
    expires_at: datetime | None = None


class RotationFields(msgspec.Struct, frozen=True, kw_only=True):
    """When the key that is replaced stops working; null is when it is revoked. Until then both open."""

    expires_at: datetime | None = None


class IssuedKey(msgspec.Struct, frozen=True):
    """A key that was just made, with its token: the only moment at which anybody can see that."""

    key: ApiKey
    token: str


def issue_key(page: Page, project_id: str, kind: str, name: str, expires_at: datetime | None = None) -> IssuedKey:
    """Makes a key and its token."""
    token = page.ids.random(TOKEN_LENGTH)
    key = ApiKey(
        id=draw_key_id(page.ids.random),
        project_id=project_id,
        kind=kind,
        name=name,
        token_hash=hash_token(token),
        created_at=page.real_now,
        expires_at=expires_at,
    )
    return IssuedKey(page.put(key), token)


def _future(page: Page, expires_at: datetime | None) -> datetime | None:
    if expires_at is not None and expires_at <= page.real_now:
        raise InvalidPayload("Property .expires_at must be in the future")
    return expires_at


def _check_room(page: Page) -> None:
    if sum(key.opens(page.real_now) for key in page.api_keys()) >= MAX_KEYS:
        raise LimitExceeded(f"A project can have at most {MAX_KEYS} keys at a time")


def _key(page: Page, app_id: str) -> ApiKey:
    """A key that is not revoked."""
    found = next((key for key in page.api_keys() if key.id == app_id and key.revoked_at is None), None)
    if found is None:
        raise NotFound("api_key", app_id)
    return found


class CreateApiKey(Command, frozen=True, kw_only=True):
    """Give the project one more key."""

    fields: ApiKeyFields

    def needs(self, configuration: Configuration) -> Needs:
        """The keys there are."""
        return Needs(api_keys=True)

    def decide(self, page: Page) -> IssuedKey:
        """Refuses: InvalidPayload for a key that expires in the past; LimitExceeded past 100 keys that are good."""
        expires_at = _future(page, self.fields.expires_at)
        _check_room(page)
        return issue_key(page, page.project_id, self.fields.kind, self.fields.name, expires_at)


class RotateApiKey(Command, frozen=True, kw_only=True):
    """Replace a key by a new one of the same kind and name. Both open until the old one expires or is revoked."""

    app_id: str
    fields: RotationFields = RotationFields()

    def needs(self, configuration: Configuration) -> Needs:
        """The keys there are."""
        return Needs(api_keys=True)

    def decide(self, page: Page) -> IssuedKey:
        """Gives the new key. An earlier end that the old one had stays.

        Refuses: NotFound, also for a key that is revoked; InvalidPayload for an end in the past; LimitExceeded.
        """
        old = _key(page, self.app_id)
        expires_at = _future(page, self.fields.expires_at)
        _check_room(page)
        if expires_at is not None and (old.expires_at is None or expires_at < old.expires_at):
            page.put(msgspec.structs.replace(old, expires_at=expires_at))
        return issue_key(page, page.project_id, old.kind, old.name)


class RevokeApiKey(Command, frozen=True, kw_only=True):
    """Let a key open nothing any more, from now on and for ever."""

    app_id: str

    def needs(self, configuration: Configuration) -> Needs:
        """The keys there are."""
        return Needs(api_keys=True)

    def decide(self, page: Page) -> None:
        """Refuses: NotFound; ResourceProtected for the key that asks, so that nobody is locked out by a slip."""
        known = _key(page, self.app_id)
        if known.id == page.actor.app_id:
            raise ResourceProtected("api_key", known.id)
        page.put(msgspec.structs.replace(known, revoked_at=page.real_now))
