"""The listening socket: shutting it turns nobody away who got in."""

import socket
from collections.abc import Iterator

import pytest

from tallybook.cli import door
from tallybook.settings import Settings

BRIEFLY = 0.3


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket as a server has it, on a free port."""
    with door.listen(Settings(database_url="", port=0)) as sock:
        yield sock


def test_who_got_in_is_served_and_who_comes_later_is_refused(listening: socket.socket) -> None:
    """A connection that waits is accepted after the door was shut, with what it sent; a new one is not let in, then refused."""
    address = listening.getsockname()
    with socket.create_connection(address) as early:
        early.sendall(b"request")
        door.shut(listening)
        with pytest.raises(TimeoutError):
            socket.create_connection(address, BRIEFLY)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(7) == b"request"
            with pytest.raises(BlockingIOError):
                listening.accept()
            listening.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, BRIEFLY)
            accepted.sendall(b"answer")
            assert early.recv(6) == b"answer"


def test_the_next_server_gets_the_port(listening: socket.socket) -> None:
    """It listens as if nothing had been."""
    host, port = listening.getsockname()
    door.shut(listening)
    listening.close()
    with (
        door.listen(Settings(database_url="", host=host, port=port)) as again,
        socket.create_connection((host, port), BRIEFLY) as client,
    ):
        accepted, address = again.accept()
        accepted.close()
        assert address == client.getsockname()
