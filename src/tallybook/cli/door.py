"""The listening socket: opened, and shut so that nobody who got in is turned away."""

import ctypes
import socket
import struct

from tallybook.settings import Settings

BACKLOG = 2_048
_SO_ATTACH_FILTER = 26
_NO_SYN = struct.pack(
    "HBBI" * 4,
    *(0x30, 0, 0, 13),  # load the byte of the TCP header that has the flags
    *(0x45, 0, 1, 0x02),  # is it a SYN, the first packet of a connection?
    *(0x06, 0, 0, 0),  # then drop it
    *(0x06, 0, 0, 0xFFFFFFFF),  # else take all of it
)


def listen(settings: Settings) -> socket.socket:
    """The listening socket."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((settings.host, settings.port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def shut(sock: socket.socket) -> None:
    """Lets no new connection begin on a listening socket; those that have begun can still be accepted.

    Closing a listening socket resets the connections that wait in it, whose requests may have been sent. So first the kernel is
    told to drop what begins a connection: a client repeats that after a second, and is refused then, or let in by the next
    server. It holds in all processes that share the socket. Where the kernel cannot do it (other than Linux), nothing happens.
    """
    program = ctypes.create_string_buffer(_NO_SYN)
    told = struct.pack("HL", len(_NO_SYN) // struct.calcsize("HBBI"), ctypes.addressof(program))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, told)
    except OSError:
        return
