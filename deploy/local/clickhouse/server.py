"""The stand-in as one call: bind, open the engine, serve until told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import uvicorn

from deploy.local.clickhouse.app import build_app
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.errors import DataDirectoryLocked
from deploy.local.clickhouse.runner import Runner
from deploy.probe import Server, listen

__all__ = ["ClickHouseConfig", "DataDirectoryLocked", "build_app", "serve"]

_CONNECTIONS = 1024
_KEEP_ALIVE = 30
_REAP_EVERY = 5.0


async def serve(
    config: ClickHouseConfig, *, ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Serve until ``stop`` is set, then finish the running statements and close the engine.

    Statements that write are waited for as long as they take, SELECTs for ``config.select_grace``
    seconds.

    ``ready`` is called once, with the port, when statements are accepted. Raises ``OSError`` for
    an address that cannot be bound or a directory that cannot be made, ``DataDirectoryLocked``
    when another process has the data open, ``ClickHouseError`` when the engine does not start.
    """
    with listen(config.host, config.port) as listener:
        engine = await asyncio.to_thread(Engine, config)
        runner = Runner(engine, config)
        try:
            server = _Server(
                uvicorn.Config(
                    build_app(config, runner, engine.version),
                    http="httptools",
                    ws="none",
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    limit_concurrency=_CONNECTIONS,
                    timeout_keep_alive=_KEEP_ALIVE,
                ),
                lambda: ready(listener.getsockname()[1]),
            )
            async with _reaping(runner), _stopping(server, runner, stop, config.select_grace):
                await server.serve(sockets=[listener])
        finally:
            await asyncio.to_thread(runner.close)


class _Server(Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


@contextlib.asynccontextmanager
async def _stopping(
    server: uvicorn.Server, runner: Runner, stop: asyncio.Event, select_grace: float
) -> AsyncIterator[None]:
    async def watch() -> None:
        await stop.wait()
        server.should_exit = True
        await asyncio.sleep(select_grace)
        await runner.stop_selects()

    async with _background(watch):
        yield


@contextlib.asynccontextmanager
async def _reaping(runner: Runner) -> AsyncIterator[None]:
    async def reap() -> None:
        while True:
            await asyncio.sleep(_REAP_EVERY)
            await asyncio.to_thread(runner.sessions.reap)

    async with _background(reap):
        yield


@contextlib.asynccontextmanager
async def _background(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
