"""The publisher with a spool, on the broker stand-in that goes and comes."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from deploy.local.broker.errors import Code
from ingest.publish import KafkaPublisher
from ingest.spool.spool import Spool
from schemas.errors import Unavailable
from schemas.metrics import Metrics
from tests.ingest.kafka import Kafka, lines_of, records_of, until
from tests.ingest.plain import NOW

TOPIC = "t.raw.shop"
PRODUCE = 0
DRAINED = "headrace_ingest_spool_drained_total"
SPOOLED = "headrace_ingest_spooled_total"


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    async with Kafka(tmp_path / "kafka") as running:
        await running.declare(TOPIC, "t.raw.other")
        yield running


class Edge:
    """A publisher and its spool."""

    def __init__(self, address: str, root: Path, *, limit: int, ack_timeout_s: float) -> None:
        self.metrics = Metrics()
        self.now = NOW
        self.spool = Spool(root, limit=limit, metrics=self.metrics, clock=lambda: self.now)
        self.publisher = KafkaPublisher(
            address,
            metrics=self.metrics,
            clock=lambda: NOW,
            spool=self.spool,
            ack_timeout_s=ack_timeout_s,
        )

    async def put(self, *lines: bytes, partition: int = 0, topic: str = TOPIC) -> None:
        await self.publisher.publish(topic, {partition: list(lines)})

    async def refusal(self, *lines: bytes, partition: int = 0, topic: str = TOPIC) -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            await self.put(*lines, partition=partition, topic=topic)
        return caught.value

    async def away(self, kafka: Kafka) -> None:
        await kafka.stop()
        await until(lambda: "accepting into the spool" in self.publisher.detail)

    async def drained(self) -> None:
        await until(lambda: self.spool.empty and not self.publisher.detail)


@contextlib.asynccontextmanager
async def edge(
    address: str, root: Path, *, limit: int = 1 << 20, ack_timeout_s: float = 5.0
) -> AsyncIterator[Edge]:
    at = Edge(address, root, limit=limit, ack_timeout_s=ack_timeout_s)
    await at.spool.start()
    await at.publisher.start()
    try:
        yield at
    finally:
        await at.publisher.stop()
        await at.spool.stop()


def firsts(lines: Iterable[bytes]) -> list[bytes]:
    """Lines without those that came again."""
    return list(dict.fromkeys(lines))


def on_disk(root: Path) -> int:
    return sum(file.stat().st_size for file in root.glob("*/*"))


async def test_what_comes_while_the_broker_is_away_is_sent_in_order(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with edge(kafka.address, tmp_path / "spool") as at:
        await at.put(b"0")
        assert (at.publisher.trouble, at.publisher.detail) == ("", "")
        await at.away(kafka)
        for number in range(1, 50):
            await at.put(b"%d" % number, partition=number % 2)
        assert (at.publisher.trouble, at.spool.records) == ("", 49)
        at.now += 5000
        at.spool.report()
        assert at.metrics.get("headrace_ingest_spool_oldest_seconds") == 5
        assert at.metrics.get("headrace_ingest_spool_bytes") > 49
        await kafka.start()
        await at.drained()
        await at.put(b"50")
        assert at.metrics.get(SPOOLED) == at.metrics.get(DRAINED) == 49
        assert at.metrics.get("headrace_ingest_spool_records") == 0
        assert at.metrics.get("headrace_ingest_spool_oldest_seconds") == 0
        assert at.metrics.get("headrace_ingest_spool_bytes") == 0
    stored = await lines_of(kafka.address, TOPIC)
    assert stored[0] == [b"%d" % number for number in range(0, 51, 2)]
    assert stored[1] == [b"%d" % number for number in range(1, 50, 2)]
    assert len((await records_of(kafka.address, TOPIC))[1]) == 1
    assert list((tmp_path / "spool").iterdir()) == []


async def test_requests_at_once_share_a_sync(kafka: Kafka, tmp_path: Path) -> None:
    async with edge(kafka.address, tmp_path / "spool") as at:
        await at.away(kafka)
        await asyncio.gather(*(at.put(b"%d" % n, partition=n % 4) for n in range(1000)))
        assert at.metrics.get("headrace_ingest_spool_syncs_total") <= at.metrics.get(SPOOLED) <= 8
        await kafka.start()
        await at.drained()
    stored = await lines_of(kafka.address, TOPIC)
    assert stored[3] == [b"%d" % n for n in range(3, 1000, 4)]


async def test_a_record_that_is_not_acknowledged_goes_there_before_all_that_follow(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with edge(kafka.address, tmp_path / "spool", ack_timeout_s=0.3) as at:
        await at.put(b"0")
        kafka.broker.faults.delay_seconds[PRODUCE] = 1.0
        await asyncio.gather(*(at.put(b"%d" % number) for number in range(1, 20)))
        kafka.broker.faults.heal()
        await at.put(b"20")
        await at.drained()
    assert firsts((await lines_of(kafka.address, TOPIC))[0]) == [b"%d" % n for n in range(21)]


async def test_under_load_nothing_is_refused_lost_or_overtaken(
    kafka: Kafka, tmp_path: Path
) -> None:
    sent: dict[int, list[bytes]] = {name: [] for name in range(8)}
    done = False

    async def client(name: int) -> None:
        while not done:
            line = b"%d-%d" % (name, len(sent[name]))
            await at.put(line, partition=name % 4)
            sent[name].append(line)

    async with edge(kafka.address, tmp_path / "spool", ack_timeout_s=1, limit=64 << 20) as at:
        clients = [asyncio.create_task(client(name)) for name in range(8)]
        for _ in range(2):
            await at.away(kafka)
            seen = at.metrics.get(SPOOLED)
            await until(lambda seen=seen: at.metrics.get(SPOOLED) > seen + 50)  # type: ignore[misc]
            await kafka.start()
            await at.drained()
        done = True
        await asyncio.gather(*clients)
    stored = await lines_of(kafka.address, TOPIC)
    for name, lines in sent.items():
        mine = [line for line in stored[name % 4] if line.startswith(b"%d-" % name)]
        assert firsts(mine) == lines


async def test_another_start_finds_what_was_left_and_stopping_drains_it(
    kafka: Kafka, tmp_path: Path
) -> None:
    root = tmp_path / "spool"
    async with edge(kafka.address, root) as at:
        await at.away(kafka)
        await at.put(b"1", b"2")
    async with edge(kafka.address, root) as at:
        await until(lambda: at.spool.records == 1)
        await at.put(b"3")
        await kafka.start()
        await until(lambda: not at.publisher.detail.startswith("accepting"))
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"1", b"2", b"3"]


async def test_a_crash_between_acknowledgement_and_note_repeats_that_and_no_more(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "spool"
    crashed = asyncio.Event()

    async def crash(*_: object) -> None:
        crashed.set()
        await asyncio.Event().wait()

    async with edge(kafka.address, root) as at:
        await at.away(kafka)
        await at.put(b"1", b"2")
        with monkeypatch.context() as crashing:
            crashing.setattr(at.spool, "forget", crash)
            await kafka.start()
            await crashed.wait()
            assert at.publisher._drain is not None
            await at.publisher._drain.stop(0)
            at.publisher._drain = None
    async with edge(kafka.address, root) as at:
        await at.drained()
        await at.put(b"3")
    stored = await lines_of(kafka.address, TOPIC)
    assert stored[0] == [b"1", b"2", b"1", b"2", b"3"]


async def test_a_full_spool_refuses_until_it_has_room(kafka: Kafka, tmp_path: Path) -> None:
    async with edge(kafka.address, tmp_path / "spool", limit=4096) as at:
        await at.away(kafka)
        for _ in range(3):
            await at.put(b"x" * 1024)
        refused = await at.refusal(b"y" * 1024)
        assert (refused.code, refused.status) == ("spool-full", 503)
        assert "4096 bytes" in at.publisher.trouble
        assert on_disk(tmp_path / "spool") <= 4096
        await kafka.start()
        await at.drained()
        assert at.publisher.trouble == ""
        await at.put(b"z")
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"x" * 1024] * 3 + [b"z"]


async def test_a_full_disk_refuses_and_stores_nothing_of_it(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with edge(kafka.address, tmp_path / "spool") as at:
        await at.away(kafka)
        with monkeypatch.context() as full:
            full.setattr("ingest.spool.segment.write_all", no_space)
            full.setattr("ingest.spool.files.write_all", no_space)
            refused = await at.refusal(b"lost")
            assert (refused.code, refused.status) == ("disk-full", 507)
            assert "disk is full" in at.publisher.trouble
        await until(lambda: not at.publisher.trouble)
        await at.put(b"kept")
        await kafka.start()
        await at.drained()
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"kept"]


async def test_what_the_broker_will_not_have_is_refused_and_not_spooled(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with edge(kafka.address, tmp_path / "spool") as at:
        kafka.broker.faults.refuse_produce = Code.POLICY_VIOLATION
        assert "PolicyViolation" in (await at.refusal(b"1")).message
        kafka.broker.faults.heal()
        assert at.spool.empty
        assert "headrace init" in (await at.refusal(b"1", partition=4)).message
        assert at.spool.empty


async def test_a_missing_topic_holds_up_nobody_else(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.spool.drain._STUCK_SECONDS", 0.2)
    async with edge(kafka.address, tmp_path / "spool", ack_timeout_s=0.5) as at:
        await at.away(kafka)
        await at.put(b"early", topic="t.raw.later")
        await at.put(b"1")
        await kafka.start()
        await until(lambda: at.spool.records == 1 and "headrace init" in at.publisher.detail)
        assert "headrace init" in (await at.refusal(b"more", topic="t.raw.later")).message
        await at.put(b"2")
        await kafka.declare("t.raw.later")
        await at.drained()
        await at.put(b"late", topic="t.raw.later")
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"1", b"2"]
    assert (await lines_of(kafka.address, "t.raw.later"))[0] == [b"early", b"late"]


async def test_what_a_dead_neighbour_left_is_sent(kafka: Kafka, tmp_path: Path) -> None:
    root = tmp_path / "spool"
    async with edge(kafka.address, root) as at:
        async with edge(kafka.address, root) as neighbour:
            await neighbour.away(kafka)
            await neighbour.put(b"1")
        assert await at.spool.adopt() == 1
        await at.put(b"2")
        await kafka.start()
        await at.drained()
    assert (await lines_of(kafka.address, TOPIC))[0] == [b"1", b"2"]
