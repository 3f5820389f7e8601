"""The webhook receiver on real sockets."""

import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import msgspec
import pytest

from tallybook.demo.receiver import MAX_BODY, Receiver, sign
from tallybook.demo.tally import SeenCard

SECRET = "secretKey"


def event(number: int, name: str = "customer.created", facts: object = None) -> bytes:
    """A webhook's body; non-ASCII text shows that bytes are signed, not characters."""
    ids = {"id": f"whs_{number:018x}", "event": {"id": f"evcus_{number:018x}"}}
    return msgspec.json.encode({**ids, "type": name, "note": "Zoë", "data": facts or {}})


def transaction(number: int, vtx: str, points: int, balance: int) -> bytes:
    """The body of a transaction.created event."""
    card = {"code": "CD-1", "loyalty_card": {"points": balance, "balance": balance}}
    facts = {
        "transaction": {"id": vtx},
        "voucher": card,
        "holder": {"id": "cust_1", "source_id": "c-1"},
        "balance": {"points": points},
    }
    return event(number, "voucher.loyalty_card.transaction.created", facts)


def post(receiver: Receiver, *requests: tuple[bytes, str]) -> list[int]:
    """The statuses of these requests, posted over one connection that is kept alive."""
    address = urlsplit(receiver.url)
    connection = HTTPConnection(address.hostname or "", address.port)
    statuses = []
    for body, signature in requests:
        connection.request("POST", address.path, body, {"X-Voucherify-Signature": signature})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (b'{"a":1}', "a17d2ac229d1ebbb5f10e839c7985c4818e5986eab297f7e5979196d4d7d3ed2"),
        (b'{"a\\"b":1}', "f7cf97814a03146abedb9793f56e1dec34f618f82d10395310d053f749483ffb"),
    ],
)
def test_signatures_are_those_of_the_contract(body: bytes, signature: str) -> None:
    """The published vectors come out."""
    assert sign(SECRET, body) == signature


def test_a_signed_event_is_counted() -> None:
    """An event with the right signature is answered 200 and counted by its type; a repeated attempt is not counted again."""
    first, second = event(1), event(2, "customer.order.paid")
    with Receiver(SECRET) as receiver:
        requests = [(body, sign(SECRET, body)) for body in (first, second, first)]
        assert post(receiver, *requests) == [200, 200, 200]
    assert dict(receiver.tally.verified) == {"customer.created": 1, "customer.order.paid": 1}
    assert (receiver.tally.arrived, receiver.tally.repeated, receiver.tally.bad_signatures) == (3, 1, 0)


def test_a_wrong_signature_is_refused() -> None:
    """A body changed by one byte, another secret, or no signature at all is answered 401 and not counted as an event."""
    body = event(1)
    with Receiver(SECRET) as receiver:
        requests = [(body + b" ", sign(SECRET, body)), (body, sign("other", body)), (body, "")]
        assert post(receiver, *requests) == [401, 401, 401]
    assert dict(receiver.tally.verified) == {}
    assert receiver.tally.bad_signatures == 3


def test_what_cannot_be_read_is_refused() -> None:
    """A signed body that is no event, or an event without the facts of its type, is answered 400."""
    bodies = [b"not json", b"{}", event(1, "voucher.loyalty_card.transaction.created")]
    with Receiver(SECRET) as receiver:
        assert post(receiver, *[(body, sign(SECRET, body)) for body in bodies]) == [400, 400, 400]
    assert receiver.tally.unreadable == 3


def test_a_body_in_pieces_and_two_in_one_piece() -> None:
    """A request may arrive byte by byte, and two requests at once: each is answered once."""
    body = event(1)
    head = f"POST /webhooks HTTP/1.1\r\nContent-Length: {len(body)}\r\nx-voucherify-signature: {sign(SECRET, body)}\r\n\r\n"
    request = head.encode() + body
    with Receiver(SECRET) as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for place in range(len(request)):
                connection.sendall(request[place : place + 1])
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
            connection.sendall(request + request)
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK") < 2:
                answers += connection.recv(4096)
    assert (receiver.tally.arrived, receiver.tally.repeated) == (3, 2)


@pytest.mark.parametrize(
    "head", [b"POST / HTTP/1.1\r\n\r\n", f"POST / HTTP/1.1\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode(), b"x" * 20000]
)
def test_a_request_without_bounds_is_cut_off(head: bytes) -> None:
    """No length, a length that is too large, or a head without end: 400, and the connection is closed."""
    with Receiver(SECRET) as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(head)
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert connection.recv(4096) == b""


def test_a_card_is_as_its_newest_transaction_shows_it() -> None:
    """Events may arrive out of order: the card shows the greatest transaction id, and every transaction's points are summed."""
    bodies = [transaction(2, "vtx_2", 5, 15), transaction(1, "vtx_1", 10, 10)]
    with Receiver(SECRET) as receiver:
        post(receiver, *[(body, sign(SECRET, body)) for body in bodies])
    assert receiver.tally.top_cards(5) == [SeenCard("vtx_2", "CD-1", "c-1", 15, 15)]
    assert receiver.tally.points_issued == 15


def test_points_wait_until_they_are_activated() -> None:
    """An activation is a transaction of its card, and its points wait no longer, even if it arrives first."""
    card, five = {"code": "CD-1", "loyalty_card": {"points": 15, "balance": 15}}, {"points": 5}
    holder = {"id": "cust_1", "source_id": "c-1"}
    told = {"transaction": {"id": "vtx_2"}, "voucher": card, "customer": holder, "balance": five, "pending_points": five}
    bodies = [
        event(3, "voucher.loyalty_card.pending_points.activated", told),
        event(2, "voucher.loyalty_card.pending_points.added", {"voucher": card, "pending_points": five}),
        transaction(1, "vtx_1", 10, 10),
        event(4, "voucher.loyalty_card.pending_points.added", {"voucher": card, "pending_points": {"points": 3}}),
    ]
    with Receiver(SECRET) as receiver:
        post(receiver, *[(body, sign(SECRET, body)) for body in bodies])
    assert receiver.tally.top_cards(5) == [SeenCard("vtx_2", "CD-1", "c-1", 15, 15)]
    assert (receiver.tally.points_issued, dict(receiver.tally.waiting)) == (15, {"CD-1": 3})


def test_a_customer_holds_the_tier_of_the_newest_tier_event() -> None:
    """Joined, upgraded, and left are taken in the order of their events, whatever order they arrive in."""
    customer = {"customer": {"id": "cust_1", "source_id": "c-1"}}
    other = {"customer": {"id": "cust_2"}, "loyalty_tier": {"name": "Listener"}}
    bodies = [
        event(2, "customer.loyalty.tier.upgraded", {**customer, "loyalty_tier_to": {"name": "Collector"}}),
        event(1, "customer.loyalty.tier.joined", {**customer, "loyalty_tier": {"name": "Listener"}}),
        event(3, "customer.loyalty.tier.joined", other),
        event(4, "customer.loyalty.tier.left", other),
    ]
    with Receiver(SECRET) as receiver:
        post(receiver, *[(body, sign(SECRET, body)) for body in bodies])
    tally = receiver.tally
    assert (tally.tier_of("c-1"), tally.tier_of("cust_2"), dict(tally.customers_by_tier())) == (
        "Collector",
        None,
        {"Collector": 1},
    )
