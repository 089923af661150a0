"""Work that goes on for ever beside the sink, and ends when the sink does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

_AGAIN_SECONDS: Final = 0.5
"""From one cancellation to the next, as long as the work goes on."""


async def until_told(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do endless work until told to stop, which work that waits for the store does not delay."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()  # only a bug ends it
    finally:
        left = {working, stopping}
        while left:
            for task in left:
                task.cancel()
            # A driver may take a cancellation for a failure to connect, which is tried again.
            _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
