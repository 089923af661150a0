"""The end of tasks that would go on for ever."""

import asyncio
from typing import Any, Final

_AGAIN_SECONDS: Final = 5.0
"""From one cancellation to the next: meanwhile a task closes what it had opened."""


async def over(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks until they are over, whatever they end with; that was told elsewhere.

    Once is not enough: ``asyncio.wait_for`` before Python 3.12 loses a cancellation that comes
    together with a result (bpo-37658), and clients take one for a failure to connect. Either
    would be tried again, and who waits for the end would wait for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def ended(*tasks: "asyncio.Task[Any] | None") -> None:
    """As :func:`over`, for tasks that nobody else looks at; None is over already.

    Raises:
        Exception: what a task ended with, which is a defect.
    """
    given = [task for task in tasks if task is not None]
    await over(*given)
    for task in given:
        if not task.cancelled():
            task.result()
