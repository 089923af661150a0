"""What is told to stop stops, also where a driver swallows the first word."""

import asyncio

import pytest

from sinks.chores import until_told


async def test_it_stops_though_a_cancellation_is_taken_for_something_else() -> None:
    stop, swallowed = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        await until_told(stop, stubborn())
    assert swallowed.is_set()


async def test_a_bug_is_not_hidden() -> None:
    async def wrong() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await until_told(asyncio.Event(), wrong())
