"""Waiting and trying again, without all of us doing it at the same moment."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sinks.verdict import Failed, Stopped

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 5.0
_DOUBLINGS: Final = 10

_log = logging.getLogger(__name__)


def wait_seconds(tries: int, chance: float) -> float:
    """Back-off after ``tries`` failures: doubling to 5 s, with full jitter."""
    longest: float = FIRST_WAIT * (1 << min(tries - 1, _DOUBLINGS))
    return min(LONGEST_WAIT, longest) * chance


async def until(
    step: Callable[[], Awaitable[Any]],
    stop: asyncio.Event,
    chance: Callable[[], float],
    passing: type[Exception],
) -> bool:
    """Try a step until it succeeds; False when ``stop`` was set first.

    Args:
        chance: draws from [0, 1).
        passing: what else, beside ClickHouse's passing failures, is worth another try.

    Raises:
        Stopped: ClickHouse refuses for a reason that waiting does not cure.
    """
    tries = 0
    while not stop.is_set():
        try:
            await step()
        except (Failed, passing) as error:
            if isinstance(error, Failed) and error.verdict.tries is not None:
                raise Stopped(error.code, error.message) from error
            tries += 1
            _log.warning("%s; trying again", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds(tries, chance())):
                    await stop.wait()
        else:
            return True
    return False
