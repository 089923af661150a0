"""A broker for one machine: Kafka's wire protocol over a durable log in one directory.

Boundaries, by choice: one node, classic consumer groups, no transactions, topics declared and
never created by being named. Beyond one machine Apache Kafka takes over; clients cannot tell.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from .config import BrokerConfig
from .connection import Connection
from .errors import DataDirectoryForeign, DataDirectoryLocked
from .faults import Faults
from .flusher import Flusher
from .groups import GroupLimits, Groups
from .identity import Identity
from .maintenance import maintain_until
from .offsets import CommittedOffsets
from .state import BrokerState
from .topics import Topics

__all__ = ["Broker", "BrokerConfig", "DataDirectoryForeign", "DataDirectoryLocked", "serve"]

_GRACE_SECONDS = 5.0
_log = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Broker:
    """One running broker; use `start` and `stop` in the same event loop."""

    def __init__(self, config: BrokerConfig, *, now_ms: Callable[[], int] = _now_ms) -> None:
        self.config = config
        self._now_ms = now_ms
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._maintenance: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._lock: int | None = None
        self._state: BrokerState | None = None

    @property
    def state(self) -> BrokerState:
        """The parts of the running broker; raises RuntimeError when it is not started."""
        if self._state is None:
            raise RuntimeError("the broker is not started: await start() first")
        return self._state

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self.state.port

    @property
    def faults(self) -> Faults:
        """Switches for misbehaving on purpose."""
        return self.state.faults

    async def start(self) -> None:
        """Lock and open the data directory, then listen.

        Raises `DataDirectoryLocked`, `DataDirectoryForeign`, and OSError (port taken, disk).
        """
        self._lock = _lock(self.config.data)
        self._stopping.clear()
        try:
            self._state = await asyncio.to_thread(_open, self.config, self._now_ms)
            for group in self._state.offsets.groups():
                self._state.groups.ensure(group)
            self._server = await asyncio.get_running_loop().create_server(
                self._accept, self.config.host, self.config.port, backlog=256
            )
        except BaseException:
            await self._close_files()
            raise
        self._state.port = self._server.sockets[0].getsockname()[1]
        self._maintenance = asyncio.create_task(maintain_until(self._state, self._stopping))

    async def stop(self) -> None:
        """Answer what can be answered, make everything durable, release the directory."""
        if self._server is None:
            return
        self._server.close()
        if self._maintenance is not None:
            self._stopping.set()
            await asyncio.wait([self._maintenance])
        await self.state.flusher.drain()
        self.state.groups.close()
        if self.state.running:
            await asyncio.wait(self.state.running, timeout=_GRACE_SECONDS)
        await asyncio.sleep(0)  # the answers that were just given reach their sockets
        for connection in list(self._connections):
            connection.close()
        await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.abort()
        self._server = None
        await self._close_files()

    def metrics(self) -> dict[str, object]:
        """Return counters and sizes under stable names."""
        state = self.state
        logs = state.topics.logs()
        return {
            **state.metrics.as_dict(),
            "connections": len(self._connections),
            "topics": sum(1 for _ in state.topics),
            "partitions": len(logs),
            "log_bytes": sum(log.size for log in logs),
            "segments": sum(len(log.segments) for log in logs),
            "broken_logs": sum(log.broken for log in logs),
            "groups": sum(1 for _ in state.groups),
            "rebalances": state.groups.rebalances,
            "syncs": state.flusher.syncs,
            "sync_failures": state.flusher.failures,
        }

    def _accept(self) -> asyncio.Protocol:
        metrics = self.state.metrics
        if len(self._connections) >= self.config.max_connections:
            metrics.connections_refused += 1
            return _Refusal()
        connection = Connection(self.state, self._connections.discard)
        self._connections.add(connection)
        metrics.connections_total += 1
        return connection

    async def _close_files(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            await asyncio.to_thread(state.topics.close)
            await asyncio.to_thread(state.offsets.close)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _Refusal(asyncio.Protocol):
    """Closes a connection beyond the bound."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _lock(data: Path) -> int:
    data.mkdir(parents=True, exist_ok=True)
    handle = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise DataDirectoryLocked(data) from error
    return handle


def _open(config: BrokerConfig, now_ms: Callable[[], int]) -> BrokerState:
    identity = Identity(config.data)
    topics = Topics(config.data / "topics", config.topic_defaults, now_ms)
    limits = GroupLimits(
        config.min_session_ms, config.max_session_ms, config.initial_rebalance_delay_ms
    )

    def exists(topic: str, topic_identity: str) -> bool:
        found = topics.find(topic)
        return found is not None and found.identity == topic_identity

    return BrokerState(
        config=config,
        identity=identity,
        topics=topics,
        groups=Groups(limits, now_ms),
        offsets=CommittedOffsets(config.data / "offsets.log", exists),
        flusher=Flusher(fsync=config.fsync),
        now_ms=now_ms,
    )


async def serve(
    config: BrokerConfig,
    *,
    ready: Callable[[int], None],
    stop: asyncio.Event,
    watch: Callable[["Broker"], None] = lambda _: None,
) -> None:
    """Run a broker until `stop` is set; `ready` is told the bound port, `watch` the broker.

    Raises what `Broker.start` raises; nothing is left open then.
    """
    broker = Broker(config)
    await broker.start()
    try:
        _log.info("broker on %s:%d, data in %s", config.host, broker.port, config.data)
        watch(broker)
        ready(broker.port)
        await stop.wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await broker.stop()
