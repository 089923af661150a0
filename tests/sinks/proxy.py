"""A TCP proxy that misbehaves on purpose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Passes bytes on, unless it is told to be away or to lose an answer.

    Attributes:
        target: where bytes go, host and port; may change.
        inserting: set when an INSERT begins to pass.
        away: closes every connection at once.
        lose: so many answers to INSERT are thrown away, after the server gave them.
        lost: how many were.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self.inserting = asyncio.Event()
        self.away = False
        self.lose = 0
        self.lost = 0
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
                await self._pass(reader, writer)
        except OSError:
            pass  # either end hung up: that is what this proxy is for
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        asked = bytearray()

        async def forth() -> None:
            while data := await reader.read(1 << 16):
                if b"POST /" in data[:64]:
                    asked[:] = data[:400]
                    if b"INSERT" in asked:
                        self.inserting.set()
                far_writer.write(data)
                await far_writer.drain()

        async def back() -> None:
            while data := await far_reader.read(1 << 16):
                if self.lose and b"INSERT" in asked:
                    self.lose -= 1
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()

        ways = {asyncio.create_task(forth()), asyncio.create_task(back())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.transport.abort()
            for way in ways:
                way.cancel()
            with contextlib.suppress(OSError):
                await asyncio.gather(*ways, return_exceptions=True)


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
