"""A worker in a process of its own: `worker.py KAFKA PREFIX PORT DATA STORE`."""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from processors.app import StoreName, run
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.topics import Topics
from tests.contracts.leash import Leashed
from tests.processors.world import PARTITIONS, Feed, eventually, worker


class WorkerProcess:
    """A worker that can be killed."""

    def __init__(
        self,
        kafka: str,
        topics: Topics,
        port: int,
        directory: Path,
        store: StoreName = "memory",
    ) -> None:
        self._log = directory / f"worker-{port}.log"
        argv = [sys.executable, "-m", "tests.processors.worker"]
        argv += [kafka, topics.prefix, str(port), str(directory / str(port)), store]
        self._process = Leashed(argv, self._log)

    async def ready(self) -> None:
        """Wait until it processes records."""
        await eventually(
            lambda: "ready" in self._log.read_text().splitlines(), "the worker is ready"
        )

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


async def _main(kafka: str, prefix: str, port: str, data: str, store: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    feed = Feed(Source("shop"))
    kept: StoreName = "rocksdb" if store == "rocksdb" else "memory"
    topics = Topics(prefix, PARTITIONS)
    app = worker(kafka, topics, feed, Path(data), Metrics(), port=int(port), store=kept)
    await run(app, stop=stop, ready=lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
