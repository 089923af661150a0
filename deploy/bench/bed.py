"""A broker, one event source, and whatever tiers a measurement starts; all of it thrown away."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, Self

from deploy.declare import declare
from deploy.desk import open_desk
from deploy.init import initialise
from deploy.local.child import Tier
from deploy.local.stack import free_port
from deploy.local.supervisor import Supervisor
from deploy.settings import LOCAL_PARTITIONS, Settings, draw_secret, write_addresses
from deploy.tier import clock
from schemas.commands import CreateSource

SOURCE: Final = "bench"
_STOP_SECONDS: Final = 20.0


class Bed:
    """Where tiers are measured one at a time; the topics carry over from one to the next.

    Args:
        clickhouse: have the stand-in for it, too.

    Attributes:
        settings: of everything in it.
        key: a write key of the source.
    """

    settings: Settings
    key: str

    def __init__(self, *, clickhouse: bool) -> None:
        self._clickhouse = clickhouse

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="headrace-bench-")
        data = Path(self._folder.name)
        (data / "logs").mkdir()
        kafka, clickhouse = free_port(), free_port()
        self.settings = Settings(
            data=data,
            kafka=f"127.0.0.1:{kafka}",
            clickhouse=f"http://127.0.0.1:{clickhouse}/headrace",
            partitions=LOCAL_PARTITIONS,
        )
        draw_secret(self.settings)
        write_addresses(self.settings)
        self._supervisor = Supervisor(data / "logs", _complain)
        starting = [self.start("broker", "--port", str(kafka))]
        if self._clickhouse:
            starting.append(self.start("clickhouse", "--port", str(clickhouse)))
        await asyncio.gather(*starting)
        await self._prepare()
        return self

    async def _prepare(self) -> None:
        settings = self.settings
        if self._clickhouse:
            await initialise(settings)
        else:
            sessions = settings.topics.sessions(settings.process_group)
            await declare(settings.kafka, [*settings.topics.fixed(), sessions])
        async with open_desk(settings, clock=clock) as desk:
            made = await desk.do(CreateSource({"id": SOURCE}))
        (self.key,) = made.clear.values()

    async def __aexit__(self, *_: object) -> None:
        await self._supervisor.kill_all()
        self._folder.cleanup()

    async def start(self, tier: str, *options: str, name: str = "") -> dict[str, Any]:
        """Start a tier and wait until it is ready; returns what it says of itself."""
        environment = {"HEADRACE_DATA": str(self.settings.data)}
        return await self._supervisor.start(Tier(name or tier, (tier, *options), environment))

    def pid(self, name: str) -> int:
        """Process id of a tier."""
        return self._supervisor.pids()[name]

    async def stop(self, name: str) -> None:
        """Let a tier finish."""
        await self._supervisor.stop(name, _STOP_SECONDS)


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
