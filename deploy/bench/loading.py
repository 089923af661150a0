"""Loads, each applied from a process of its own, which imports no more than that takes."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Final

import uvloop

from deploy.bench.load import Outcome, flood, steady
from deploy.bench.samples import Sender

_CONNECTIONS: Final = 256
_EVENTS: Final = 25_600
"""Under way at once at most: more bytes than an ingest process holds would only be refused."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a loading process does.

    With ``rate`` (requests per second) it is steady, else as fast as answers come. Without a
    number of ``connections`` they are as many as large requests allow.
    """

    sender: Sender
    rate: float = 0
    seconds: float = 10
    connections: int = 0

    def run(self) -> Outcome:
        """Apply the load from this process."""
        make = self.sender.requests()
        url, seconds = self.sender.url, self.seconds
        connections = self.connections or min(_CONNECTIONS, max(1, _EVENTS // self.sender.size))
        if self.rate:
            work = steady(url, make, rate=self.rate, seconds=seconds, connections=connections)
        else:
            work = flood(url, make, connections=connections, seconds=seconds)
        return uvloop.run(work)

    def for_seconds(self, seconds: float) -> "Load":
        """The same load, shorter or longer; for warming up."""
        return replace(self, seconds=seconds)


Apply = Callable[[Load], "asyncio.Future[Outcome]"]


@contextmanager
def loading_process() -> Iterator[Apply]:
    """A process that applies loads, so that the load is not measured as the tier's work."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda load: asyncio.wrap_future(pool.submit(load.run))
