"""What may start next."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tallybook.delivery.lanes import Lanes, Limits
from tallybook.delivery.outbox import Parcel
from tallybook.delivery.policy import Delivered, Failed, RetryAt

LIMITS = Limits(flights=6, flights_per_webhook=3, first_flights=2)
LATER = datetime(2026, 3, 1, tzinfo=UTC)


def parcel(number: int, webhook_id: str, stream: str | None, attempts: int = 0) -> Parcel:
    """A parcel at this position."""
    return Parcel(
        send_out_id=f"whs_{number}", webhook_id=webhook_id, stream=stream, position=number, url="", body=b"", secret="",
        attempts=attempts, held_until=LATER,
    )  # fmt: skip


parcels = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", None]), st.sampled_from([0, 0, 0, 1, 2, 5])), max_size=40
).map(lambda rows: [parcel(n, *row) for n, row in enumerate(rows)])


@given(parcels, st.integers(0, 40), st.randoms(use_true_random=False))
def test_every_parcel_goes_one_way(given_parcels: list[Parcel], cut: int, random: Random) -> None:
    """Each parcel is started once or handed back once; bounds and order hold at every step; nothing is left behind."""
    lanes = Lanes(LIMITS)
    gone = lanes.admit(given_parcels[:cut])
    waiting = given_parcels[cut:]
    flying: list[Parcel] = []
    while True:
        flying += lanes.take_off()
        assert_bounds(flying)
        assert lanes.flying == len(flying)
        if waiting and (not flying or random.random() < 0.5):
            gone += lanes.admit([waiting.pop(0)])
        elif flying:
            landed = flying.pop(random.randrange(len(flying)))
            gone += land(lanes, landed, random)
        else:
            break
    assert sorted(one.position for one in gone) == [one.position for one in given_parcels]
    assert (lanes.clear(), lanes.busy(), lanes.flying) == ([], set(), 0)
    assert {lane.unanswered for lane in lanes._lanes.values()} <= {0}


def assert_bounds(flying: list[Parcel]) -> None:
    """No more in the air than allowed, and no two of one stream but those that stepped out of line."""
    assert len(flying) <= LIMITS.flights
    for webhook_id in "abc":
        in_the_air = [one for one in flying if one.webhook_id == webhook_id]
        assert len(in_the_air) <= LIMITS.flights_per_webhook
        in_line = [one.stream for one in in_the_air if one.stream and one.attempts < 2]
        assert len(in_line) == len(set(in_line))


def land(lanes: Lanes, parcel: Parcel, random: Random) -> list[Parcel]:
    """End a flight in some way; what left the lanes by it."""
    match random.choice(["turned back", "delivered", "retry", "failed"]):
        case "turned back":
            return lanes.turn_back(parcel)
        case "delivered":
            return [parcel, *lanes.land(parcel, Delivered(), answered=True)]
        case "retry":
            return [parcel, *lanes.land(parcel, RetryAt(LATER), answered=random.random() < 0.5)]
        case _:
            return [parcel, *lanes.land(parcel, Failed(), answered=False)]


def test_webhooks_that_do_not_answer_leave_room() -> None:
    """A webhook starts with few requests in the air, and takes no more than are left for the others."""
    lanes = Lanes(Limits(flights=16))
    lanes.admit(parcel(n, webhook_id, None) for n in range(100) for webhook_id in "abcd")
    first = [one.webhook_id for one in lanes.take_off()]
    assert Counter(first) == {"a": 4, "b": 3, "c": 3, "d": 3}
    lanes.admit([parcel(100, "e", None)])
    assert [one.webhook_id for one in lanes.take_off()] == ["e"]


def test_answers_earn_flights() -> None:
    """Each answer allows a webhook one more request at once, whatever its status; each silence halves them, down to one."""
    lanes = Lanes(Limits(flights_per_webhook=6))
    lanes.admit(parcel(n, "a", None) for n in range(100))
    flying = list(lanes.take_off())
    allowed = [len(flying)]
    for answered in (True, True, True, False, False, False, True):
        lanes.land(flying.pop(), RetryAt(LATER), answered=answered)
        while len(flying) > lanes._lanes["a"].allowed:
            lanes.turn_back(flying.pop())
        flying += lanes.take_off()
        allowed.append(len(flying))
    assert allowed == [4, 5, 6, 6, 3, 1, 1, 2]


def test_busy_webhooks() -> None:
    """A webhook is busy with four parcels unanswered to each request it is allowed; from eight on the rest goes back."""
    lanes = Lanes(Limits())
    assert lanes.admit(parcel(n, "a", f"s{n % 7}") for n in range(15)) == []
    assert lanes.busy() == set()
    surplus = lanes.admit([parcel(n, webhook_id, None) for n in range(15, 40) for webhook_id in "ab"])
    assert surplus == [parcel(n, "a", None) for n in range(32, 40)]
    assert lanes.busy() == {"a", "b"}
    for one in list(lanes.take_off()):
        lanes.land(one, Delivered(), answered=True)
    assert lanes.busy() == set()
