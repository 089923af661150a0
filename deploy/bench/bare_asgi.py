"""The baselines: the same server, client or worker with nothing of headrace in it."""

import asyncio
import sys
from typing import Any

import uvloop

from deploy.probe import bind, serve

_OK = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"1")],
}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer 200: the least an ASGI application can do."""
    more = scope["type"] == "http"
    while more:
        more = (await receive()).get("more_body", False)
    await send(_OK)
    await send({"type": "http.response.body", "body": b"1"})


async def _main() -> None:
    listener = bind("127.0.0.1", 0, option="--port")
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await serve(application, listener, asyncio.Event())


if __name__ == "__main__":
    uvloop.run(_main())
