"""The outbox over the store: what is given to whom and when, on both databases, with a clock that is told."""

import asyncio
from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import text

from tallybook.delivery.clerk import EngineClerk
from tallybook.delivery.outbox import OutboxUnavailable
from tallybook.delivery.policy import Delivered, Failed, RetryAt
from tallybook.delivery.post_room import LEASE, PostRoom
from tallybook.delivery.signature import sign
from tallybook.store.send_outs import Result
from tallybook.usecases.customers import CustomerFields, DeleteCustomer, UpdateCustomer
from tallybook.usecases.earning_rules import DeleteEarningRule
from tallybook.usecases.webhooks import DeleteWebhook
from tests.books import PROJECT, fixed
from tests.delivery.plain_outbox import SECRET, START
from tests.delivery.post_office import ORDERS, PostOffice, carrying, claim, names, record, until
from tests.receiver import Answer, Receiver

SCHEDULE = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]
MINUTE = timedelta(minutes=1)


def _next_due_at(room: PostRoom, busy: tuple[str, ...] = ()) -> timedelta | None:
    at = asyncio.run(room.next_due_at(busy))
    return None if at is None else at - START


# --- claiming ------------------------------------------------------------------------------------------------------------


def test_events_come_in_their_order(office: PostOffice) -> None:
    """Everything of a customer comes oldest first, numbered from one, signed with the project's secret, each thing once."""
    webhook = office.subscribe("http://127.0.0.1:1/hook")
    office.order("first")
    office.order("second")
    room = office.room()
    parcels = claim(room)
    assert names(parcels) == [*ORDERS, *ORDERS[1:]]
    assert [parcel.sequence for parcel in parcels] == [1, 2, 3, 4, 5]
    assert [parcel.position for parcel in parcels] == sorted({parcel.position for parcel in parcels})
    assert {(p.webhook_id, p.url, p.secret, p.attempts, p.first_attempt_at) for p in parcels} == {
        (webhook.id, "http://127.0.0.1:1/hook", SECRET, 0, None)
    }
    assert len({parcel.stream for parcel in parcels}) == 1
    assert claim(room) == []


def test_an_event_is_given_to_each_webhook_that_asked_for_it(office: PostOffice) -> None:
    """Every subscriber gets its own send-out of the same event, and nothing that it did not ask for."""
    both, paid = office.subscribe(), office.subscribe(events=["customer.order.paid"])
    office.order("first")
    parcels = claim(office.room())
    by_webhook = {hook.id: [p for p in parcels if p.webhook_id == hook.id] for hook in (both, paid)}
    assert [names(by_webhook[hook.id]) for hook in (both, paid)] == [ORDERS, ORDERS[2:]]
    bodies = [msgspec.json.decode(by_webhook[hook.id][-1].body) for hook in (both, paid)]
    assert bodies[0]["event"] == bodies[1]["event"]
    assert bodies[0]["id"] != bodies[1]["id"]
    assert [parcel.sequence for parcel in by_webhook[paid.id]] == [3]


def test_a_claim_leaves_what_is_behind_something_in_hand(office: PostOffice) -> None:
    """While a customer's earlier event is in hand the later ones wait, and other customers' come."""
    office.subscribe()
    office.order("first", customer="bob")
    room = office.room()
    begun = claim(room, limit=1)
    office.order("second", customer="carol")
    assert names(begun) == ORDERS[:1]
    given = claim(room)
    assert (names(given), {one.stream for one in given} & {begun[0].stream}) == (ORDERS, set())
    record(room, Delivered(), START, *begun)
    assert names(claim(room)) == ORDERS[1:]


def test_thousands_of_one_customer_hold_up_nobody_else(office: PostOffice) -> None:
    """Of one customer only some are taken in hand at a time, whatever is due; the others' events come, and each in order."""
    office.subscribe()
    for number in range(40):
        office.order(f"bob {number}", customer="bob")
    office.order("of carol", customer="carol")
    room, seen = office.room(), []
    parcels = claim(room)
    assert list(Counter(one.stream for one in parcels).values()) == [16, 3]
    while parcels:
        record(room, Delivered(), START, *parcels)
        seen += parcels
        parcels = claim(room)
    assert office.rows("SELECT COUNT(*) FROM send_outs WHERE state <> 'DELIVERED'") == [(0,)]
    bobs = [one.position for one in seen if one.stream == seen[0].stream]
    assert (len(bobs), bobs) == (81, sorted(bobs))


def test_a_busy_webhook_is_passed_over(office: PostOffice) -> None:
    """What is for a webhook that has enough in hand is left where it is."""
    busy, free = office.subscribe(), office.subscribe()
    office.order("first")
    room = office.room()
    assert {parcel.webhook_id for parcel in claim(room, busy=(busy.id,))} == {free.id}
    assert {parcel.webhook_id for parcel in claim(room)} == {busy.id}


def test_what_is_released_is_due_as_before(office: PostOffice) -> None:
    """Parcels that were not sent come again, and no attempt is counted."""
    office.subscribe()
    office.order("first")
    room = office.room()
    parcels = claim(room)
    asyncio.run(room.release([parcel.send_out_id for parcel in parcels]))
    assert [msgspec.structs.replace(p, held_until=START) for p in claim(room)] == [
        msgspec.structs.replace(p, held_until=START) for p in parcels
    ]


def test_what_a_lost_process_had_in_hand_comes_again(office: PostOffice) -> None:
    """Nothing has to be written to claim, so after a crash everything unfinished is due: at least once."""
    office.subscribe()
    office.order("first")
    lost = office.room()
    parcels = claim(lost)
    record(lost, Delivered(), START, parcels[0])
    office.clock.at += LEASE + timedelta(seconds=1)
    again = claim(office.room())
    assert [(one.send_out_id, one.body) for one in again] == [(one.send_out_id, one.body) for one in parcels[1:]]


def test_a_claim_that_fails_keeps_nothing(office: PostOffice) -> None:
    """The database may go away in the middle of it: what nobody was given is due as before."""
    rewarded = "customer.rewarded.loyalty_points"
    office.rules(office.programme(), {"type": "FIXED", "points": 5})
    office.subscribe(events=[rewarded])
    office.order("first")
    room = office.room()
    with office.database.writing() as connection:
        connection.execute(text("ALTER TABLE config_history RENAME TO away"))
    with pytest.raises(OutboxUnavailable):
        claim(room)
    with office.database.writing() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO config_history"))
    assert names(claim(room)) == [rewarded]


# --- what comes of attempts ----------------------------------------------------------------------------------------------


def test_what_is_delivered_is_done(office: PostOffice) -> None:
    """A delivered send-out has its state, its attempt and its status, and never comes again."""
    office.subscribe()
    office.order("first")
    room = office.room()
    record(room, Delivered(), START, *claim(room))
    assert office.rows("SELECT state, attempts, last_status FROM send_outs") == [("DELIVERED", 1, 200)] * 3
    assert (claim(room), claim(office.room()) if office.database.is_sqlite else []) == ([], [])


def test_a_first_failure_holds_its_customer_back(office: PostOffice) -> None:
    """After one failure the customer's later events wait for its retry and then come behind it; other customers do not wait."""
    office.subscribe()
    office.order("first", customer="bob")
    office.order("first of carol", customer="carol")
    room = office.room()
    bobs, carols = claim(room, limit=3), claim(room, limit=3)
    record(room, RetryAt(START + MINUTE), START, bobs[0])
    asyncio.run(room.release([parcel.send_out_id for parcel in (*bobs[1:], *carols)]))
    assert [parcel.send_out_id for parcel in claim(room)] == [parcel.send_out_id for parcel in carols]
    office.clock.at = START + MINUTE - timedelta(milliseconds=1)
    assert claim(room) == []
    office.clock.at = START + MINUTE
    again = claim(room)
    record(room, Delivered(), START + MINUTE, *again)
    again += claim(room)
    assert [(one.send_out_id, one.body) for one in again] == [(one.send_out_id, one.body) for one in bobs]
    assert [(one.attempts, one.first_attempt_at) for one in again] == [(1, START), (0, None), (0, None)]


def test_what_has_failed_twice_steps_out_of_line(office: PostOffice) -> None:
    """A send-out that has failed twice holds nobody back any more; its own retries go on beside the others."""
    office.subscribe()
    office.order("first")
    room = office.room()
    first = claim(room, limit=1)[0]
    record(room, RetryAt(START + MINUTE), START, first)
    office.clock.at = START + MINUTE
    retried = claim(room)
    record(room, RetryAt(START + 2 * MINUTE), START + MINUTE, retried[0])
    asyncio.run(room.release([parcel.send_out_id for parcel in retried[1:]]))
    assert names(claim(room)) == ORDERS[1:]  # and while these are in hand:
    office.clock.at = START + 2 * MINUTE
    assert [(parcel.send_out_id, parcel.attempts) for parcel in claim(room)] == [(first.send_out_id, 2)]
    assert office.rows("SELECT number, status FROM attempts ORDER BY number") == [(1, 500), (2, 500)]


def test_in_strict_order_nothing_steps_out_of_line(office: PostOffice) -> None:
    """The customer's later events wait until what fails was delivered, however often it failed; other customers do not."""
    office.subscribe(strict_order=True)
    office.order("first")
    room = office.room()
    first = claim(room, limit=1)[0]
    for failures in range(1, 4):
        at = office.clock.at
        record(room, RetryAt(at + MINUTE), at, first)
        assert claim(room) == []
        office.order(f"of carol, {failures}", customer=f"carol-{failures}")
        carols = claim(room)
        assert names(carols) == ORDERS
        record(room, Delivered(), at, *carols)
        office.clock.at = at + MINUTE
        (first, *behind) = claim(room)
        assert first.attempts == failures
        asyncio.run(room.release([parcel.send_out_id for parcel in behind]))
    record(room, Delivered(), office.clock.at, first)
    assert names(claim(room)) == ORDERS[1:]


def test_the_next_instant_to_look_again(office: PostOffice) -> None:
    """It is the next retry of a webhook that is not busy; on PostgreSQL never later than the lease has to be renewed."""
    webhook = office.subscribe()
    office.order("first")
    room = office.room()
    renewal = None if office.database.is_sqlite else LEASE / 4
    parcels = claim(room)
    assert _next_due_at(room) == renewal
    record(room, RetryAt(START + timedelta(seconds=3)), START, *parcels)
    assert _next_due_at(room) == timedelta(seconds=3)
    assert _next_due_at(room, (webhook.id,)) == renewal


def test_a_failure_of_a_webhook_that_is_alive(office: PostOffice) -> None:
    """A send-out that fails for good disables nothing while something else got through within 24 hours (decision 49)."""
    webhook = office.subscribe()
    office.order("first")
    room = office.room()
    parcels = claim(room)
    record(room, Delivered(), START, parcels[0])
    record(room, Failed(), START + timedelta(hours=24) - timedelta(milliseconds=1), parcels[1])
    assert (office.states(), office.versions(webhook)) == ([("DELIVERED", 1), ("FAILED", 1), ("WAITING", 0)], [True])
    record(room, Failed(), START + timedelta(hours=24), parcels[2])
    assert (office.states()[2], office.versions(webhook)) == (("FAILED", 1), [True, False])


def test_a_disabled_webhook_waits(office: PostOffice) -> None:
    """While a webhook is off its send-outs wait, new ones too; enabled again, they all come in their order."""
    webhook = office.subscribe()
    office.order("first")
    office.switch(webhook, active=False)
    office.order("second")
    room = office.room()
    assert (claim(room), _next_due_at(room)) == ([], None if office.database.is_sqlite else LEASE / 4)
    office.switch(webhook, active=True)
    assert names(claim(room)) == [*ORDERS, *ORDERS[1:]]


def test_a_deleted_webhook_gets_nothing_more(office: PostOffice) -> None:
    """What waited for a deleted webhook is canceled, and no retry of it comes; what the others wait for stays."""
    webhook, other = office.subscribe(), office.subscribe()
    office.order("first")
    room = office.room()
    office.do(DeleteWebhook(project_id=PROJECT, webhook_id=webhook.id))
    assert {parcel.webhook_id for parcel in claim(room)} == {other.id}
    told = office.rows("SELECT webhook_id, state FROM send_outs GROUP BY webhook_id, state")
    assert dict(told) == {webhook.id: "CANCELED", other.id: "WAITING"}


def test_what_was_in_the_air_when_its_webhook_was_deleted(office: PostOffice) -> None:
    """An attempt that fails after the webhook was deleted does not bring its send-out back; one that succeeds is delivered."""
    webhook = office.subscribe()
    office.order("first")
    room = office.room()
    parcels = claim(room)
    office.do(DeleteWebhook(project_id=PROJECT, webhook_id=webhook.id))
    record(room, Delivered(), START, parcels[0])
    record(room, RetryAt(START + MINUTE), START, parcels[1])
    assert [state for state, _ in office.states()] == ["DELIVERED", "CANCELED", "CANCELED"]


# --- one post room at a time ---------------------------------------------------------------------------------------------


def test_one_process_has_the_post_room(office: PostOffice) -> None:
    """On PostgreSQL a second process gets nothing until the first gives the room up or is silent for the length of its lease."""
    if office.database.is_sqlite:
        pytest.skip("a SQLite file has one process")
    office.subscribe()
    office.order("first")
    first, second, third = office.room(), office.room(), office.room()
    assert {parcel.held_until for parcel in claim(first)} == {START + LEASE}
    assert (claim(second), _next_due_at(second)) == ([], LEASE / 2)
    first.close()
    assert (len(claim(second)), claim(third)) == (3, [])
    office.clock.at += LEASE + timedelta(milliseconds=1)
    assert (len(claim(third)), claim(second)) == (3, [])


# --- with a courier and a receiver ---------------------------------------------------------------------------------------


def _tried(office: PostOffice, count: int) -> bool:
    return office.rows("SELECT COUNT(*) FROM attempts") == [(count,)]


def test_the_whole_schedule(office: PostOffice) -> None:
    """An event that nobody takes is sent 13 times within 24 hours, byte for byte the same; then it has failed, and the
    webhook, to which nothing came through, is off.
    """

    async def story() -> None:
        async with carrying(office) as room:
            await asyncio.to_thread(office.order, "first")
            for number, minutes in enumerate(SCHEDULE, 1):
                office.clock.at = START + minutes * MINUTE
                room.wake()
                await until(lambda number=number: _tried(office, number))  # type: ignore[misc]
                assert len(receiver.received) == number
            await until(lambda: len(office.versions(webhook)) == 2)

    with Receiver() as receiver:
        webhook = office.subscribe(receiver.url + "/hook", ["customer.order.paid"])
        receiver.answer = Answer(500)
        asyncio.run(story())
        body = receiver.received[0].body
        told = {(one.path, one.headers["x-voucherify-signature"], one.headers["x-tallybook-sequence"], one.body) for one in receiver.received}  # fmt: skip # noqa: E501
    assert told == {("/hook", sign(body, SECRET), "3", body)}
    ms = [int(START.timestamp() + 60 * minutes) * 1000 for minutes in SCHEDULE]
    rows = office.rows("SELECT number, at, status, error FROM attempts ORDER BY number")
    assert rows == [(number, at, 500, None) for number, at in enumerate(ms, 1)]
    assert office.rows("SELECT state, attempts, first_attempt_at, last_status FROM send_outs") == [("FAILED", 13, ms[0], 500)]
    assert office.versions(webhook) == [True, False]


def test_enabled_again_what_waited_goes(office: PostOffice) -> None:
    """Enabling a webhook is enough: what waited for it is sent, without another event to give the word (decision 49)."""

    async def story() -> None:
        async with carrying(office):
            await until(lambda: len(receiver.received) == 1)
            await asyncio.to_thread(office.switch, webhook, active=False)
            await asyncio.to_thread(office.order, "second")
            await until(lambda: office.states() == [("DELIVERED", 1), ("WAITING", 0)])
            await asyncio.to_thread(office.switch, webhook, active=True)
            await until(lambda: len(receiver.received) == 2, 1)

    with Receiver() as receiver:
        webhook = office.subscribe(receiver.url, ["customer.order.paid"])
        office.order("first")
        asyncio.run(story())
    assert office.states() == [("DELIVERED", 1), ("DELIVERED", 1)]


def test_a_retry_says_what_the_first_attempt_said(office: PostOffice) -> None:
    """Whatever was renamed, deleted or paid between two attempts, and whoever sends: the retry has the same bytes."""

    async def carry(count: int) -> None:
        async with carrying(office):
            await until(lambda: len(receiver.received) == count)

    with Receiver() as receiver:
        receiver.answers = [Answer(500)]
        office.subscribe(receiver.url, ["customer.rewarded.loyalty_points"])
        campaign = office.programme()
        rule = office.rules(campaign, fixed(5))[0]
        office.order("first")
        asyncio.run(carry(1))
        office.do(UpdateCustomer(project_id=PROJECT, key="bob", fields=CustomerFields(name="Robert", source_id="robert")))
        office.order("second", customer="robert", amount=9_000)
        office.do(DeleteEarningRule(project_id=PROJECT, campaign=campaign.id, rule_id=rule.id))
        office.order("first", customer="robert", amount=1)
        office.do(DeleteCustomer(project_id=PROJECT, key="robert"))
        office.clock.at += MINUTE
        asyncio.run(carry(3))
        first, again, second = receiver.received
    assert (again.body, again.headers) == (first.body, first.headers)
    assert msgspec.json.decode(second.body)["data"]["order"]["amount"] == 9_000
    assert office.states() == [("DELIVERED", 2), ("DELIVERED", 1)]


# --- what cannot be sent -------------------------------------------------------------------------------------------------


def test_an_event_that_cannot_be_rendered_fails_alone(office: PostOffice) -> None:
    """It fails for good with the reason, the others go, and the webhook is not blamed."""
    webhook = office.subscribe()
    office.order("first")
    with office.database.writing() as connection:
        connection.execute(text("UPDATE events SET name = 'customer.unheard_of' WHERE name = 'customer.order.created'"))
    room = office.room()
    assert names(claim(room)) == [ORDERS[0], ORDERS[2]]
    assert office.rows("SELECT state, last_error FROM send_outs WHERE state = 'FAILED'") == [
        ("FAILED", "The event cannot be rendered; the log says why.")
    ]
    assert office.versions(webhook) == [True]


def test_what_is_recorded_twice_is_recorded_once(office: PostOffice) -> None:
    """A result that comes again, since its recording seemed lost, changes nothing, and no late failure undoes a success."""
    office.subscribe(events=["customer.created"])
    office.order("first")
    (parcel,) = claim(office.room())
    for state in ("DELIVERED", "DELIVERED", "FAILED"):
        result = Result(
            send_out_id=parcel.send_out_id,
            project_id=PROJECT,
            webhook_id=parcel.webhook_id,
            attempt=1,
            at=START,
            first_attempt_at=START,
            state=state,
            status=200 if state == "DELIVERED" else 500,
        )
        EngineClerk(office.database, office.engine).record([result])
    assert office.states() == [("DELIVERED", 1)]


def test_a_late_failure_of_a_process_that_lost_the_post_room(office: PostOffice) -> None:
    """Its attempt was counted by its successor already: what that one recorded stands."""
    office.subscribe(events=["customer.created"])
    office.order("first")
    (parcel,) = claim(office.room())
    for state in ("WAITING", "FAILED"):
        result = Result(
            send_out_id=parcel.send_out_id,
            project_id=PROJECT,
            webhook_id=parcel.webhook_id,
            attempt=1,
            at=START,
            first_attempt_at=START,
            state=state,
            receiver_failed=False,
        )
        EngineClerk(office.database, office.engine).record([result])
    assert office.states() == [("WAITING", 1)]
