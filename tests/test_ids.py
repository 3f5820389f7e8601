"""Ids sort by time, each project on a line of its own."""

from datetime import UTC, datetime

from tallybook.ids import EPOCH_MS, Ids, unix_ms

TODAY, FAR = datetime(2025, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def ms_of(body: str) -> int:
    """The milliseconds since 1970 that a body encodes."""
    return (int(body, 16) >> 30) + EPOCH_MS


def test_a_clock_that_ran_ahead_takes_nobody_with_it() -> None:
    """The ids of a project on today's clock say today, whatever another project's test clock says in the same process."""
    ids = Ids(1)
    ahead = ids.hex18(FAR, line="sandbox")
    today = ids.hex18(TODAY, line="live")
    assert (ms_of(ahead), ms_of(today)) == (unix_ms(FAR), unix_ms(TODAY))
    assert ids.hex18(TODAY, line="sandbox") > ahead


def test_ids_of_one_instant_differ_and_grow() -> None:
    """More ids of one instant than the counter counts are still different, of one length, and in their order."""
    ids = Ids(1)
    bodies = [ids.hex18(TODAY, line="one") for _ in range(70_000)]
    assert bodies == sorted(set(bodies))
    assert {len(body) for body in bodies} == {18}


def test_an_id_that_must_follow_another_does() -> None:
    """An id asked for after another one is greater, though its clock is behind."""
    ids = Ids(1)
    later = ids.hex18(FAR)
    assert ids.hex18(TODAY, after=later, line="other") > later
