"""Webhooks: who is told of what, and where."""

import re

import msgspec

from tallybook.domain.config import Webhook
from tallybook.domain.configuration import Configuration
from tallybook.domain.event_names import MISSPELT, SUBSCRIBABLE
from tallybook.domain.refusals import InvalidPayload, NotFound
from tallybook.usecases.command import Command
from tallybook.usecases.page import Page

_ADDRESS = re.compile(r"https?://[^\s/?#]+([/?#]\S*)?", re.IGNORECASE)


class WebhookFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a webhook: the first two are required, and `events` replaces what was there.

    `strict_order`: see Webhook; left out of an update, it stays as it was.
    """

    target_url: str
    events: list[str]
    active: bool = True
    strict_order: bool | None = None


def _checked(fields: WebhookFields) -> WebhookFields:
    """The same with names rightly spelt (decision 50), each once. Refuses: InvalidPayload."""
    if not _ADDRESS.fullmatch(fields.target_url):
        raise InvalidPayload("Property .target_url must be an http or https address")
    events = list(dict.fromkeys(MISSPELT.get(name, name) for name in fields.events))
    for position, name in enumerate(events):
        if name not in SUBSCRIBABLE:
            raise InvalidPayload(f"Property .events[{position}] must be the name of an event, not '{name}'")
    return msgspec.structs.replace(fields, events=events)


class CreateWebhook(Command, frozen=True, kw_only=True):
    """Subscribe an address to events."""

    fields: WebhookFields

    def decide(self, page: Page) -> Webhook:
        """Refuses: InvalidPayload for an address or an event name that is none."""
        fields = _checked(self.fields)
        return page.configure(
            Webhook(
                id=page.random_id("wh_"),
                target_url=fields.target_url,
                events=fields.events,
                active=fields.active,
                strict_order=bool(fields.strict_order),
                created_at=page.now,
            )
        )


def webhook_of(configuration: Configuration, webhook_id: str) -> Webhook:
    """A webhook by id. Refuses: NotFound."""
    webhook = configuration.webhook(webhook_id)
    if webhook is None:
        raise NotFound("webhook", webhook_id)
    return webhook


class UpdateWebhook(Command, frozen=True, kw_only=True):
    """Change a webhook. Enabled again, its waiting send-outs go (decision 49)."""

    webhook_id: str
    fields: WebhookFields

    def decide(self, page: Page) -> Webhook:
        """Refuses: NotFound; InvalidPayload."""
        known = webhook_of(page.configuration, self.webhook_id)
        fields = _checked(self.fields)
        changed = msgspec.structs.replace(
            known,
            target_url=fields.target_url,
            events=fields.events,
            active=fields.active,
            strict_order=known.strict_order if fields.strict_order is None else fields.strict_order,
        )
        if changed == known:
            return known
        return page.configure(msgspec.structs.replace(changed, updated_at=page.tick(), version=known.version + 1))


class DisableWebhook(Command, frozen=True, kw_only=True):
    """Switch a webhook off after a send-out failed for good and nothing succeeded for 24 hours (decision 49)."""

    webhook_id: str

    def decide(self, page: Page) -> None:
        """Nothing to do when it is gone or off already."""
        known = page.configuration.webhook(self.webhook_id)
        if known is not None and known.active:
            page.configure(msgspec.structs.replace(known, active=False, updated_at=page.tick(), version=known.version + 1))


class DeleteWebhook(Command, frozen=True, kw_only=True):
    """Unsubscribe; what waited for it is not sent any more."""

    webhook_id: str

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        page.discard(webhook_of(page.configuration, self.webhook_id))
