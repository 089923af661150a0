"""A sink in a process of its own that kills itself with SIGKILL at a chosen point."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterable

from schemas.metrics import Metrics
from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.consume import Sink
from sinks.folding import Folding
from tests.sinks.flow import QUICK, clock
from tests.sinks.people import Known


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Fatal(ClickHouse):
    """Dies around its second insert of events, at its first of profiles' ``states``, or never.

    Around is ``before``, ``during`` or ``after``.
    """

    def __init__(self, url: str, when: str) -> None:
        super().__init__(url)
        self._when = when
        self._inserts = 0

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        if table == "profile_states" and self._when == "states":
            _die()
        self._inserts += table == "events"
        fatal = self._inserts == 2
        if fatal and self._when == "before":
            _die()
        if fatal and self._when == "during":
            asyncio.get_running_loop().call_later(0.02, _die)
        written = await super().insert(table, lines, query_id=query_id)
        if fatal and self._when == "after":
            _die()
        return written


async def _main(
    kafka: str, prefix: str, partitions: str, url: str, when: str, instance: str = "only"
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sink = Sink(
        kafka,
        Topics(prefix, int(partitions)),
        Fatal(url, when),
        clock,
        Metrics(),
        chance=random.random,
        group=prefix,
        instance=instance,
        session_ms=6_000,
        limits=QUICK,
        folding=Folding(Fatal(url, when), Known(), Metrics(), chance=random.random),
    )
    await sink.run(stop, lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
