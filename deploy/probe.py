"""HTTP for operators: a socket to bind, an ASGI app to serve, and the three probes of a tier."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.heads import BoundedHeads
from deploy.settings import SettingError

_BACKLOG: Final = 2048
_DRAIN_SECONDS: Final = 10
_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than load balancers keep a connection that nobody uses (60 s: AWS's, nginx's upstream):
what they send on one that is closed at that moment is lost, and their clients get a 502."""


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; port 0 takes a free one.

    Raises:
        OSError: the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said in full, because asyncio turns Nagle's algorithm off only on connections of a socket
    # whose protocol is TCP by name; with it on, every answer waits 40 ms for a delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003  the standard library takes it so
    return listener


def bind(host: str, port: int, *, option: str) -> socket.socket:
    """:func:`listen`, for a port that a person chose.

    Raises:
        SettingError: the address is taken or not this machine's; the text names the option.
    """
    try:
        return listen(host, port)
    except OSError as error:
        raise SettingError(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what uses that port, "
            f"or choose another with {option}"
        ) from error


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the tier as a whole."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Catch none."""
        yield


async def serve(app: Any, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve an ASGI app until ``stop`` is set; requests under way are finished, 10 s at most."""
    config = uvicorn.Config(
        app,
        http=BoundedHeads,
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = Server(config)

    async def watch() -> None:
        await stop.wait()
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()


def build_probe(
    metrics: Callable[[], str],
    reason_not_ready: Callable[[], str],
    detail: Callable[[], str] = str,
) -> Starlette:
    """``/healthz``, ``/readyz`` and ``/metrics`` for a tier that has no HTTP of its own.

    Args:
        metrics: writes the metrics in Prometheus' text format.
        reason_not_ready: "" when the tier does its work, else why it does not.
        detail: what somebody should know of a tier that does its work, "" for nothing.
    """

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        reason = reason_not_ready()
        if reason:
            error = {"code": "not-ready", "message": reason}
            return JSONResponse({"error": error}, status_code=503)
        known = detail()
        return JSONResponse({"status": "ready"} | ({"detail": known} if known else {}))

    async def metrics_text(_: Request) -> Response:
        return PlainTextResponse(metrics(), media_type="text/plain; version=0.0.4")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics_text),
        ]
    )
