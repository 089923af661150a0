"""The edge behind a real server: what only bytes on a socket can show."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from ingest.door import Bounds
from schemas import codec
from tests.ingest.plain import World, world

EVENTS = codec.dumps([{"who": "ann"}, {"who": "bob"}])
_SECONDS = 30


@contextlib.asynccontextmanager
async def serving(at: World) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(at.app, http="httptools", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]  # it listens already: who comes early waits
    finally:
        server.should_exit = True
        await task


class Wire:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, body

    async def closed(self) -> bool:
        async with asyncio.timeout(_SECONDS):
            return await self._reader.read(1) == b""

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    connection = Wire(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield connection
    finally:
        await connection.close()


def head(path: str = "/send", **headers: Any) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "X-Key: shop-key"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(*chunks: bytes) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks] + [b"0\r\n\r\n"]


async def test_the_ways_of_sending_one_body() -> None:
    at = world()
    packed = gzip.compress(EVENTS)
    ways = [
        [head(Content_Length=len(EVENTS)) + EVENTS],
        [head(Content_Length=len(EVENTS)), *(bytes([byte]) for byte in EVENTS)],
        [head(Transfer_Encoding="chunked"), *chunked(EVENTS[:7], EVENTS[7:])],
        [head(Content_Length=len(packed), Content_Encoding="gzip"), packed],
        [head(Transfer_Encoding="chunked"), *chunked(packed)],
    ]
    async with serving(at) as port, wire(port) as connection:
        for parts in ways:
            await connection.say(*parts)
            status, _, body = await connection.answer()
            assert (status, codec.loads(body)["count"]) == (200, 2)
    assert len(at.kept.taken) == 2 * len(ways)


async def test_pipelined_requests_are_answered_in_order() -> None:
    at = world()
    async with serving(at) as port, wire(port) as connection:
        await connection.say(
            (head(Content_Length=2) + b"[]") * 2 + head("/nowhere", Content_Length=0)
        )
        assert [(await connection.answer())[0] for _ in range(3)] == [200, 200, 404]


@pytest.mark.parametrize("endless", [False, True])
async def test_a_body_above_the_bound_is_refused_before_it_has_come(endless: bool) -> None:
    at = world(bounds=Bounds(body_bytes=1000))
    async with serving(at) as port, wire(port) as connection:
        if endless:
            await connection.say(head(Transfer_Encoding="chunked"), b"800\r\n" + b"x" * 0x800)
        else:
            await connection.say(head(Content_Length=10**12), b"x")
        status, headers, body = await connection.answer()
        assert (status, codec.loads(body)["plain"]) == (413, "body-too-large")
        assert headers["content-type"] == "application/json"
    assert at.kept.taken == []


async def test_a_client_that_asks_first_is_spared_the_upload() -> None:
    at = world(bounds=Bounds(body_bytes=1000))
    async with serving(at) as port, wire(port) as connection:
        await connection.say(head(Content_Length=5000, Expect="100-continue"))
        assert (await connection.answer())[0] == 413
    async with serving(at) as port, wire(port) as connection:
        await connection.say(head(Content_Length=2, Expect="100-continue"))
        assert (await connection.answer())[0] == 100
        await connection.say(b"[]")
        assert (await connection.answer())[0] == 200


async def test_a_slow_client_is_answered_408_and_hung_up_on() -> None:
    at = world(bounds=Bounds(body_seconds=0.05))
    async with serving(at) as port, wire(port) as connection:
        await connection.say(head(Content_Length=100), b"[")
        status, headers, _ = await connection.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert await connection.closed()


async def test_a_client_that_hangs_up_midway_stores_nothing() -> None:
    at = world()
    async with serving(at) as port:
        async with wire(port) as connection:
            await connection.say(head(Content_Length=100), b"[")
        async with wire(port) as connection:
            await connection.say(head(Content_Length=2) + b"[]")
            assert (await connection.answer())[0] == 200
    assert at.kept.taken == []


async def test_head_and_options_have_no_body() -> None:
    at = world()
    async with serving(at) as port, wire(port) as connection:
        await connection.say(b"OPTIONS /send HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n")
        status, headers, body = await connection.answer()
        assert (status, body) == (200, b"")
        assert headers["access-control-allow-origin"] == "http://a"
        assert "location" not in headers
