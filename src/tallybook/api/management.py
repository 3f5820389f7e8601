"""/management/v1: projects, webhooks, and the test clock of a sandbox (ours)."""

from datetime import datetime
from typing import Any

import msgspec

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.domain.refusals import NotFound
from tallybook.usecases.move_test_clock import MoveTestClock
from tallybook.usecases.webhooks import CreateWebhook, DeleteWebhook, UpdateWebhook, WebhookFields, webhook_of
from tallybook.wire import lists
from tallybook.wire.instants import instant_text
from tallybook.wire.projects import project_full
from tallybook.wire.webhooks import webhook_full


class TestClockFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body that moves a test clock."""

    now: datetime


def _own(call: Call) -> Call:
    """The call, when it speaks of the key's own project; any other project is not there. Refuses: NotFound."""
    asked = call.path["projectId"]
    if asked != call.project_id:
        raise NotFound("project", asked)
    return call


def list_projects(_: Call, look: Look) -> Any:
    """The projects of this key."""
    return lists.page([project_full(look.configuration.project)], 1)


def get_project(call: Call, look: Look) -> Any:
    """A project."""
    _own(call)
    return project_full(look.configuration.project)


def create_webhook(call: Call) -> Wish:
    """Subscribe an address to events."""
    return Wish(CreateWebhook(**_own(call).wish, fields=call.body(WebhookFields)), webhook_full)


def update_webhook(call: Call) -> Wish:
    """Change a webhook; `events` replaces what was there."""
    fields = call.body(WebhookFields)
    return Wish(UpdateWebhook(**_own(call).wish, webhook_id=call.path["webhookId"], fields=fields), webhook_full)


def delete_webhook(call: Call) -> Wish:
    """Unsubscribe."""
    return Wish(DeleteWebhook(**_own(call).wish, webhook_id=call.path["webhookId"]))


def get_webhook(call: Call, look: Look) -> Any:
    """A webhook."""
    _own(call)
    return webhook_full(webhook_of(look.configuration, call.path["webhookId"]))


def list_webhooks(call: Call, look: Look) -> Any:
    """All webhooks of the project."""
    _own(call)
    found = look.configuration.webhooks
    return lists.page([webhook_full(one) for one in found], len(found))


def _clock(now: datetime | None) -> Any:
    return {"object": "test_clock", "now": instant_text(now)}


def move_test_clock(call: Call) -> Wish:
    """Move the project's clock forward; it stands still until it is moved again. Sandbox projects only."""
    now = call.body(TestClockFields).now
    return Wish(MoveTestClock(**_own(call).wish, now=now), lambda project: _clock(project.test_now))


def get_test_clock(call: Call, look: Look) -> Any:
    """The project's clock; `now` is null while it runs on real time."""
    _own(call)
    return _clock(look.configuration.project.test_now)


_PROJECT = "/management/v1/projects/{projectId}"
_WEBHOOK = _PROJECT + "/webhooks/{webhookId}"

ROUTES = [
    Route("GET", "/management/v1/projects", "List projects", read=list_projects),
    Route("GET", _PROJECT, "Get project", read=get_project),
    Route("POST", _PROJECT + "/webhooks", "Create webhook", write=create_webhook, takes=WebhookFields),
    Route("GET", _PROJECT + "/webhooks", "List webhooks", read=list_webhooks),
    Route("GET", _WEBHOOK, "Get webhook", read=get_webhook),
    Route("PUT", _WEBHOOK, "Update webhook", write=update_webhook, takes=WebhookFields),
    Route("DELETE", _WEBHOOK, "Delete webhook", write=delete_webhook, status=204),
    Route("POST", _PROJECT + "/test-clock", "Move the test clock", write=move_test_clock, takes=TestClockFields),
    Route("GET", _PROJECT + "/test-clock", "Get the test clock", read=get_test_clock),
]
