"""Async actions on the wire: what a list says of them, and what a look at one says."""

from datetime import UTC, datetime

import msgspec
import pytest

from tallybook.domain.records import AsyncAction
from tallybook.wire.async_actions import action_full, action_of_list

ACTION = AsyncAction(
    id="aa_0c54441d14d7b60014",
    project_id="proj_1",
    type="CAMPAIGN.VOUCHERS_GENERATE",
    entity_id="camp_1",
    request_id="v-0c54441d0e4418b647",
    total=3,
    created_at=datetime(2023, 1, 19, 13, 3, 50, 355_000, UTC),
)
DONE = msgspec.structs.replace(ACTION, status="DONE", done_count=3, updated_at=datetime(2023, 1, 19, 13, 3, 51, 30_000, UTC))


def test_a_finished_action_says_what_came_of_it() -> None:
    """The documented example of a generation, of three cards."""
    assert list(action_full(DONE).items()) == [
        ("id", "aa_0c54441d14d7b60014"),
        ("type", "CAMPAIGN.VOUCHERS_GENERATE"),
        ("status", "DONE"),
        ("result", {"message": "Generated 3 vouchers.", "done_count": 3}),
        ("created_at", "2023-01-19T13:03:50.355Z"),
        ("updated_at", "2023-01-19T13:03:51.030Z"),
        ("request_id", "v-0c54441d0e4418b647"),
        ("progress", 100),
        ("processing_time", 675),
        ("object", "async_action"),
    ]


def test_a_list_does_not_say_what_came_of_it() -> None:
    """Neither result nor duration."""
    assert list(action_of_list(DONE)) == [
        *["id", "type", "status", "created_at", "updated_at", "request_id", "progress", "object"]
    ]


@pytest.mark.parametrize(("done", "total", "progress"), [(0, 0, 0), (0, 3, 0), (1, 3, 33), (2, 3, 66), (99_999, 100_000, 99)])
def test_progress_is_a_whole_part_of_a_hundred(done: int, total: int, progress: int) -> None:
    """A hundred is said of what has ended well, and of nothing else."""
    under_way = msgspec.structs.replace(ACTION, status="IN_PROGRESS", done_count=done, total=total)
    assert action_full(under_way)["progress"] == progress
    assert "result" not in action_full(under_way)


def test_an_action_that_waits_has_no_last_step() -> None:
    """`updated_at` and `processing_time` come with the first one."""
    assert list(action_full(ACTION)) == ["id", "type", "status", "created_at", "request_id", "progress", "object"]


def test_a_failed_action_says_why() -> None:
    """And how far it came."""
    failed = msgspec.structs.replace(DONE, status="FAILED", done_count=2, reason="No code is left")
    shown = action_full(failed)
    assert (shown["result"], shown["progress"]) == ({"message": "No code is left", "done_count": 2}, 66)


def test_a_deletion_says_how_many_cards_went() -> None:
    """In the words of the documented example."""
    deleted = msgspec.structs.replace(DONE, type="CAMPAIGN.VOUCHERS_DELETE", total=2, done_count=2)
    assert action_full(deleted)["result"] == {"message": "Deleted 2 vouchers.", "done_count": 2}
