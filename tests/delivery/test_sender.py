"""Sending over real sockets."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
import trustme
import uvloop

from tallybook.delivery.connection import ANSWER_BYTES
from tallybook.delivery.guard import Address, Guard, networks
from tallybook.delivery.lookup import Lookup, SystemLookup
from tallybook.delivery.sender import HttpSender, Request, Sent
from tests.receiver import Answer, Received, Receiver

LOOPBACK = Guard(networks("127.0.0.0/8"))
BODY = '{"name":"Zoë","points":1}'.encode()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> "Callable[[Awaitable[None]], None]":
    """Runs a test in an event loop of each kind."""

    def run(work: Awaitable[None]) -> None:
        async def whole() -> None:
            await work

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    return run


Run = Callable[[Awaitable[None]], None]


@asynccontextmanager
async def sending(
    guard: Guard = LOOPBACK, seconds: float = 10.0, lookup: Lookup | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpSender]:
    """A sender that is closed at the end."""
    sender = HttpSender(guard, "Tallybook/1.2.3", seconds=seconds, lookup=lookup, tls=tls)
    try:
        yield sender
    finally:
        await sender.close()


def post(url: str, body: bytes = BODY) -> Request:
    """A request as the courier makes them."""
    return Request(url, {"x-voucherify-signature": "abc"}, body)


def told(outcome: Sent) -> tuple[int | None, str | None, str | None]:
    """An outcome without its duration."""
    return outcome.status, outcome.error, outcome.retry_after


def answering(*addresses: str) -> Lookup:
    """A name server that has these addresses for every name."""

    async def lookup(_host: str) -> list[Address]:
        return [ip_address(address) for address in addresses]

    return lookup


def test_what_a_receiver_gets(run: Run) -> None:
    """A request is a POST of exactly the bytes given, with the headers every receiver may rely on."""

    async def story() -> None:
        async with sending() as sender:
            assert told(await sender.send(post(receiver.url + "/hook?a=1&b=ü"))) == (200, None, None)

    with Receiver() as receiver:
        run(story())
        headers = {
            "host": f"127.0.0.1:{receiver.port}",
            "content-type": "application/json",
            "user-agent": "Tallybook/1.2.3",
            "x-voucherify-signature": "abc",
            "content-length": str(len(BODY)),
        }
        assert receiver.received == [Received("/hook?a=1&b=%C3%BC", headers, BODY)]


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_answers_are_told_as_they_are(status: int) -> None:
    """Every status is told with its Retry-After; a redirect is not followed."""

    async def story() -> None:
        async with sending() as sender:
            for _ in range(2):
                assert told(await sender.send(post(receiver.url + "/first"))) == (status, None, "17")

    with Receiver() as receiver:
        receiver.answer = Answer(status, {"location": receiver.url + "/second", "Retry-After": "17"})
        asyncio.run(story())
        assert [request.path for request in receiver.received] == ["/first", "/first"]


def test_connections_are_kept(run: Run) -> None:
    """Requests one after another go over one connection; requests at once over as many as it takes."""

    async def story() -> None:
        async with sending() as sender:
            for _ in range(20):
                await sender.send(post(receiver.url))
            assert receiver.connections == 1
            await asyncio.gather(*(sender.send(post(receiver.url)) for _ in range(10)))
            assert receiver.connections <= 10

    with Receiver() as receiver:
        run(story())
        assert len(receiver.received) == 30


KEEPS_THE_CONNECTION = {
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\ntrailer: 1\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "just short enough": b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % ANSWER_BYTES + b"x" * ANSWER_BYTES,
    "HTTP/1.0 that keeps": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
}
ENDS_THE_CONNECTION = {
    "connection: close": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "too long": b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000_000,
    "too long, in chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n" + b"x" * 4095 + b"\r\n2\r\nxx\r\n",
    "two answers to one request": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" * 2,
    "body that breaks off in nonsense": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "status", "connections"),
    [(raw, 204 if b"204" in raw else 200, 1) for raw in KEEPS_THE_CONNECTION.values()]
    + [(raw, 200, 3) for raw in ENDS_THE_CONNECTION.values()],
    ids=[*KEEPS_THE_CONNECTION, *ENDS_THE_CONNECTION],
)
def test_forms_of_answers(run: Run, raw: bytes, status: int, connections: int) -> None:
    """Whatever form an answer has, its status is told; the connection is kept only if the answer's end is sure and near."""

    async def story() -> None:
        async with sending() as sender:
            for _ in range(3):
                assert told(await sender.send(post(receiver.url))) == (status, None, None)
                await asyncio.sleep(0.02)  # the rest of the answer arrives

    with Receiver() as receiver:
        receiver.answer = Answer(raw=raw)
        run(story())
        assert receiver.connections == connections


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(drop=True), "the receiver closed the connection without an answer"),
        (Answer(raw=b"HTTP/1.1 200", close=True), "the receiver closed the connection without an answer"),
        (Answer(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), "the answer is not HTTP: "),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000), "the head of the answer is too long"),
        (Answer(delay=5), "No answer within 0.3 seconds."),
    ],
    ids=["dropped", "broken off", "not HTTP", "endless head", "slow"],
)
def test_what_is_no_answer(run: Run, answer: Answer, error: str) -> None:
    """Without the head of an HTTP answer in time there is no status, and the error says why; it is not sent twice."""

    async def story() -> None:
        async with sending(seconds=0.3) as sender:
            outcome = await sender.send(post(receiver.url))
            assert (outcome.status, outcome.error or "") == (None, outcome.error)
            assert outcome.error is not None
            assert outcome.error.startswith(error)
            assert outcome.duration_ms < 2000

    with Receiver() as receiver:
        receiver.answer = answer
        run(story())
        assert len(receiver.received) == 1


def test_a_slow_body_does_not_hide_its_status(run: Run) -> None:
    """The status counts when it is here, even if the body never ends; its connection is not used again."""

    async def story() -> None:
        async with sending(seconds=0.3) as sender:
            for _ in range(2):
                assert told(await sender.send(post(receiver.url))) == (200, None, None)

    with Receiver() as receiver:
        receiver.answer = Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        run(story())
        assert receiver.connections == 2


def test_a_stale_connection_is_replaced_once(run: Run) -> None:
    """A kept connection that ends without a byte of answer is replaced by a fresh one; a fresh one is not."""

    async def story() -> None:
        async with sending() as sender:
            assert (await sender.send(post(receiver.url, b"1"))).status == 200
            receiver.answers += [Answer(drop=True)]
            assert (await sender.send(post(receiver.url, b"2"))).status == 200
            receiver.answers += [Answer(drop=True), Answer(drop=True)]
            assert (await sender.send(post(receiver.url, b"3"))).status is None
            receiver.answers += [Answer()]
            assert (await sender.send(post(receiver.url, b"4"))).status == 200
            receiver.answers += [Answer(raw=b"HTTP/1.1 2", close=True)]
            assert (await sender.send(post(receiver.url, b"5"))).status is None

    with Receiver() as receiver:
        run(story())
        assert [request.body for request in receiver.received] == [b"1", b"2", b"2", b"3", b"3", b"4", b"5"]


def test_a_connection_closed_while_idle_is_not_used(run: Run) -> None:
    """A receiver may close a kept connection at any time: the next request goes over a fresh one."""

    async def story() -> None:
        async with sending() as sender:
            assert (await sender.send(post(receiver.url))).status == 200
            await asyncio.sleep(0.05)  # the end of the connection arrives
            assert (await sender.send(post(receiver.url))).status == 200

    with Receiver() as receiver:
        receiver.answer = Answer(close=True)
        run(story())
        assert (len(receiver.received), receiver.connections) == (2, 2)


def test_the_address_is_judged_at_every_connection(run: Run) -> None:
    """A name that moves from an allowed address to a private one is refused: the checked address is the one connected to."""
    answers = ["127.0.0.1", "127.0.0.2"]
    one_allowed = Guard(networks("127.0.0.1/32"))

    async def rebinding(_host: str) -> list[Address]:
        return [ip_address(answers.pop(0))]

    async def story() -> None:
        async with sending(guard=one_allowed, lookup=rebinding) as sender:
            url = f"http://shop.example:{receiver.port}/"
            assert told(await sender.send(post(url))) == (200, None, None)
            await asyncio.sleep(0.05)
            refused = "127.0.0.2 is not a public address, and its network is not among the allowed ones."
            assert told(await sender.send(post(url))) == (None, refused, None)

    with Receiver() as receiver:
        receiver.answer = Answer(close=True)
        run(story())
        assert answers == []
        assert [request.headers["host"] for request in receiver.received] == [f"shop.example:{receiver.port}"]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1", "127.0.0.1"], ["::ffff:127.0.0.1"]])
def test_names_of_inside_addresses(addresses: Sequence[str]) -> None:
    """No request reaches an address inside through a name; nothing is even connected."""

    async def story() -> None:
        async with sending(guard=Guard(), lookup=answering(*addresses)) as sender:
            outcome = await sender.send(post(f"http://shop.example:{receiver.port}/"))
            assert outcome.status is None
            assert "is not a public address" in (outcome.error or "")

    with Receiver() as receiver:
        asyncio.run(story())
        assert receiver.connections == 0


def test_the_first_address_that_answers_is_used() -> None:
    """Of several addresses the allowed ones are tried in turn: refused and dead ones are passed over."""

    async def story() -> None:
        async with sending(lookup=answering("::1", "127.0.0.9", "127.0.0.1")) as sender:
            assert (await sender.send(post(f"http://shop.example:{receiver.port}/"))).status == 200

    with Receiver() as receiver:
        asyncio.run(story())


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://localhost:{port}/", "1 is not a public address"),
        ("http://127.0.0.1:{port}/", "127.0.0.1 is not a public address"),
        ("http://2130706433:{port}/", "127.0.0.1 is not a public address"),
        ("ftp://localhost:{port}/", "A webhook's URL starts with"),
    ],
)
def test_forbidden_targets(url: str, error: str) -> None:
    """A forbidden target is an outcome with its reason, and no connection is made."""

    async def story() -> None:
        async with sending(guard=Guard()) as sender:
            outcome = await sender.send(post(url.format(port=receiver.port)))
            assert outcome.status is None
            assert error in (outcome.error or "")

    with Receiver() as receiver:
        asyncio.run(story())
        assert receiver.connections == 0


@pytest.mark.parametrize("headers", [{"x": "a\r\nb: c"}, {"x\r\n\r\nGET / HTTP/1.1": ""}, {"x": "a\nb: c"}, {"x": "→"}])
def test_broken_headers(headers: dict[str, str]) -> None:
    """A header that would become another header, or cannot be written, is not sent."""

    async def story() -> None:
        async with sending() as sender:
            outcome = await sender.send(Request(receiver.url, headers, b"{}"))
            assert outcome.status is None
            assert outcome.error is not None

    with Receiver() as receiver:
        asyncio.run(story())
        assert receiver.connections == 0


def test_nobody_listens(run: Run) -> None:
    """A refused connection is an outcome."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        async def story() -> None:
            async with sending() as sender:
                outcome = await sender.send(post(f"http://127.0.0.1:{taken.getsockname()[1]}/"))
                assert outcome.status is None
                assert outcome.error is not None

        run(story())


def test_a_name_without_an_address() -> None:
    """A name that nobody knows is an outcome."""

    async def unknown(_host: str) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def story() -> None:
        async with sending(lookup=unknown) as sender:
            outcome = await sender.send(post("http://nowhere.example/"))
            assert told(outcome) == (None, "[Errno -2] Name or service not known", None)

    asyncio.run(story())


def test_one_question_per_name() -> None:
    """However many wait for a name, the system is asked once at a time, and again the next time."""

    async def story() -> None:
        lookup = SystemLookup()
        many = await asyncio.gather(*(lookup("localhost") for _ in range(100)))
        assert all(ip_address("127.0.0.1") in found for found in many)
        assert sum(thread.name.startswith("lookup") for thread in threading.enumerate()) == 1
        assert ip_address("127.0.0.1") in await lookup("localhost")
        lookup.close()

    asyncio.run(story())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of these tests."""
    return trustme.CA()


def test_tls(run: Run, authority: trustme.CA) -> None:
    """Over TLS the certificate must be valid and of the URL's host; connections are kept as well."""
    server, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("shop.example").configure_cert(server)
    authority.configure_trust(trusting)

    async def story() -> None:
        async with sending(lookup=answering("127.0.0.1"), tls=trusting) as sender:
            for _ in range(3):
                assert told(await sender.send(post(f"https://shop.example:{receiver.port}/"))) == (200, None, None)
            assert receiver.connections == 1
            wrong = await sender.send(post(f"https://other.example:{receiver.port}/"))
            assert "CERTIFICATE_VERIFY_FAILED" in (wrong.error or "")
        async with sending(lookup=answering("127.0.0.1")) as strict:
            unknown = await strict.send(post(f"https://shop.example:{receiver.port}/"))
            assert "CERTIFICATE_VERIFY_FAILED" in (unknown.error or "")

    with Receiver(tls=server) as receiver:
        run(story())
        assert len(receiver.received) == 3
