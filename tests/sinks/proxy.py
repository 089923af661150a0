"""A TCP proxy that misbehaves on purpose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_HEAD_BYTES = 400
_LAST_CHUNK = b"0\r\n\r\n"


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """Write an HTTP answer that closes the connection; headers are whole lines."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Trick:
    """What happens to one INSERT.

    Attributes:
        instead: given as the answer; the server never sees the rows.
        after: given in place of the server's answer, which comes first.
        passing: so many bytes of the server's answer pass, then the line is cut.
        holding: seconds that the server's answer is held back.
        setting: what is added to the statement's settings, as in a query string.
    """

    instead: bytes = b""
    after: bytes = b""
    passing: int | None = None
    holding: float = 0.0
    setting: bytes = b""


LOSE = Trick(passing=0)
NOTHING = Trick()


class Proxy:
    """Passes bytes on, unless it is told to be away or to play tricks.

    Attributes:
        target: where bytes go, host and port; may change.
        inserting: set when an INSERT begins to pass.
        away: closes every connection at once.
        tricks: one for each of the next INSERTs; taken from the front.
        always: for the INSERTs after those.
        played: how many INSERTs a trick was played on.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self.inserting = asyncio.Event()
        self.away = False
        self.tricks: list[Trick] = []
        self.always = NOTHING
        self.played = 0
        self.port = 0

    def cut(self) -> None:
        """Be away, for open connections too."""
        self.away = True
        for writer in self._open:
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if not self.away:
                await _Connection(self, reader, writer).run()
        except OSError:
            pass  # either end hung up: that is what this proxy is for
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def trick(self) -> Trick:
        """Choose what happens to the INSERT that begins now."""
        self.inserting.set()
        found = self.tricks.pop(0) if self.tricks else self.always
        self.played += found is not NOTHING
        return found


class _Connection:
    """One client's connection and the one to the server that goes with it."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._trick = NOTHING

    async def run(self) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._proxy.target)
        ways = {
            asyncio.create_task(self._forth(far_writer)),
            asyncio.create_task(self._back(far_reader)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.transport.abort()
            for way in ways:
                way.cancel()
            with contextlib.suppress(OSError):
                await asyncio.gather(*ways, return_exceptions=True)

    async def _forth(self, far: asyncio.StreamWriter) -> None:
        while data := await self._reader.read(1 << 16):
            if data.startswith(b"POST /"):
                inserts = b"INSERT" in data[:_HEAD_BYTES]
                self._trick = self._proxy.trick() if inserts else NOTHING
                if self._trick.setting:
                    data = data.replace(b"/?", b"/?" + self._trick.setting + b"&", 1)
            if self._trick.instead:
                await self._swallow(data)
                return
            far.write(data)
            await far.drain()

    async def _swallow(self, data: bytes) -> None:
        while data and not data.endswith(_LAST_CHUNK):
            data = await self._reader.read(1 << 16)
        await self._farewell(self._trick.instead)

    async def _farewell(self, data: bytes) -> None:
        self._writer.write(data)
        self._writer.close()
        await self._writer.wait_closed()

    async def _back(self, far: asyncio.StreamReader) -> None:
        while data := await far.read(1 << 16):
            trick = self._trick
            if trick.holding:
                await asyncio.sleep(trick.holding)
            if trick.after or trick.passing is not None:
                await self._farewell(trick.after or data[: trick.passing])
                return
            self._writer.write(data)
            await self._writer.drain()


@asynccontextmanager
async def proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """Run a proxy on a free port in front of ``host``:``port``."""
    running = Proxy(host, port)
    server = await asyncio.start_server(running.handle, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        running.cut()
