"""What a benchmark is going to do, for how long, and how far it is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

_MINUTE: Final = 60

Say = Callable[[str], None]
"""Tells the person who waits."""


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work; ``seconds`` is what it takes on a machine of two cores, about."""

    title: str
    seconds: float
    work: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in their order."""

    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """What all of it takes, about."""
        return sum(step.seconds for step in self.steps)

    async def run(self, say: Say) -> None:
        """Do every step; tells how far it is, and how long it will take as it goes.

        Interrupted (Ctrl-C) it returns, so that what was found so far can be told.
        """
        try:
            await self._run(say)
        except asyncio.CancelledError:
            say("interrupted: here is what was found so far")

    async def _run(self, say: Say) -> None:
        say(f"{len(self.steps)} steps, about {spoken(self.seconds)}")
        began, expected, left = time.monotonic(), 0.0, self.seconds
        for number, step in enumerate(self.steps, start=1):
            took = time.monotonic() - began
            pace = max(1.0, took / expected) if expected else 1.0
            say(f"{number}/{len(self.steps)} {step.title} ... ({spoken(left * pace)} to go)")
            await step.work()
            expected += step.seconds
            left -= step.seconds
        say(f"done in {spoken(time.monotonic() - began)}")


def spoken(seconds: float) -> str:
    """Say a time as people do."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min"
