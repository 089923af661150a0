"""Heads of requests behind a real socket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.heads import MOST_BYTES
from deploy.probe import build_probe, listen, serve

_SECONDS = 30
_READ = 256 << 10


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop = asyncio.Event()
    task = asyncio.create_task(serve(build_probe(str, str), listener, stop))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(_SECONDS):
            yield reader, writer
    finally:
        writer.close()
        stop.set()
        await task


async def answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split()[1]), json.loads(await reader.readexactly(length))


@pytest.mark.parametrize("begin", [b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ", b"GET /"])
async def test_a_head_without_end_is_refused(begin: bytes) -> None:
    async with connected() as (reader, writer):
        sent = 0
        with contextlib.suppress(ConnectionError):
            writer.write(begin)
            while sent < 100 * (MOST_BYTES + _READ) and not reader.at_eof():
                writer.write(b"a" * MOST_BYTES)
                sent += MOST_BYTES
                await writer.drain()
                await asyncio.sleep(0)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            status, body = await answer(reader)
            assert (status, body["error"]["code"]) == (431, "head-too-large")
        assert sent < 100 * (MOST_BYTES + _READ), "hung up on long before"


async def test_what_fits_is_served_in_whatever_pieces_it_comes() -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8000 + b"\r\n\r\n"
    async with connected() as (reader, writer):
        for piece in (request * 3, request[:-50], *(bytes([byte]) for byte in request[-50:])):
            writer.write(piece)
            await writer.drain()
        for _ in range(4):
            assert await answer(reader) == (200, {"status": "alive"})
