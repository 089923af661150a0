"""Bodies: many frames, no bombs, no endless silence."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import lz4.frame  # type: ignore[import-untyped]  # has no type hints
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from deploy.local.clickhouse.body import Inflate, read_body
from deploy.local.clickhouse.errors import ClickHouseError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
}
FRAMES = st.lists(st.binary(max_size=2000), min_size=1, max_size=5)


@given(st.sampled_from(sorted(COMPRESS)), FRAMES, st.integers(1, 500))
def test_any_number_of_frames_in_any_cut(encoding: str, frames: list[bytes], step: int) -> None:
    body = b"".join(COMPRESS[encoding](frame) for frame in frames)
    inflate = Inflate(encoding)
    found = b"".join(
        piece for at in range(0, len(body), step) for piece in inflate.feed(body[at : at + step])
    )
    inflate.finish()
    assert found == b"".join(frames)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_frame_that_is_cut_off_is_an_error(encoding: str) -> None:
    body = COMPRESS[encoding](b"x" * 1000)
    inflate = Inflate(encoding)
    assert len(b"".join(inflate.feed(body[:-5]))) <= 1000
    with pytest.raises(ClickHouseError) as caught:
        inflate.finish()
    assert caught.value.code == 271


@given(st.sampled_from(sorted(COMPRESS)), st.binary(min_size=1, max_size=300))
def test_any_bytes_inflate_or_are_refused(encoding: str, body: bytes) -> None:
    inflate = Inflate(encoding)
    codes = set()
    try:
        list(inflate.feed(body))
        inflate.finish()
    except ClickHouseError as error:
        codes.add(error.code)
    assert codes <= {271}


def test_an_encoding_nobody_knows() -> None:
    with pytest.raises(ClickHouseError, match="gzip, deflate, lz4, zstd") as caught:
        Inflate("br")
    assert caught.value.code == 89


def _request(receive: Callable[[], Awaitable[Message]], encoding: str = "") -> Request:
    headers = [(b"content-encoding", encoding.encode())] if encoding else []
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def _sends(*pieces: bytes) -> Callable[[], Awaitable[Message]]:
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


async def _read(body: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in body]


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_a_bomb_is_stopped_at_the_bound(encoding: str) -> None:
    bomb = COMPRESS[encoding](bytes(50_000_000))
    assert len(bomb) < 1_000_000
    body = read_body(_request(_sends(bomb), encoding), patience=1, limit=10_000_000)
    with pytest.raises(ClickHouseError) as caught:
        await _read(body)
    assert (caught.value.code, caught.value.status) == (229, 413)


async def test_the_bound_counts_plain_bodies_too() -> None:
    body = read_body(_request(_sends(b"x" * 6, b"x" * 5)), patience=1, limit=10)
    with pytest.raises(ClickHouseError, match="larger than 10 bytes"):
        await _read(body)


async def test_a_silent_client_is_not_waited_for() -> None:
    never = asyncio.Event()

    async def receive() -> Message:
        await never.wait()
        return {}

    with pytest.raises(ClickHouseError) as caught:
        await _read(read_body(_request(receive), patience=0.01, limit=10))
    assert caught.value.code == 209


async def test_a_client_that_goes_away_did_not_finish() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClickHouseError) as caught:
        await _read(read_body(_request(receive), patience=1, limit=10))
    assert caught.value.code == 236
