import asyncio
from collections.abc import Mapping

import pytest

from ingest.gather import Gatherer, unavailable
from schemas.errors import Unavailable
from schemas.metrics import Metrics
from schemas.topics import PACK_BYTES

INFLIGHT = "headrace_ingest_inflight_bytes"


class Broker:
    """Takes records; answers when told to, or at once."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.minutes: list[dict[int, int]] = []
        self.why_not: Mapping[int, Unavailable] = {}
        self.error: Exception | None = None

    async def __call__(
        self, topic: str, partition: int, value: bytes, minutes: Mapping[int, int]
    ) -> Unavailable | None:
        self.minutes.append(dict(minutes))
        self.records.append((topic, partition, value))
        self.arrived.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.why_not.get(partition)


def gatherer(broker: Broker, metrics: Metrics | None = None, **how: float) -> Gatherer:
    return Gatherer(
        broker,
        linger=how.get("linger", 0.005),
        max_inflight=int(how.get("max_inflight", 1 << 20)),
        metrics=metrics or Metrics(),
    )


async def test_concurrent_requests_share_one_record_per_partition() -> None:
    broker, metrics = Broker(), Metrics()
    gather = gatherer(broker, metrics)
    await asyncio.gather(*(gather.put("t", {n % 2: [b"%d" % n]}) for n in range(10)))
    assert sorted(broker.records) == [("t", 0, b"0\n2\n4\n6\n8"), ("t", 1, b"1\n3\n5\n7\n9")]
    assert metrics.get("headrace_ingest_records_total") == 2
    assert metrics.get(INFLIGHT) == 0


async def test_topics_never_share_a_record() -> None:
    broker = Broker()
    gather = gatherer(broker)
    await asyncio.gather(gather.put("a", {0: [b"1"]}), gather.put("b", {0: [b"2"]}))
    assert sorted(broker.records) == [("a", 0, b"1"), ("b", 0, b"2")]


async def test_while_a_record_is_under_way_the_next_one_gathers() -> None:
    broker = Broker()
    broker.open.clear()
    gather = gatherer(broker)
    first = asyncio.create_task(gather.put("t", {0: [b"1"]}))
    await broker.arrived.wait()
    rest = [asyncio.create_task(gather.put("t", {0: [b"%d" % n]})) for n in (2, 3)]
    await asyncio.sleep(0)
    gather.flush()
    await asyncio.sleep(0)
    assert broker.records == [("t", 0, b"1")]
    assert not first.done()
    broker.open.set()
    await asyncio.gather(first, *rest)
    assert broker.records == [("t", 0, b"1"), ("t", 0, b"2\n3")]


async def test_a_steady_stream_waits_no_longer_than_the_linger() -> None:
    broker = Broker()
    gather = gatherer(broker, linger=0.01)
    started = asyncio.get_running_loop().time()
    waiting = []
    while not broker.records:
        waiting.append(asyncio.create_task(gather.put("t", {0: [b"x"]})))
        await asyncio.sleep(0.0005)
        assert asyncio.get_running_loop().time() - started < 1
    await asyncio.gather(*waiting)
    assert broker.records[0][2].count(b"x") > 1


async def test_large_requests_are_cut_into_records_and_answered_once_all_are_there() -> None:
    broker = Broker()
    line = b"x" * (PACK_BYTES // 2 - 1)
    await gatherer(broker, max_inflight=1).put("t", {0: [line] * 5, 1: [line]})
    assert [value.count(b"\n") + 1 for _, p, value in broker.records if p == 0] == [2, 2, 1]
    assert len(broker.records) == 4


async def test_one_record_that_failed_fails_the_request() -> None:
    broker = Broker()
    broker.why_not = {1: unavailable("partition 1 is broken")}
    gather = gatherer(broker)
    outcomes = await asyncio.gather(
        gather.put("t", {0: [b"a"], 1: [b"b"]}),
        gather.put("t", {0: [b"c"]}),
        gather.put("t", {1: [b"d"]}),
        return_exceptions=True,
    )
    assert [str(outcome) for outcome in outcomes] == [
        "partition 1 is broken",
        "None",
        "partition 1 is broken",
    ]
    assert outcomes[0] is not outcomes[2]  # a traceback each


async def test_a_request_that_went_away_takes_nothing_with_it() -> None:
    broker = Broker()
    broker.open.clear()
    metrics = Metrics()
    gather = gatherer(broker, metrics)
    leaving = asyncio.create_task(gather.put("t", {0: [b"left"]}))
    staying = asyncio.create_task(gather.put("t", {0: [b"stayed"]}))
    await broker.arrived.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    broker.open.set()
    await staying
    assert broker.records == [("t", 0, b"left\nstayed")]
    assert metrics.get(INFLIGHT) == 0


async def test_too_many_bytes_under_way_are_refused_and_a_lone_giant_is_not() -> None:
    broker = Broker()
    broker.open.clear()
    gather = gatherer(broker, max_inflight=10)
    giant = asyncio.create_task(gather.put("t", {0: [b"x" * 100]}))
    await broker.arrived.wait()
    with pytest.raises(Unavailable) as caught:
        await gather.put("t", {1: [b"y"]})
    assert caught.value.code == "overloaded"
    broker.open.set()
    await giant
    await gather.put("t", {1: [b"y"]})
    assert [value for _, _, value in broker.records] == [b"x" * 100, b"y"]


async def test_what_was_not_sent_fails_cleanly_and_what_was_stays_open() -> None:
    broker, metrics = Broker(), Metrics()
    broker.open.clear()
    gather = gatherer(broker, metrics)
    sent = asyncio.create_task(gather.put("t", {0: [b"sent"]}))
    await broker.arrived.wait()
    waiting = asyncio.create_task(gather.put("t", {0: [b"waiting"]}))
    await asyncio.sleep(0)
    gather.fail("Kafka is away")
    with pytest.raises(Unavailable, match="Kafka is away"):
        await waiting
    assert not sent.done()
    broker.open.set()
    await sent
    await gather.drained()
    assert [value for _, _, value in broker.records] == [b"sent"]
    assert metrics.get(INFLIGHT) == 0


async def test_a_fault_in_delivery_is_told_and_the_partition_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker()
    broker.error = ZeroDivisionError("oops")
    gather = gatherer(broker)
    with pytest.raises(Unavailable, match="ZeroDivisionError"):
        await gather.put("t", {0: [b"a"]})
    assert "delivering to t[0] failed" in caplog.text
    broker.error = None
    await gather.put("t", {0: [b"b"]})


async def test_draining_sends_what_has_gathered() -> None:
    broker = Broker()
    gather = gatherer(broker, linger=60)
    waiting = asyncio.create_task(gather.put("t", {0: [b"a"]}))
    await asyncio.sleep(0)
    await gather.drained()
    assert waiting.done()
    assert broker.records == [("t", 0, b"a")]


async def test_no_lines_need_no_record() -> None:
    broker = Broker()
    await gatherer(broker).put("t", {})
    await gatherer(broker).put("t", {0: []})
    assert broker.records == []
