"""Keeps tiers running: starts them, reports their deaths, restarts them with back-off."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from deploy.local.child import Child, Tier, TierFailed

START_SECONDS: Final = 60.0
_BACK_OFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Nothing the first time: for as long as a processor is away its partitions stand still."""
_STEADY_SECONDS: Final = 30.0
_GIVE_UP_AFTER: Final = 6


class Supervisor:
    """A set of tiers that shall live.

    Args:
        logs: folder for one log file per tier.
        report: called with a sentence (or a few lines) whenever a tier dies or returns.

    ``failed`` is set, with ``failure`` saying why, once a tier is given up.
    """

    def __init__(self, logs: Path, report: Callable[[str], None]) -> None:
        self._logs = logs
        self._report = report
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[str] = set()
        self.failed = asyncio.Event()
        self.failure = ""

    async def start(self, tier: Tier) -> dict[str, Any]:
        """Start a tier, wait until it is ready, keep it alive from then on.

        Raises:
            TierFailed: it cannot start.
        """
        child = await self._spawn(tier)
        facts = await child.wait_ready(START_SECONDS)
        self._keepers[tier.name] = asyncio.create_task(self._keep(tier, child))
        return facts

    def pids(self) -> dict[str, int]:
        """Process id of every tier that runs."""
        return {name: child.pid for name, child in self._children.items() if child.alive}

    def names(self) -> list[str]:
        """Every tier that was started."""
        return list(self._children)

    async def stop(self, name: str, seconds: float) -> None:
        """SIGTERM, then SIGKILL when it has not ended in time."""
        self._leaving.add(name)
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            keeper.cancel()
        child = self._children.get(name)
        if child is None or not child.alive:
            return
        child.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), seconds)
        except TimeoutError:
            self._report(f"{name} did not end within {seconds:.0f} s and is killed.")
            child.signal(signal.SIGKILL)
            await child.wait()

    async def kill_all(self) -> None:
        """SIGKILL to everything, at once; returns when all are gone."""
        self._leaving.update(self._children)
        for keeper in self._keepers.values():
            keeper.cancel()
        alive = [child for child in self._children.values() if child.alive]
        for child in alive:
            child.signal(signal.SIGKILL)
        await asyncio.gather(*(child.wait() for child in alive))

    async def _spawn(self, tier: Tier) -> Child:
        child = Child(tier, self._logs / f"{tier.name}.log")
        self._children[tier.name] = child
        await child.start()
        return child

    async def _keep(self, tier: Tier, child: Child) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await child.wait()
            if tier.name in self._leaving:
                return
            failures = 0 if loop.time() - began > _STEADY_SECONDS else failures
            while True:
                if failures == _GIVE_UP_AFTER:
                    self._give_up(tier, child)
                    return
                pause = _BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)]
                when = f"in {pause:g} s" if pause else "at once"
                self._report(
                    f"{tier.name} {child.death()}; starting it again {when}. "
                    f"Its last lines:\n{child.last_words()}"
                )
                failures += 1
                await asyncio.sleep(pause)
                child = await self._spawn(tier)
                try:
                    await child.wait_ready(START_SECONDS)
                except TierFailed:
                    child.signal(signal.SIGKILL)
                    await child.wait()
                    continue
                self._report(f"{tier.name} is back.")
                break

    def _give_up(self, tier: Tier, child: Child) -> None:
        self.failure = child.error or (
            f"{tier.name} {child.death()} {_GIVE_UP_AFTER} times in a row. "
            f"Its last lines:\n{child.last_words()}"
        )
        self.failed.set()
