"""``headrace up``: the whole pipeline on one machine, supervised, drained at the end."""

import asyncio
import contextlib
import fcntl
import logging
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from deploy.declare import end_offsets, lag, names
from deploy.local.child import Tier, TierFailed
from deploy.local.supervisor import Supervisor
from deploy.local.wanted import wanted
from deploy.probe import bind
from deploy.settings import (
    SettingError,
    Settings,
    draw_secret,
    forget_addresses,
    write_addresses,
)

log: Final = logging.getLogger(__name__)
_LOOPBACK: Final = "127.0.0.1"
_QUIET_PORTS: Final = (12_000, 32_000)
_held: Final[list[socket.socket]] = []
"""Of :func:`free_port`, to the end of the process."""
_STOP_SECONDS: Final = 20.0
_DRAIN_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.1
_PROGRESS_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0 takes a free port."""

    host: str
    ingest: int
    clickhouse: int
    kafka: int


@dataclass(frozen=True, slots=True)
class Running:
    """A pipeline that is ready; ``probes`` is where the sink says whether events come through."""

    settings: Settings
    url: str
    demo_key: str
    probes: str


class Stack:
    """The tiers of one machine, in the order of the event's way.

    Args:
        settings: a Kafka or ClickHouse address given there is used and gets no stand-in.
        say: prints a line for the person who started it.
    """

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        *,
        workers: int,
        processes: int,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._workers = [f"process-{number}" for number in range(1, workers + 1)]
        self._processes = processes
        self._say = say
        self._listener: socket.socket | None = None
        self._sink_port = free_port()
        self._later: list[asyncio.Task[None]] = []
        self.supervisor = Supervisor(settings.data / "logs", say)

    async def start(self) -> Running:
        """Start everything; returns when the first event would be accepted.

        Raises:
            TierFailed, SettingError: something cannot start; the text says what to do.
        """
        draw_secret(self._settings)
        self._listener = bind(self._ports.host, self._ports.ingest, option="--port")
        kafka, clickhouse, preparing = await asyncio.gather(
            self._broker(),
            self._clickhouse(),
            asyncio.to_thread(import_module, "deploy.local.prepare"),
        )
        url = f"http://{self._ports.host}:{self._listener.getsockname()[1]}"
        self._settings = settings = replace(
            self._settings, kafka=kafka, clickhouse=clickhouse, url=self._settings.url or url
        )
        write_addresses(settings)
        key = await preparing.prepare(settings)
        await asyncio.gather(*(self.supervisor.start(tier) for tier in self._tiers()))
        bridge = self._tier("bridge", "--metrics-port", "0")
        self._start_once(settings.topics.sources.name, lambda value: b'"kafka":{' in value, bridge)
        tasks = self._tier("tasks", "work", "--metrics-port", "0")
        self._start_once(settings.topics.tasks.name, bool, tasks)
        probes = f"http://{_LOOPBACK}:{self._sink_port}"
        return Running(settings, url, key, probes)

    def _tiers(self) -> list[Tier]:
        assert self._listener is not None  # noqa: S101  bound before
        return [
            *ingest_tiers(self._listener, self._processes, self._environment()),
            *(
                self._tier("process", "--worker", str(number), name=name)
                for number, name in enumerate(self._workers, start=1)
            ),
            self._tier("sink", "--metrics-port", str(self._sink_port)),
        ]

    def _start_once(self, topic: str, asks: Callable[[bytes], bool], tier: Tier) -> None:
        """Start a tier when somebody has made something that needs it, and keep it from then on."""

        async def work() -> None:
            await wanted(self._settings.kafka, topic, asks)
            try:
                await self.supervisor.start(tier)
            except TierFailed as error:
                self._say(f"{tier.name} does not start: {error}")

        self._later.append(asyncio.create_task(work(), name=f"wanted-{tier.name}"))

    async def drain(self) -> None:
        """Stop in the order of the event's way, so that what was accepted is in ClickHouse."""
        settings = self._settings
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        await self._stop("bridge", "tasks", *(n for n in self.supervisor.names() if "ingest" in n))
        if "sink" in self.supervisor.pids():
            # Not the registry's: a source may be gone before its last events have been read.
            prefix = settings.topics.raw("").name
            raw = [name for name in await names(settings.kafka) if name.startswith(prefix)]
            await self._wait_until_read(settings.process_group, raw, "process")
            outputs = [settings.topics.events.name, settings.topics.dead.name]
            await self._stop(*self._workers)
            await self._wait_until_read(settings.sink_group, outputs, "sink")
        await self._stop(*self._workers)
        await self._stop("sink")
        await self._stop("clickhouse", "broker")
        forget_addresses(settings)

    async def _stop(self, *names: str) -> None:
        await asyncio.gather(*(self.supervisor.stop(name, _STOP_SECONDS) for name in names))

    async def _wait_until_read(self, group: str, topics: list[str], reader: str) -> None:
        """Wait until ``group`` has committed everything that is in ``topics`` now."""
        loop = asyncio.get_running_loop()
        ends = await end_offsets(self._settings.kafka, topics)
        deadline, next_word = loop.time() + _DRAIN_SECONDS, loop.time() + _PROGRESS_SECONDS
        async with lag(self._settings.kafka, group, ends) as left_of:
            while left := await left_of():
                if loop.time() > deadline:
                    self._say(
                        f"{left} records are still to be read by {reader}; they stay in Kafka and "
                        "are read at the next start."
                    )
                    return
                if loop.time() > next_word:
                    self._say(f"draining: {left} records to go ({reader})")
                    next_word += _PROGRESS_SECONDS
                await asyncio.sleep(_POLL_SECONDS)

    async def _broker(self) -> str:
        if self._settings.kafka_given:
            return self._settings.kafka
        port = _claim(self._ports.kafka, "--kafka-port")
        await self.supervisor.start(self._tier("broker", "--port", str(port)))
        return f"{_LOOPBACK}:{port}"

    async def _clickhouse(self) -> str:
        if self._settings.clickhouse_given:
            return self._settings.clickhouse
        port = _claim(self._ports.clickhouse, "--clickhouse-port")
        await self.supervisor.start(self._tier("clickhouse", "--port", str(port)))
        parts = urlsplit(self._settings.clickhouse)
        return urlunsplit(parts._replace(netloc=f"{_LOOPBACK}:{port}"))

    def _tier(self, command: str, *options: str, name: str = "") -> Tier:
        return Tier(name or command, (command, *options), self._environment())

    def _environment(self) -> dict[str, str]:
        return {"HEADRACE_DATA": str(self._settings.data.resolve())}


def ingest_tiers(
    listener: socket.socket, processes: int, environment: Mapping[str, str]
) -> list[Tier]:
    """Ingest processes that share one listening socket.

    The supervisor keeps the socket, so while one is restarted its clients wait in the backlog
    instead of being refused.
    """
    fd = listener.fileno()
    names = ["ingest"] if processes == 1 else [f"ingest-{n}" for n in range(1, processes + 1)]
    return [Tier(name, ("ingest", "--fd", str(fd)), environment, (fd,)) for name in names]


def _claim(port: int, option: str) -> int:
    """Settle the port of a stand-in before it starts, while the option that names it is known.

    Raises:
        SettingError: the port is taken.
    """
    if port == 0:
        return free_port()
    bind(_LOOPBACK, port, option=option).close()
    return port


def free_port() -> int:
    """Find a port that a restarted tier can come back to.

    It lies below the range that systems hand out to outgoing connections: while a tier is away,
    a client that tries to reach it could otherwise be given its port, or even meet itself there.
    """
    while True:
        port = random.randrange(*_QUIET_PORTS)  # noqa: S311  not a secret
        with contextlib.suppress(OSError):
            with socket.socket() as probe:
                probe.bind((_LOOPBACK, port))
            if sys.platform == "linux":
                _held.append(_hold(port))
            return port


def _hold(port: int) -> socket.socket:
    """Keep a port from whoever else looks for one, before its tier listens and while it is away.

    On Linux, unlike elsewhere, a socket that only is bound keeps nobody from listening who may
    share the address, as servers do (``SO_REUSEADDR``, socket(7)).
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((_LOOPBACK, port))
    return held


@contextlib.contextmanager
def owned(settings: Settings) -> Iterator[None]:
    """Own the data directory for as long as the pipeline runs.

    Raises:
        SettingError: another ``headrace up`` owns it.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    (settings.data / "logs").mkdir(exist_ok=True)
    with (settings.data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise SettingError(
                f"another headrace up (process {lock.read().strip()}) uses {settings.data}: "
                "stop it, or choose another directory with --data"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
