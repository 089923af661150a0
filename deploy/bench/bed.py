"""A broker, event sources, and whatever tiers a measurement starts; all of it thrown away."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, Self

from deploy.bench.samples import Sender
from deploy.declare import declare
from deploy.desk import Desk, open_desk
from deploy.init import initialise
from deploy.local.child import Tier
from deploy.local.stack import free_port, ingest_tiers
from deploy.local.supervisor import Supervisor
from deploy.probe import bind
from deploy.settings import LOCAL_PARTITIONS, Settings, draw_secret, write_addresses
from deploy.tier import clock
from schemas.commands import CreateSource

SOURCE: Final = "bench"
_STOP_SECONDS: Final = 20.0


class Bed:
    """Where tiers are measured one at a time; the topics carry over from one to the next.

    Profile ids are the clients' own (``static_profile_ids``), or Tracardi's answers would wait for
    processors that do not run.

    Args:
        clickhouse: have the stand-in for it, too.
        sources: number of event sources.

    Attributes:
        settings: of everything in it.
        keys: a write key of each source.
    """

    settings: Settings
    keys: tuple[tuple[str, str], ...]

    def __init__(self, *, clickhouse: bool, sources: int = 1) -> None:
        self._clickhouse = clickhouse
        self._sources = sources
        self._runs = 0

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
            self.keys = tuple([await _create(desk, name) for name in self._names()])

    def _names(self) -> list[str]:
        return [SOURCE, *(f"{SOURCE}-{number}" for number in range(1, self._sources))]

    def raw(self) -> list[str]:
        """Raw topics of all sources."""
        return [self.settings.topics.raw(name).name for name, _ in self.keys]

    def sender(self, port: int, **chosen: Any) -> Sender:
        """Requests to an ingest, with ids that no other sender has."""
        return Sender(f"http://127.0.0.1:{port}", self.keys, self.next_run(), **chosen)

    def next_run(self) -> int:
        """Number the next run, so that its events have ids of their own."""
        self._runs += 1
        return self._runs

    async def __aexit__(self, *_: object) -> None:
        await self._supervisor.kill_all()
        self._folder.cleanup()

    async def start(self, tier: str, *options: str, name: str = "") -> dict[str, Any]:
        """Start a tier and wait until it is ready; returns what it says of itself."""
        environment = {"HEADRACE_DATA": str(self.settings.data)}
        return await self._supervisor.start(Tier(name or tier, (tier, *options), environment))

    async def start_ingest(self, processes: int) -> tuple[int, list[str]]:
        """Start ingest processes that share a port; returns it and their names."""
        with bind("127.0.0.1", 0, option="--port") as listener:
            port: int = listener.getsockname()[1]
            tiers = ingest_tiers(listener, processes, {"HEADRACE_DATA": str(self.settings.data)})
            await asyncio.gather(*(self._supervisor.start(tier) for tier in tiers))
        return port, [tier.name for tier in tiers]

    def pid(self, name: str) -> int:
        """Process id of a tier."""
        return self._supervisor.pids()[name]

    async def stop(self, name: str) -> None:
        """Let a tier finish."""
        await self._supervisor.stop(name, _STOP_SECONDS)


async def _create(desk: Desk, name: str) -> tuple[str, str]:
    made = await desk.do(CreateSource({"id": name, "static_profile_ids": True}))
    (key,) = made.clear.values()
    return name, key


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
