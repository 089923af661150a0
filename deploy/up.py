"""The supervisor's own process: what ``headrace up`` and ``headrace ingest --processes`` do."""

import asyncio
import shlex
import signal
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import click

from deploy.admin_key import first_admin_key, where
from deploy.local.child import TierFailed
from deploy.local.stack import Ports, Running, Stack, ingest_tiers, owned
from deploy.local.supervisor import Supervisor
from deploy.probe import bind
from deploy.settings import DEFAULT_DATA, Settings
from deploy.tier import explain

_FAILED: Final = 2
_KILLED: Final = 130
_STOP_SECONDS: Final = 20.0


async def up(settings: Settings, ports: Ports, *, workers: int, processes: int) -> int:
    """Run the whole pipeline until told to stop; answer the exit code."""
    with owned(settings):
        stack = Stack(settings, ports, workers=workers, processes=processes, say=_say)

        async def work() -> None:
            _say("starting ...")
            running = await stack.start()
            # Drawn only now, when nothing can keep it from being read.
            click.echo(_welcome(running, first_admin_key(running.settings)))

        async def wind_down() -> None:
            _say("stopping: what was accepted is brought into ClickHouse first (Ctrl-C again: now)")
            await stack.drain()
            _say("stopped; nothing is left behind")

        return await _supervise(settings, stack.supervisor, work, wind_down)


async def ingest_processes(settings: Settings, host: str, port: int, processes: int) -> int:
    """Run several ingest processes on one port until told to stop; answer the exit code."""
    (settings.data / "logs").mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(settings.data / "logs", _say)
    listener = bind(host, port, option="--port")

    async def work() -> None:
        tiers = ingest_tiers(listener, processes, {})
        await asyncio.gather(*(supervisor.start(tier) for tier in tiers))
        _say(f"ready: {processes} processes on {host}:{listener.getsockname()[1]}")

    async def wind_down() -> None:
        listener.close()
        stops = (supervisor.stop(name, _STOP_SECONDS) for name in supervisor.names())
        await asyncio.gather(*stops)

    return await _supervise(settings, supervisor, work, wind_down)


async def _supervise(
    settings: Settings,
    supervisor: Supervisor,
    work: Callable[[], Awaitable[None]],
    wind_down: Callable[[], Awaitable[None]],
) -> int:
    stop = asyncio.Event()
    now = asyncio.Event()

    def on_signal() -> None:
        (now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        if await _first(work(), stop, supervisor.failed) == 0 and not supervisor.failed.is_set():
            await _first(_until(supervisor.failed), stop)
        if supervisor.failed.is_set():
            click.echo(f"headrace: {supervisor.failure}", err=True)
            return _FAILED
        await _first(wind_down(), now)
    except Exception as error:
        sentence = str(error) if isinstance(error, TierFailed) else explain(error, settings)
        if sentence is None:
            raise
        click.echo(f"headrace: {sentence}", err=True)
        return _FAILED
    finally:
        await supervisor.kill_all()
    return _KILLED if now.is_set() else 0


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _first(work: Awaitable[None], *events: asyncio.Event) -> int:
    """Run ``work`` until it ends or an event comes; answer how many events have come."""
    task = asyncio.ensure_future(work)
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait({task, *waits}, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
        await asyncio.wait({task})
    return sum(event.is_set() for event in events)


def _say(text: str) -> None:
    click.echo(f"headrace: {text}")


def _where(settings: Settings) -> list[str]:
    """What another command needs in order to find this pipeline."""
    return [] if settings.data == DEFAULT_DATA else ["--data", str(settings.data)]


def _welcome(running: Running, admin_key: str) -> str:
    settings = running.settings
    address = urlsplit(settings.clickhouse)
    key = running.demo_key or "<write key>"
    note = "" if running.demo_key else "  (lost? `headrace sources rotate-key demo`)"
    event = '{"event_name": "order_placed", "price": 9.95}'
    curl = ["curl", f"{running.url}/post", "-H", f"x-eventbunker-write-key: {key}", "-d", event]
    query = ["headrace", "query", *_where(settings)]
    sql = f"SELECT event_time, event_type, properties FROM {settings.database}.events"  # noqa: S608  printed
    return "\n".join(
        (
            f"ready  events:  {running.url}",
            f"       SQL:     {address.scheme}://{address.hostname}:{address.port}",
            f"       Kafka:   {settings.kafka}",
            f"       health:  {running.probes}/readyz and /metrics",
            f"       source:  demo, write key {key}{note}",
            f"       admin:   {admin_key or where(settings)}",
            "",
            "Send an event:",
            f"  {shlex.join(curl)}",
            "and query it:",
            f"  {shlex.join([*query, sql])}",
            "",
            "Ctrl-C drains and stops.",
        )
    )
