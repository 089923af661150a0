"""Heartbeats: round the partitions, as raw events, and none while nothing can be published."""

import asyncio
from collections.abc import Mapping

from ingest.heart import Heart
from processors.steps.decode import decode
from schemas import heartbeat
from schemas.errors import Unavailable
from schemas.ids import uuid7
from schemas.metrics import Metrics
from schemas.topics import HEARTBEAT, Topics
from schemas.wire import vendor

AT = 1_795_000_000_000
TOPICS = Topics("headrace", 3)
COUNTED = "headrace_ingest_heartbeats_total"


class Published:
    """A publisher that keeps what it gets, and says when that is enough."""

    def __init__(self, enough: int, *, refuses: bool = False) -> None:
        self.trouble = ""
        self.detail = ""
        self.got: list[tuple[str, int, bytes]] = []
        self.done = asyncio.Event()
        self._enough = enough
        self._refuses = refuses

    async def publish(
        self,
        topic: str,
        lines: Mapping[int, list[bytes]],
        received_at: int = 0,  # noqa: ARG002 - the protocol's
    ) -> None:
        self.got += [(topic, partition, line) for partition, (line,) in lines.items()]
        if len(self.got) >= self._enough:
            self.done.set()
        if self._refuses:
            raise Unavailable("broker-unavailable", "away")


async def beat(published: Published, metrics: Metrics) -> None:
    heart = Heart(
        published,
        TOPICS,
        metrics,
        edge="e-1",
        seconds=0.001,
        clock=lambda: AT,
        new_id=lambda: uuid7(AT, 7),
    )
    await heart.start()
    async with asyncio.timeout(10):
        await published.done.wait()
    await heart.stop()


async def test_it_goes_round_the_partitions_as_an_event_that_is_nobody_s() -> None:
    published, metrics = Published(4), Metrics()
    await beat(published, metrics)
    first, *_ = published.got
    assert [partition for _, partition, _ in published.got[:4]] == [
        (first[1] + number) % 3 for number in range(4)
    ]
    assert {topic for topic, _, _ in published.got} == {"headrace.raw._heartbeat"}
    raw, event = decode(first[2], vendor)
    assert (raw.source_id, raw.received_at, raw.message_id) == (HEARTBEAT, AT, "e-1")
    assert event is heartbeat.EVENT
    assert heartbeat.MARK in first[2]
    assert metrics.get(COUNTED, outcome="sent") >= 3


async def test_one_that_is_refused_is_counted_and_the_next_is_tried() -> None:
    published, metrics = Published(3, refuses=True), Metrics()
    await beat(published, metrics)
    assert metrics.get(COUNTED, outcome="broker-unavailable") >= 2
