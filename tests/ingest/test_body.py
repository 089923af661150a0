import asyncio
import gzip

import pytest

from ingest.asgi import Message
from ingest.body import Bodies, ClientGone, check_length
from schemas.errors import Malformed, Unavailable


class Chunks:
    """A client that sends these chunks and then says no more."""

    def __init__(self, *chunks: bytes, complete: bool = True) -> None:
        self._chunks = list(chunks)
        self._complete = complete

    async def __call__(self) -> Message:
        if not self._chunks:
            await asyncio.Event().wait()
        chunk = self._chunks.pop(0)
        more = bool(self._chunks) or not self._complete
        return {"type": "http.request", "body": chunk, "more_body": more}


async def gone() -> Message:
    return {"type": "http.disconnect"}


def free(bodies: Bodies, size: int) -> bool:
    """Tell whether so many bytes may be held now."""
    try:
        bodies.hold(size)
    except Unavailable:
        return False
    bodies.release(size)
    return True


@pytest.mark.parametrize("chunks", [(b"abcdef",), (b"abc", b"", b"def"), (b"a", b"bcdef", b"")])
async def test_a_body_is_put_together(chunks: tuple[bytes, ...]) -> None:
    bodies = Bodies(5, 6)
    assert await bodies.read(Chunks(*chunks), 6) == b"abcdef"
    assert not free(bodies, 1)
    bodies.release(6)
    assert free(bodies, 6)


async def test_counting_stops_a_body_that_declared_no_length() -> None:
    bodies = Bodies(5, 100)
    with pytest.raises(Malformed) as caught:
        await bodies.read(Chunks(b"abc", b"def", complete=False), 5)
    assert (caught.value.code, caught.value.status) == ("body-too-large", 413)
    assert free(bodies, 100)


async def test_all_bodies_together_are_bounded() -> None:
    bodies = Bodies(5, 10)
    await bodies.read(Chunks(b"1234567"), 10)
    with pytest.raises(Unavailable) as caught:
        await bodies.read(Chunks(b"12", b"34"), 10)
    assert caught.value.code == "overloaded"
    assert free(bodies, 3)


async def test_a_client_that_left_frees_what_it_sent() -> None:
    bodies = Bodies(5, 10)
    with pytest.raises(ClientGone):
        await bodies.read(gone, 10)
    assert free(bodies, 10)


async def test_slow_clients_are_ended_and_quick_ones_beside_them_are_not() -> None:
    bodies = Bodies(0.05, 10)
    slow = [asyncio.create_task(bodies.read(Chunks(b"a", complete=False), 10)) for _ in range(3)]
    results = await asyncio.gather(*slow, return_exceptions=True)
    assert [(type(r), getattr(r, "status", 0)) for r in results] == [(Unavailable, 408)] * 3
    assert await bodies.read(Chunks(b"quick"), 10) == b"quick"
    bodies.release(5)
    assert free(bodies, 10)


async def test_a_cancelled_request_stays_cancelled() -> None:
    bodies = Bodies(60, 10)
    task = asyncio.create_task(bodies.read(Chunks(b"a", complete=False), 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert free(bodies, 10)


def test_opening_counts_the_inflated_bytes() -> None:

    bodies = Bodies(5, 1000)
    sent = gzip.compress(b"x" * 900)
    bodies.hold(len(sent))
    assert bodies.open(sent, "gzip", 1000) == b"x" * 900
    assert free(bodies, 100)
    assert not free(bodies, 101)


def test_opening_may_find_no_room() -> None:

    bodies = Bodies(5, 500)
    sent = gzip.compress(b"x" * 900)
    bodies.hold(len(sent))
    with pytest.raises(Unavailable):
        bodies.open(sent, "gzip", 1000)
    bodies.release(len(sent))
    assert free(bodies, 500)


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("", ""),
        ("0", ""),
        ("10", ""),
        ("11", "body-too-large"),
        ("-1", "length-invalid"),
        ("1e3", "length-invalid"),
        ("٣", "length-invalid"),
        ("9" * 19, "length-invalid"),
    ],
)
def test_the_declared_length_is_judged_first(declared: str, code: str) -> None:
    if not code:
        check_length(declared, 10)
        return
    with pytest.raises(Malformed) as caught:
        check_length(declared, 10)
    assert caught.value.code == code
