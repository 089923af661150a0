"""Frames as no client would send them, and the order and pace of answers."""

import asyncio
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.broker.dispatch import OFFERED
from deploy.local.broker.errors import Code
from deploy.local.broker.server import Broker
from tests.deploy.broker.building import (
    RawClient,
    batch,
    fetch_body,
    fetch_result,
    produce_body,
    produce_result,
)

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18
ALL_TOPICS = struct.pack(">i", -1)


@pytest.fixture
async def client(broker: Broker) -> RawClient:
    await broker.state.topics.create("t", 1, {})
    return await RawClient.connect(broker.port)


async def _alive(broker: Broker) -> bool:
    client = await RawClient.connect(broker.port)
    client.send(API_VERSIONS, 0, b"")
    code = struct.unpack(">h", (await client.answer())[1][:2])[0]
    await client.close()
    return bool(code == 0)


async def test_versions_are_answered_in_any_version(broker: Broker, client: RawClient) -> None:
    for version, error in ((0, 0), (2, 0), (3, 0), (4, 35), (99, 35)):
        client.send(API_VERSIONS, version, b"", correlation=version)
        correlation, body = await client.answer()
        assert (correlation, struct.unpack(">h", body[:2])[0]) == (version, error)
    await client.close()


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">i", -1),
        struct.pack(">i", 2**31 - 1),
        struct.pack(">i", (1 << 20) + 1),
        struct.pack(">i", 0),
        struct.pack(">ihh", 4, 3, 0),
        struct.pack(">ihhih", 10, 999, 0, 1, -1),
        struct.pack(">ihhih", 10, PRODUCE, 99, 1, -1),
        struct.pack(">ihhih", 10, METADATA, 5, 1, 500),
        struct.pack(">ihhihi", 14, METADATA, 5, 1, -1, 2**31 - 1),
        struct.pack(">ihhihih", 16, 20, 1, 1, -1, 1, -1),  # DeleteTopics: a null name
        struct.pack(">ihhihih2s", 18, METADATA, 1, 1, -1, 1, 9, b"ab"),  # a name cut short
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_what_is_no_request_closes_its_connection(broker: Broker, frame: bytes) -> None:
    client = await RawClient.connect(broker.port)
    client.writer.write(frame)
    assert await client.is_closed()
    await client.close()
    assert await _alive(broker)
    assert broker.metrics()["bad_frames"] == 1
    assert broker.metrics()["crashes"] == 0


@given(
    key=st.sampled_from(sorted(OFFERED)),
    body=st.binary(max_size=200),
    spread=st.integers(0, 100),
)
@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_body_crashes_the_broker(
    broker: Broker, key: int, body: bytes, spread: int
) -> None:
    low, high = OFFERED[key]
    client = await RawClient.connect(broker.port)
    client.send(key, low + spread % (high - low + 1), body)
    client.writer.write_eof()
    assert await client.is_closed()
    await client.close()
    assert broker.metrics()["crashes"] == 0


@given(junk=st.binary(max_size=300))
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_bytes_crash_the_broker(broker: Broker, junk: bytes) -> None:
    client = await RawClient.connect(broker.port)
    client.writer.write(junk)
    client.writer.write_eof()
    assert await client.is_closed()
    await client.close()
    assert await _alive(broker)
    assert broker.metrics()["crashes"] == 0


@given(data=st.binary(max_size=200))
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_records_get_in_that_are_no_batch(broker: Broker, data: bytes) -> None:
    if broker.state.topics.find("fuzz") is None:
        await broker.state.topics.create("fuzz", 1, {})
    client = await RawClient.connect(broker.port)
    client.send(PRODUCE, 7, produce_body("fuzz", data))
    code, base_offset = produce_result((await client.answer())[1], "fuzz")
    assert code != Code.NONE
    assert base_offset == -1
    assert broker.state.topics.log("fuzz", 0).end_offset == 0
    await client.close()


async def test_a_request_in_single_bytes(client: RawClient) -> None:
    frame = struct.pack(">ihhih", 14, METADATA, 5, 7, -1) + ALL_TOPICS
    frame = struct.pack(">i", len(frame) - 4 + 1) + frame[4:] + b"\x00"
    for at in range(len(frame)):
        client.writer.write(frame[at : at + 1])
        await client.writer.drain()
    assert (await client.answer())[0] == 7
    await client.close()


async def test_answers_come_in_the_order_of_the_requests(client: RawClient) -> None:
    for number in range(30):
        if number % 3:
            client.send(PRODUCE, 7, produce_body("t", batch()), correlation=number)
        else:
            client.send(METADATA, 5, ALL_TOPICS + b"\x00", correlation=number)
    assert [(await client.answer())[0] for _ in range(30)] == list(range(30))
    await client.close()


async def test_many_unanswered_requests_are_all_answered(client: RawClient) -> None:
    for number in range(500):
        client.send(PRODUCE, 7, produce_body("t", batch()), correlation=number)
    answers = [await client.answer() for _ in range(500)]
    assert [correlation for correlation, _ in answers] == list(range(500))
    assert [produce_result(body, "t") for _, body in answers] == [(0, n) for n in range(500)]
    await client.close()


async def test_acks_0_gets_no_answer_and_a_failure_closes(
    broker: Broker, client: RawClient
) -> None:
    client.send(PRODUCE, 7, produce_body("t", batch(), acks=0), correlation=1)
    client.send(PRODUCE, 7, produce_body("t", batch()), correlation=2)
    correlation, body = await client.answer()
    assert (correlation, produce_result(body, "t")) == (2, (0, 1))
    client.send(PRODUCE, 7, produce_body("nowhere", batch(), acks=0), correlation=3)
    assert await client.is_closed()
    await client.close()
    assert broker.metrics()["errors"] == {"UNKNOWN_TOPIC_OR_PARTITION": 1}


async def test_a_long_poll_ends_when_records_come(broker: Broker, client: RawClient) -> None:
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000))
    other = await RawClient.connect(broker.port)
    data = batch((b"k", b"v"))
    other.send(PRODUCE, 7, produce_body("t", data))
    await other.answer()
    code, records = fetch_result((await client.answer())[1], "t")
    assert (code, len(records)) == (0, len(data))
    await client.close()
    await other.close()


async def test_a_long_poll_waits_for_the_bytes_it_asked_for(
    broker: Broker, client: RawClient
) -> None:
    data = batch()
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000, min_bytes=2 * len(data)))
    other = await RawClient.connect(broker.port)
    for _ in range(2):
        other.send(PRODUCE, 7, produce_body("t", data))
        await other.answer()
    assert len(fetch_result((await client.answer())[1], "t")[1]) == 2 * len(data)
    await client.close()
    await other.close()


async def test_a_long_poll_makes_room_for_the_next_request(client: RawClient) -> None:
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000), correlation=1)
    client.send(METADATA, 5, ALL_TOPICS + b"\x00", correlation=2)
    correlation, body = await client.answer()
    assert (correlation, fetch_result(body, "t")) == (1, (0, b""))
    assert (await client.answer())[0] == 2
    await client.close()


async def test_a_long_poll_ends_when_its_topic_is_deleted(
    broker: Broker, client: RawClient
) -> None:
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000))
    other = await RawClient.connect(broker.port)
    while not broker.state.topics.log("t", 0).readers:
        assert await _alive(broker)
    await broker.state.topics.delete("t")
    assert fetch_result((await client.answer())[1], "t")[0] == Code.UNKNOWN_TOPIC_OR_PARTITION
    await client.close()
    await other.close()


async def test_a_lost_client_leaves_no_long_poll_behind(broker: Broker, client: RawClient) -> None:
    log = broker.state.topics.log("t", 0)
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000))
    while not log.readers:
        assert await _alive(broker)
    await client.close()
    while log.readers:
        assert await _alive(broker)


async def test_a_client_that_does_not_read_is_not_served_for_ever(
    broker: Broker, client: RawClient
) -> None:
    client.send(PRODUCE, 7, produce_body("t", batch((None, b"x" * 500_000))))
    await client.answer()
    for number in range(200):
        client.send(FETCH, 4, fetch_body("t", 0), correlation=number)
    while broker.metrics()["requests"].get("Fetch", 0) == 0:  # type: ignore[attr-defined]
        assert await _alive(broker)
    for _ in range(20):
        assert await _alive(broker)
    served = broker.metrics()["requests"]["Fetch"]  # type: ignore[index]
    assert served < 100, "answers of 100 MB must not pile up in memory"
    for number in range(200):
        assert (await client.answer())[0] == number
    await client.close()


async def test_connections_are_bounded(broker: Broker) -> None:
    object.__setattr__(broker.config, "max_connections", 3)
    clients = [await RawClient.connect(broker.port) for _ in range(3)]
    for each in clients:
        each.send(API_VERSIONS, 0, b"")
        await each.answer()
    refused = await RawClient.connect(broker.port)
    assert await refused.is_closed()
    for each in [*clients, refused]:
        await each.close()
    assert broker.metrics()["connections_refused"] == 1


async def test_fault_switches(broker: Broker, client: RawClient) -> None:
    broker.faults.refuse_produce = Code.KAFKA_STORAGE_ERROR
    client.send(PRODUCE, 7, produce_body("t", batch()))
    assert produce_result((await client.answer())[1], "t")[0] == Code.KAFKA_STORAGE_ERROR
    broker.faults.refuse_fetch = Code.KAFKA_STORAGE_ERROR
    client.send(FETCH, 4, fetch_body("t", 0, wait_ms=60_000))
    assert fetch_result((await client.answer())[1], "t")[0] == Code.KAFKA_STORAGE_ERROR
    broker.faults.delay_seconds[METADATA] = 0.05
    before = asyncio.get_running_loop().time()
    client.send(METADATA, 5, ALL_TOPICS + b"\x00")
    await client.answer()
    assert asyncio.get_running_loop().time() - before >= 0.05
    broker.faults.hang_up.add(METADATA)
    client.send(METADATA, 5, ALL_TOPICS + b"\x00")
    assert await client.is_closed()
    await client.close()
    broker.faults.heal()
    again = await RawClient.connect(broker.port)
    again.send(PRODUCE, 7, produce_body("t", batch()))
    assert produce_result((await again.answer())[1], "t") == (0, 0)
    await again.close()
