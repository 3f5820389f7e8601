"""Slow, broken and greedy clients on real sockets: each is answered in the documented form or dropped, and others are served."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.official import Client
from tests.acceptance.process import Server, running_server

PATIENCE = 30
"""Seconds that a test waits for what must come; nothing is said about when it comes."""
SECONDS = 2
CONNECTIONS = 100
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ENDLESS = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is soon out of patience and of room."""
    folder = tmp_path_factory.mktemp("server")
    limits = {"TALLYBOOK_HEAD_SECONDS": str(SECONDS), "TALLYBOOK_BODY_SECONDS": str(SECONDS)}
    limits["TALLYBOOK_CONNECTIONS"] = str(CONNECTIONS)
    with running_server(f"sqlite:///{folder / 'book.db'}", folder, settings=limits) as server:
        yield server


@pytest.fixture(autouse=True)
def _others_are_served(client: Client) -> Iterator[None]:
    """After whatever happened here, an order is taken."""
    yield
    assert client.ask("POST", "/v1/orders", {"status": "PAID", "amount": 1}).status == 200


class Wire:
    """A connection on which anything may be said."""

    def __init__(self, server: Server, said: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.say(said)

    def say(self, said: bytes) -> None:
        """Send this, if anybody listens."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(said)

    def drip(self, byte: bytes) -> None:
        """Send a byte now and then, until nobody listens."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.socket.sendall(byte)
            except (BrokenPipeError, ConnectionResetError):
                return
            if _has_come(self.socket, 0.1):
                return
        raise AssertionError("the server went on listening")

    def heard(self) -> bytes:
        """Everything until the server ends the connection."""
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := self.socket.recv(65_536):
                parts.append(part)
        self.socket.close()
        return b"".join(parts)


def _has_come(sock: socket.socket, seconds: float) -> bool:
    sock.settimeout(seconds)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    finally:
        with contextlib.suppress(OSError):
            sock.settimeout(PATIENCE)
    return True


def refusal(heard: bytes) -> tuple[int, str]:
    """Status and key of an answer in the documented form, after which the connection ends."""
    head, _, body = heard.partition(b"\r\n\r\n")
    said: dict[str, Any] = json.loads(body)
    assert said.keys() >= {"code", "key", "message", "details", "request_id"}
    assert b"content-type: application/json" in head
    assert b"connection: close" in head
    assert head.startswith(b"HTTP/1.1 %d " % said["code"])
    return said["code"], said["key"]


@pytest.mark.parametrize("byte", [b"G", b"\r\n", b"\n"])
def test_a_head_that_never_ends_is_refused(server: Server, byte: bytes) -> None:
    """A byte now and then, even an empty line, does not hold a place."""
    wire = Wire(server)
    wire.drip(byte)
    assert refusal(wire.heard()) in [(408, "request_timeout"), (400, "invalid_request")]


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/customers"])
def test_a_body_that_never_ends_is_refused(server: Server, path: str) -> None:
    """In both ways to a route."""
    wire = Wire(server, b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" % path.encode())
    wire.drip(b" ")
    assert refusal(wire.heard()) == (408, "request_timeout")


@pytest.mark.parametrize(
    ("said", "status", "key"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "invalid_request"),
        (b"nonsense\r\n\r\n", 400, "invalid_request"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "invalid_request"),
        (b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request"),
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "invalid_request"),
        (ENDLESS + b"zz\r\n", 400, "invalid_request"),
        (ENDLESS + b"ffffffffffffffffffff\r\n", 400, "invalid_request"),
        (ENDLESS + b"2\r\n{}nonsense", 400, "invalid_request"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000, 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", 431, "headers_too_large"),
    ],
)
def test_what_is_no_http_is_refused(server: Server, said: bytes, status: int, key: str) -> None:
    """Head, length and chunks: what proxies and servers could read differently is not read at all."""
    assert refusal(Wire(server, said).heard()) == (status, key)


@pytest.mark.parametrize("path", [b"/v1/orders", b"/v1/customers"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(server: Server, path: bytes, announced: bool) -> None:
    """With its length said or in chunks that go on and on; the rest is read for a while, and kept nowhere."""
    length = b"Content-Length: 50000000" if announced else b"Transfer-Encoding: chunked"
    wire = Wire(server, b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % (path, length))
    piece = b" " * 65_536 if announced else b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(17):
        wire.say(piece)
    head = wire.heard().partition(b"\r\n")[0]
    assert head == b"HTTP/1.1 413 Request Entity Too Large"


def test_a_client_that_has_said_all_is_answered(server: Server) -> None:
    """A socket may be closed for writing before the answer has come."""
    wire = Wire(server, b"GET /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.heard().startswith(b"HTTP/1.1 401 Unauthorized")


def test_half_a_request_and_the_end_is_no_request(server: Server) -> None:
    """Nothing is answered, and nothing done."""
    for said in (b"GET /v1/cust", b"POST /v1/orders HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}"):
        wire = Wire(server, said)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.heard() == b""


def test_requests_in_a_row_are_answered_in_order(server: Server) -> None:
    """Several may be sent before the first is answered."""
    paths = [b"/healthz", b"/v1/customers", b"/nowhere"]
    wire = Wire(server, b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths))
    wire.socket.shutdown(socket.SHUT_WR)
    assert re.findall(rb"HTTP/1.1 (\d+) ", wire.heard()) == [b"200", b"401", b"404"]


def test_too_many_requests_in_a_row_end_with_the_first_answers(server: Server) -> None:
    """A few thousand in one piece are not kept."""
    heard = Wire(server, ASK * 5_000).heard()
    assert 1 <= heard.count(b"HTTP/1.1 200 OK") <= 40


def test_an_offer_of_another_protocol_is_passed_over(server: Server) -> None:
    """As HTTP libraries offer HTTP/2 in their first request."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    wire = Wire(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.heard().startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("said", [b"", b"GET / HT", ASK])
def test_idle_connections_make_room(server: Server, client: Client, said: bytes) -> None:
    """Many more than there is place for; whoever comes with a request is served, and the longest waiting leave."""
    wires = []
    for number in range(3 * CONNECTIONS):
        wires.append(Wire(server, said))
        if number % CONNECTIONS == 0:
            assert client.send("GET", "/healthz").status == 200
    assert client.send("GET", "/healthz").status == 200
    for wire in wires:
        wire.socket.close()


def test_an_answer_that_nobody_reads_holds_nothing_up(server: Server, client: Client) -> None:
    """Clients ask for the largest page and never read; others are served meanwhile."""
    wires = [Wire(server, b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 30) for _ in range(20)]
    assert client.send("GET", "/healthz").status == 200
    for wire in wires:
        wire.socket.close()


def test_memory_is_bounded(server: Server) -> None:
    """Nothing of all this is left behind: what the process keeps is far below a megabyte per client that was here."""
    status = Path(f"/proc/{server.processes[-1].pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    assert peak < 400_000
