"""A wire between Tallybook and PostgreSQL that is cut when it is told to: at a COMMIT, on its way there or on its way back."""

import asyncio
import re
import struct
import threading
from typing import Self

PREPARED = re.compile(rb"P....(\w+)\x00COMMIT\x00", re.DOTALL)
"""The message that gives it a name, by which it is asked for ever after (behind the name of a portal, which is empty)."""
OVERLAP = 64
"""So much of what was read before is looked at again: a message may come in two parts."""
COMMITTED = b"COMMIT\0"
ANSWERED = COMMITTED + b"Z\0\0\0\x05I"
"""What PostgreSQL says of a COMMIT and behind it."""
_LAST_WORDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
FAREWELL = b"E" + struct.pack("!I", len(_LAST_WORDS) + 4) + _LAST_WORDS

MEANWHILE_SECONDS = 0.1
"""How long a COMMIT is left alone before it is cut from behind."""


class Proxy:
    """Listens while it is entered, and passes everything on to a port of 127.0.0.1.

    `cut`: "there" loses the next COMMIT, "back" its answer, "meanwhile" does not wait for it, and "behind" lets the answer pass
    and a farewell come after it, as of a PostgreSQL that is shut down. Every connection is closed, and new ones are refused until
    `mend`, unless the wire is one that `heals` by itself.
    """

    def __init__(self, port: int, *, heals: bool = False) -> None:
        self._target = port
        self._heals = heals
        self._wanted: str | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self._was_cut = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(10)

    def cut_next(self, where: str) -> threading.Event:
        """Cut at the next COMMIT; what is given tells when that has happened."""
        self._was_cut.clear()
        self._wanted = where
        return self._was_cut

    def mend(self) -> None:
        """Let connections through again."""
        self._open = True

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._closing.wait()
        server.close()
        self._close_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self._open:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        await asyncio.gather(self._there(reader, *pair), self._back(far_reader, *pair))
        self._pairs.discard(pair)

    async def _there(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        name: bytes | None = None
        before = b""
        while said := await _read(reader):
            seen = before + said
            if found := PREPARED.search(seen):
                name = found[1]
            commits = name is not None and b"\0" + name + b"\0" in seen
            before = b"" if commits else said[-OVERLAP:]
            if commits and self._wanted == "there":
                self._cut()
            elif commits and self._wanted == "back":
                self._wanted = "now"
                self._deaf = near
            if not far.transport.is_closing():
                far.write(said)
            if commits and self._wanted == "meanwhile":
                self._wanted = None
                await asyncio.sleep(MEANWHILE_SECONDS)
                self._cut()
        near.transport.abort()
        far.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        while said := await _read(reader):
            if self._wanted == "now" and self._deaf is near:
                self._cut()
            elif self._wanted == "behind" and ANSWERED in said:
                near.write(said.partition(ANSWERED)[0] + COMMITTED + FAREWELL)
                await near.drain()
                self._cut(abort=False)
            if not near.transport.is_closing():
                near.write(said)
        near.transport.abort()
        far.transport.abort()

    def _cut(self, *, abort: bool = True) -> None:
        self._wanted = None
        self._open = self._heals
        self._close_all(abort=abort)
        self._was_cut.set()

    def _close_all(self, *, abort: bool = True) -> None:
        for pair in self._pairs:
            for end in pair:
                end.transport.abort() if abort else end.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except OSError:
        return b""
