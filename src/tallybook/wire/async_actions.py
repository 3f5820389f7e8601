"""Async actions, as a list shows them and as a look at one does: only the latter says what came of it."""

from tallybook.domain.records import AsyncAction
from tallybook.usecases.import_cards import IMPORT_CSV, IMPORTS, Failure, task_of
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object

_DEEDS = {"CAMPAIGN.VOUCHERS_GENERATE": "Generated", "CAMPAIGN.VOUCHERS_DELETE": "Deleted"}


def action_of_list(action: AsyncAction) -> Object:
    """The form in lists: without result and duration. `updated_at` is there once something happened."""
    return {**_head(action), **_progress(action), "object": "async_action"}


def action_full(action: AsyncAction) -> Object:
    """The whole object. `result` is there at the end; `processing_time`: milliseconds from the request to the last step."""
    shown = _head(action)
    if action.status in ("DONE", "FAILED"):
        shown["result"] = _import_result(action) if action.type in IMPORTS else _result(action)
    shown |= _progress(action)
    if action.updated_at is not None:
        shown["processing_time"] = round((action.updated_at - action.created_at).total_seconds() * 1000)
    return {**shown, "object": "async_action"}


def _head(action: AsyncAction) -> Object:
    return {"id": action.id, "type": action.type, "status": action.status}


def _progress(action: AsyncAction) -> Object:
    shown: Object = {"created_at": instant_text(action.created_at)}
    if action.updated_at is not None:
        shown["updated_at"] = instant_text(action.updated_at)
    done = 100 if action.status == "DONE" else 100 * action.done_count // max(action.total, 1)
    return {**shown, "request_id": action.request_id, "progress": done}


def _result(action: AsyncAction) -> Object:
    message = action.reason or f"{_DEEDS[action.type]} {action.done_count} vouchers."
    return {"message": message, "done_count": action.done_count}


def _import_result(action: AsyncAction) -> Object:
    failed = task_of(action).failed
    made = action.done_count - len(failed)
    message = f"{made} voucher(s) imported successfully, {len(failed)} failed."
    shown = [_failure(one, numbered=action.type == IMPORT_CSV) for one in failed]
    return {"message": message, "failed": shown, "done_count": made, "failed_count": len(failed)}


def _failure(failure: Failure, *, numbered: bool) -> Object:
    """Only of a file is the row shown."""
    row = {"row": failure.row} if numbered else {}
    return {"code": failure.code, **row, "reason": failure.reason}
