"""A Faust worker with a table: what it counted is there for the worker after it."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contracts.kafka.clients import (
    administering,
    create_topic,
    eventually,
    producing,
    read_all,
    unique,
)
from tests.contracts.leash import Leashed
from tests.contracts.real_kafka import RealKafka

PARTITIONS = 2
WORKER_SECONDS = 45.0
FIRST = ["apple"] * 30 + ["pear"] * 20
SECOND = ["apple"] * 5 + ["plum"] * 7


async def say(broker: RealKafka, topic: str, words: list[str]) -> None:
    async with producing(broker) as producer:
        for word in words:
            await producer.send(topic, word.encode(), key=word.encode())


class Counting:
    """The app under test, its source topic and its changelog."""

    def __init__(self, broker: RealKafka, topic: str, directory: Path) -> None:
        self._broker = broker
        self._topic = topic
        self._directory = directory
        self._name = unique("faust")
        self.changelog = f"{self._name}-counts-changelog"

    @contextmanager
    def worker(self) -> Iterator[Leashed]:
        module = "tests.contracts.kafka.faust_app"
        worker = Leashed(
            [
                *(sys.executable, "-m", module, self._broker.address, self._name),
                *(self._topic, str(PARTITIONS), str(self._directory)),
            ],
            self._directory / "worker.log",
        )
        try:
            yield worker
            assert worker.stop() == 0, worker.tail()
        finally:
            worker.kill()

    async def is_ready(self, worker: Leashed) -> None:
        """Wait until the worker has restored its table.

        What arrives while it restores is another matter: Faust 0.15.3 may drop the first record
        after the committed offset then, and commit past it, whatever the broker.
        """
        log = self._directory / "worker.log"
        mine = f"[{worker.pid}] [INFO] [^Worker]: Ready"

        async def ready() -> bool:
            assert worker.running, worker.tail()
            return mine in log.read_text()

        await eventually(ready, worker.tail, WORKER_SECONDS)

    async def has_committed(self, offsets: int) -> None:
        """Wait until the worker has committed that many records of its topic."""

        async def committed() -> bool:
            async with administering(self._broker) as admin:
                found = await admin.list_consumer_group_offsets(self._name)
            done = [each.offset for at, each in found.items() if at.topic == self._topic]
            return bool(sum(done) == offsets)

        await eventually(committed, f"{offsets} records are not committed", WORKER_SECONDS)

    async def has_counted(self, words: list[str], worker: Leashed) -> None:
        wanted = dict(Counter(words))
        seen: dict[str, int] = {}

        async def counted() -> bool:
            assert worker.running, worker.tail()
            async with administering(self._broker) as admin:
                if self.changelog not in await admin.list_topics():
                    return False
            for record in await read_all(self._broker, self.changelog):
                seen[json.loads(record.key)] = json.loads(record.value)
            return seen == wanted

        await eventually(
            counted, lambda: f"wanted {wanted}, seen {seen}:\n{worker.tail()}", WORKER_SECONDS
        )


async def test_counts_survive_a_restart_of_the_worker(broker: RealKafka, tmp_path: Path) -> None:
    topic = await create_topic(broker, partitions=PARTITIONS)
    counting = Counting(broker, topic, tmp_path)
    with counting.worker() as worker:
        await counting.is_ready(worker)
        await say(broker, topic, FIRST)
        await counting.has_counted(FIRST, worker)
        await counting.has_committed(len(FIRST))
    with counting.worker() as worker:
        await counting.is_ready(worker)
        await say(broker, topic, SECOND)
        await counting.has_counted(FIRST + SECOND, worker)
