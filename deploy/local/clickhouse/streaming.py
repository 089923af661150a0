"""Answers sent while they are made, for results that nobody wants to hold in memory."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO, Final

from starlette.requests import Request
from starlette.types import Send

from deploy.local.clickhouse import reply
from deploy.local.clickhouse.engine_handle import Outcome
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.incoming import Incoming
from deploy.local.clickhouse.runner import Fetch, Runner

_PIECE: Final = 1024 * 1024


async def send_stream(
    runner: Runner,
    request: Request,
    send: Send,
    incoming: Incoming,
    version: str,
    headers: Mapping[str, str],
) -> None:
    """Run a statement and send its answer block by block; stops when the client goes away.

    Raises ``ClickHouseError`` for an error before the first block, while the status is still open.
    A later one is written into the body and the connection is broken off, as servers do, so that
    no client takes half an answer for a whole one.
    """
    call, statement = incoming.call, incoming.statement
    encoding = reply.choose_compression(call, request.headers.get("accept-encoding", ""))
    tag = secrets.token_hex(8)
    async with runner.stream(call, statement, request.is_disconnected) as fetch:
        first = await fetch()
        head = reply.result_headers(call, reply.result_format(call, statement), encoding)
        head["X-ClickHouse-Summary"] = reply.summary(Outcome())
        head["X-ClickHouse-Exception-Tag"] = tag
        await _start(send, head | dict(headers))
        squeeze = reply.compressor(encoding)
        try:
            async for piece in _blocks(request, fetch, first):
                await _body(send, squeeze.compress(piece), more=True)
        except ClickHouseError as error:
            text = reply.late_failure(reply.versioned(error, version), tag)
            await _body(send, squeeze.compress(text) + squeeze.flush(), more=True)
            return
    # The session is given back by now: a client may use it as soon as it has the last byte.
    await _body(send, squeeze.flush(), more=False)


async def file_pieces(file: BinaryIO, squeeze: reply.Compressor) -> AsyncIterator[bytes]:
    """Yield a file's contents, compressed, and close it."""
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield await asyncio.to_thread(squeeze.compress, piece)
        yield squeeze.flush()


async def _blocks(request: Request, fetch: Fetch, first: bytes | None) -> AsyncIterator[bytes]:
    block = first
    while block is not None and not await request.is_disconnected():
        yield block
        block = await fetch()


async def _start(send: Send, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})


async def _body(send: Send, data: bytes, *, more: bool) -> None:
    if data or not more:
        await send({"type": "http.response.body", "body": data, "more_body": more})
