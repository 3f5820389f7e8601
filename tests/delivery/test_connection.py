"""What a receiver may answer: any bytes in any pieces are a status, or a broken connection that says why."""

import asyncio
import contextlib
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tallybook.delivery.connection import ANSWER_BYTES, HEAD_BYTES, ConnectionBroken, HttpConnection
from tallybook.delivery.policy import asked_wait

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/9.9 999 \r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Retry-After: 5\r\n",
        b"Retry-After: \xff\x00\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"5\r\nabcde\r\n",
        b"0\r\n\r\n",
        b"a" * ANSWER_BYTES,
        b"A: " + b"a" * HEAD_BYTES,
        b"\x00\xff",
    ]
)


async def told(pieces: list[bytes]) -> tuple[int, str | None] | str:
    """What comes of an answer in these pieces, after which the receiver closes the connection."""
    arrived: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: arrived.put_nowait(writer), "127.0.0.1", 0)
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: HttpConnection(lambda _: None, lambda _: None), *server.sockets[0].getsockname()
    )
    writer = await arrived.get()
    exchange = asyncio.ensure_future(connection.exchange(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"))
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
    writer.close()
    try:
        return await asyncio.wait_for(exchange, 30)
    except ConnectionBroken as broken:
        return str(broken)
    finally:
        connection.close()
        server.close()
        await asyncio.sleep(0)


@settings(max_examples=150)
@given(st.lists(PIECES | st.binary(max_size=30), max_size=8))
def test_any_answer_is_a_status_or_a_reason(pieces: list[bytes]) -> None:
    """Nothing else is raised, neither to the sender nor into its event loop."""
    strange: list[object] = []

    async def heard() -> tuple[int, str | None] | str:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: strange.append(context))
        return await told(pieces)

    outcome = asyncio.run(heard())
    assert strange == []
    if isinstance(outcome, str):
        assert outcome
    else:
        assert 101 <= outcome[0] <= 999


@given(st.none() | st.text(max_size=40) | st.binary(max_size=20).map(lambda said: said.decode("latin-1")))
def test_any_retry_after_is_a_wait_or_nothing(said: str | None) -> None:
    """In seconds, as a date, or passed over."""
    wait = asked_wait(said, datetime(2024, 6, 15, tzinfo=UTC))
    assert wait is None or wait.total_seconds() >= 0
