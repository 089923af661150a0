"""Everything a request can reach, and what a handler may answer."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from .config import BrokerConfig
from .faults import Faults
from .flusher import Flusher
from .groups import Groups
from .identity import Identity
from .metrics import Metrics
from .offsets import CommittedOffsets
from .topics import Topics
from .wire import Buffers, RequestHeader

NODE_ID = 1


@dataclass(slots=True)
class BrokerState:
    """The parts of a running broker, handed to every handler."""

    config: BrokerConfig
    identity: Identity
    topics: Topics
    groups: Groups
    offsets: CommittedOffsets
    flusher: Flusher
    now_ms: Callable[[], int]
    port: int = 0
    metrics: Metrics = field(default_factory=Metrics)
    faults: Faults = field(default_factory=Faults)
    running: set[asyncio.Task[Buffers | None]] = field(default_factory=set)

    def run(self, answer: Coroutine[Any, Any, Buffers | None]) -> asyncio.Task[Buffers | None]:
        """Start an answer that goes on to its end even when its connection is lost.

        A topic must not be left half created because the client that asked for it went away.
        """
        task = asyncio.create_task(answer)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its header, its undecoded body, and the two ends of its connection."""

    header: RequestHeader
    body: memoryview
    client_host: str
    local_host: str

    @property
    def version(self) -> int:
        """Version of the API that the client speaks."""
        return self.header.version


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that comes later.

    `holds`: the next request of the same connection waits for it. `release`: answer now with
    what there is, because the next request has arrived. `abandon`: the connection is lost.
    """

    future: asyncio.Future[Buffers | None]
    holds: bool = True
    release: Callable[[], None] | None = None
    abandon: Callable[[], object] | None = None


Outcome = Buffers | Pending | None
