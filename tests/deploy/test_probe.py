"""What probes are told of a tier without HTTP of its own."""

import asyncio
from typing import Any

import pytest

from deploy.probe import build_probe, listen, serve
from tests.system.client import Answer, Client


@pytest.mark.parametrize(
    ("trouble", "detail", "status", "said"),
    [
        ("", "", 200, {"status": "ready"}),
        ("", "source a: away", 200, {"status": "ready", "detail": "source a: away"}),
        ("Kafka is away", "x", 503, {"error": {"code": "not-ready", "message": "Kafka is away"}}),
    ],
)
async def test_readyz(trouble: str, detail: str, status: int, said: dict[str, Any]) -> None:
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    app = build_probe(str, lambda: trouble, lambda: detail)
    client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    serving = asyncio.create_task(serve(app, listener, stop))
    try:
        answer: Answer = await asyncio.to_thread(client.send, "GET", "/readyz")
    finally:
        client.close()
        stop.set()
        await serving
    assert (answer.status, answer.json) == (status, said)
