"""A worker in a process of its own: `worker.py KAFKA PREFIX PORT DATA STORE SESSION_SECONDS`."""

import asyncio
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import uvloop

from processors import app as processors
from processors.app import SETTINGS, StoreName, run
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.topics import Topics
from tests.contracts.leash import Leashed
from tests.processors.world import PARTITIONS, Feed, eventually, worker

WAITS = ("broker_rebalance_timeout", "broker_request_timeout")


class WorkerProcess:
    """A worker that can be killed.

    Args:
        session: for how many seconds its group waits for it after that.
    """

    def __init__(
        self,
        kafka: str,
        topics: Topics,
        port: int,
        directory: Path,
        store: StoreName = "memory",
        session: float = SETTINGS["broker_session_timeout"],
    ) -> None:
        self._log = directory / f"worker-{port}.log"
        self._log.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "tests.processors.worker"]
        argv += [kafka, topics.prefix, str(port), str(directory / str(port)), store, str(session)]
        self._process = Leashed(argv, self._log)

    async def ready(self) -> None:
        """Wait until it processes records."""
        await eventually(
            lambda: "ready" in self._log.read_text().splitlines() or not self._process.running,
            "the worker is ready",
        )
        assert self._process.running, self._process.tail()

    async def ended(self) -> str:
        """Wait until it has ended by itself; returns what it said."""
        await eventually(lambda: not self._process.running, "the worker has ended")
        return self._log.read_text()

    def kill(self) -> None:
        """End it without a chance to say good-bye (SIGKILL)."""
        self._process.kill()

    def stop(self) -> None:
        """Let it finish (SIGTERM)."""
        self._process.stop()


async def _main(kafka: str, prefix: str, port: str, data: str, store: str, session: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    feed = Feed(Source("shop"))
    kept: StoreName = "rocksdb" if store == "rocksdb" else "memory"
    topics = Topics(prefix, PARTITIONS)
    waiting = dict.fromkeys(WAITS, max(float(session), SETTINGS["broker_request_timeout"]))
    waiting["broker_session_timeout"] = float(session)
    with patch.object(processors, "SETTINGS", {**SETTINGS, **waiting}):
        app = worker(kafka, topics, feed, Path(data), Metrics(), port=int(port), store=kept)
    await run(app, stop=stop, ready=lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
