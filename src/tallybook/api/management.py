"""/management/v1: the webhooks of a project, and the test clock of a sandbox (ours). Whose key it is, the gateway has asked."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tallybook.api.call import Call, Look, Route, Wish, Write
from tallybook.usecases.move_test_clock import MoveTestClock
from tallybook.usecases.webhooks import CreateWebhook, DeleteWebhook, UpdateWebhook, WebhookFields, webhook_of
from tallybook.wire import lists
from tallybook.wire.instants import instant_text
from tallybook.wire.webhooks import webhook_full


class TestClockFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body that moves a test clock."""

    now: datetime


def create_webhook(call: Call) -> Wish:
    """Subscribe an address to events."""
    return Wish(CreateWebhook(**call.wish, fields=call.body(WebhookFields)), webhook_full)


def update_webhook(call: Call) -> Wish:
    """Change a webhook; `events` replaces what was there."""
    fields = call.body(WebhookFields)
    return Wish(UpdateWebhook(**call.wish, webhook_id=call.path["webhookId"], fields=fields), webhook_full)


def delete_webhook(call: Call) -> Wish:
    """Unsubscribe."""
    return Wish(DeleteWebhook(**call.wish, webhook_id=call.path["webhookId"]))


def get_webhook(call: Call, look: Look) -> Any:
    """A webhook."""
    return webhook_full(webhook_of(look.configuration, call.path["webhookId"]))


def list_webhooks(_: Call, look: Look) -> Any:
    """All webhooks of the project."""
    found = look.configuration.webhooks
    return lists.page([webhook_full(one) for one in found], len(found))


def _clock(now: datetime | None) -> Any:
    return {"object": "test_clock", "now": instant_text(now)}


def move_test_clock(sweep: Callable[[str], None]) -> Write:
    """Makes the route, which answers when every midnight on the way is over."""

    def move_test_clock(call: Call) -> Wish:
        """Move the project's clock forward; it stands still until it is moved again. Sandbox projects only."""
        now = call.body(TestClockFields).now
        command = MoveTestClock(**call.wish, now=now)
        return Wish(command, lambda project: _clock(project.test_now), after=lambda: sweep(call.project_id))

    return move_test_clock


def get_test_clock(_: Call, look: Look) -> Any:
    """The project's clock; `now` is null while it runs on real time."""
    return _clock(look.configuration.project.test_now)


_PROJECT = "/management/v1/projects/{projectId}"
_WEBHOOK = _PROJECT + "/webhooks/{webhookId}"


def routes(sweep: Callable[[str], None]) -> list[Route]:
    """The routes of the management API. `sweep` settles whoever is due in a project."""
    return [
        Route("POST", _PROJECT + "/webhooks", "Create webhook", write=create_webhook, takes=WebhookFields),
        Route("GET", _PROJECT + "/webhooks", "List webhooks", read=list_webhooks),
        Route("GET", _WEBHOOK, "Get webhook", read=get_webhook),
        Route("PUT", _WEBHOOK, "Update webhook", write=update_webhook, takes=WebhookFields),
        Route("DELETE", _WEBHOOK, "Delete webhook", write=delete_webhook, status=204),
        Route("POST", _PROJECT + "/test-clock", "Move the test clock", write=move_test_clock(sweep), takes=TestClockFields),
        Route("GET", _PROJECT + "/test-clock", "Get the test clock", read=get_test_clock),
    ]
