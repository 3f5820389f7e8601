"""/v1/async-actions: what goes on after its request was answered."""

from typing import Any

from tallybook.api.call import Call, Look, Route
from tallybook.domain.refusals import NotFound
from tallybook.store import queries_async_actions as queries
from tallybook.wire import door
from tallybook.wire.async_actions import action_full, action_of_list


def list_async_actions(call: Call, look: Look) -> Any:
    """Async actions, newest first; `end_date` gives those that were asked for before it."""
    query = call.query
    limit, before = door.limit_of(query), door.instant_of(query, "end_date")
    found, more = queries.list_actions(look.connection, call.project_id, limit, before)
    shown = [action_of_list(action) for action in found]
    return {"object": "list", "data_ref": "async_actions", "async_actions": shown, "has_more": more}


def get_async_action(call: Call, look: Look) -> Any:
    """How far an async action is, and what came of it."""
    action_id = call.path["asyncActionId"]
    found = queries.get_action(look.connection, call.project_id, action_id)
    if found is None:
        raise NotFound("async_action", action_id)
    return action_full(found)


ROUTES = [
    Route("GET", "/v1/async-actions", "List async actions", read=list_async_actions, query=("limit", "end_date")),
    Route("GET", "/v1/async-actions/{asyncActionId}", "Get async action", read=get_async_action),
]
