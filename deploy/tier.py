"""What every tier's process has in common: log, loop, signals, readiness, honest endings."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import resource
import secrets
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import click
import uvloop

from deploy.link import Link
from deploy.settings import SettingError, Settings
from schemas.errors import HeadraceError
from schemas.ids import uuid7
from schemas.metrics import Metrics

log: Final = logging.getLogger(__name__)
CANNOT_START: Final = 2
_LEAVE_SECONDS: Final = 10.0
_WANTED_FILES: Final = 65_536
_DEFECTS: Final = frozenset({"internal", "processors-crashed", "processors-stuck"})
_HINTS: Final = {
    "not-enough-space": "free some space on ClickHouse's disk, or use --data elsewhere"
}
_MENDABLE: Final = {
    errno.ENOSPC: "free some space, or use --data elsewhere",
    errno.EDQUOT: "raise the quota, or use --data elsewhere",
    errno.EACCES: "make it writable, or use --data elsewhere",
    errno.EROFS: "use --data elsewhere",
    errno.ENOTDIR: "choose a directory with --data",
    errno.EADDRINUSE: "stop what uses that port, or choose another",
}
_COLLECT: Final = (20_000, 20, 50)
"""Python's own (700, 10, 10) takes a seventh of a processor's time."""
_LEVELS: Final = ("debug", "info", "warning", "error")


def clock() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Draw a UUIDv7."""
    return uuid7(clock(), secrets.randbits(74))


@dataclass(slots=True)
class Foreground:
    """A tier that runs in this process.

    ``stop`` is set by SIGTERM or Ctrl-C; a second one ends the process at once.
    ``trouble`` is "" while the tier does its work, else why it does not; ``readyz`` shows it.
    ``doubt`` says why what the tier does leads nowhere, "" when it does not; so does ``readyz``.
    ``detail`` says what somebody should know of a tier that works; ``readyz`` stays 200 for it.
    ``refresh`` is called before the metrics are written, for what is not counted as it happens.
    """

    name: str
    settings: Settings
    link: Link
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    metrics: Metrics = field(default_factory=Metrics)
    trouble: str = "still starting"
    doubt: Callable[[], str] = str
    detail: Callable[[], str] = str
    refresh: Callable[[], None] = lambda: None

    def ready(self, **facts: Any) -> None:
        """Say that the tier does its work now."""
        self.trouble = ""
        # what it took to start stays; events are many small objects and hardly ever cycles
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        text = " ".join(f"{name}={value}" for name, value in facts.items())
        log.info("%s is ready %s", self.name, text)
        self.link.say(ready=True, **facts)

    def failing(self, why: str) -> None:
        """Say that the tier does not do its work any more; it ends after this."""
        self.trouble = why

    def _text(self) -> str:
        self.refresh()
        return self.metrics.text()

    async def probe(self, host: str, port: int | None) -> None:
        """Serve ``/healthz``, ``/readyz`` and ``/metrics`` beside the tier, if wanted."""
        if port is None:
            await self.stop.wait()
            return
        from deploy.probe import bind, build_probe, serve  # noqa: PLC0415  a tenth of a second

        listener = bind(host, port, option="--metrics-port")
        log.info("probes and metrics on %s", listener.getsockname())
        app = build_probe(self._text, lambda: self.trouble or self.doubt(), self.detail)
        await serve(app, listener, self.stop)


def run(name: str, settings: Settings, main: Callable[[Foreground], Awaitable[None]]) -> None:
    """Run a tier to its end; leaves through SystemExit with an honest exit code."""
    set_up_log(settings)
    raise_file_limit()
    link = Link(os.environ)

    async def supervised() -> None:
        tier = Foreground(name, settings, link)
        catch_signals(tier.stop)
        try:
            await main(tier)
        finally:
            _leave_within(name, _LEAVE_SECONDS)

    try:
        uvloop.run(supervised())
    except Exception as error:
        sentence = explain(error, settings)
        if sentence is None:
            log.exception("%s ends by a defect; please report it", name)
            sys.exit(1)
        link.say(error=sentence)
        click.echo(f"headrace {name}: {sentence}", err=True)
        sys.exit(CANNOT_START)


def raise_file_limit() -> None:
    """Allow as many files as this process may: every connection keeps one open.

    The broker's partitions and RocksDB's tables do, too, and 1,024 is the usual bound.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError):  # macOS has a bound below the hard one it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leave_within(name: str, seconds: float) -> None:
    """End the process the hard way when the loop, or a thread of a library, does not let go.

    A tier that has given up but still lives is the worst of both: nobody restarts it.
    """

    def leave() -> None:
        log.critical("%s does not end by itself within %.0f s and is ended", name, seconds)
        os._exit(1)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()


def catch_signals(stop: asyncio.Event) -> None:
    """First SIGTERM or SIGINT sets ``stop``, the second ends the process."""

    def on_signal(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)


def explain(error: BaseException, settings: Settings) -> str | None:
    """Put what a person can mend into a sentence that says how; None for a defect of ours."""
    if isinstance(error, BaseExceptionGroup):
        found = [explain(inner, settings) for inner in error.exceptions]
        return next((sentence for sentence in found if sentence), None)
    if isinstance(error, HeadraceError) and error.code not in _DEFECTS:
        hint = _HINTS.get(error.code)
        text = error.message.partition("\n")[0]
        return f"{text}; {hint}" if hint else text
    if isinstance(error, SettingError) or type(error).__name__ == "DataDirectoryLocked":
        return str(error)
    if isinstance(error, OSError) and error.errno in _MENDABLE:
        place = error.filename or settings.data
        return f"{place}: {error.strerror}; {_MENDABLE[error.errno]}"
    return None


def set_up_log(settings: Settings) -> None:
    """Log to standard error: UTC time, level, logger, text."""
    if settings.log_level not in _LEVELS:
        raise SettingError(f"HEADRACE_LOG_LEVEL must be one of {', '.join(_LEVELS)}")
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for chatty in ("aiokafka", "faust", "mode", "urllib3", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))


async def beside(
    tier: Foreground, work: Any, host: str, metrics_port: int | None, *chores: Any
) -> None:
    """Run a tier's work with its probes and chores beside it; any one's failure ends all."""

    async def until_done() -> None:
        try:
            await work
        finally:
            tier.stop.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(until_done())
        group.create_task(tier.probe(host, metrics_port))
        for chore in chores:
            group.create_task(chore)


@contextlib.asynccontextmanager
async def running(part: Any) -> AsyncIterator[Any]:
    """Start a part, and stop it in the end."""
    await part.start()
    try:
        yield part
    finally:
        await part.stop()
