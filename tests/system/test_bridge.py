"""A topic as an event source: each record a row, once, whatever is killed, and none is lost."""

import asyncio
import json
import secrets
from collections.abc import Iterable, Sequence

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row

pytestmark = pytest.mark.system

STORED_SECONDS = 60.0
TIME = 1_551_434_400_000

Headers = Sequence[tuple[str, bytes]]
Record = tuple[bytes | None, bytes | None, Headers]
"""Key, value, headers."""


async def _write(kafka: str, topic: str, records: Iterable[Record]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    await admin.start()
    await producer.start()
    try:
        if topic not in await admin.list_topics():
            await admin.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "-1"})])
        sent = [
            await producer.send(
                topic, value, key, timestamp_ms=TIME + number, headers=list(headers)
            )
            for number, (key, value, headers) in enumerate(records)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
        await admin.close()


def write(pipeline: Pipeline, topic: str, *records: Record) -> None:
    asyncio.run(_write(pipeline.kafka, topic, records))


def rows_of(pipeline: Pipeline, source: str, columns: str = "event_type") -> list[Row]:
    order = "ORDER BY event_time, message_id"
    where = f"FROM headrace.events FINAL WHERE source_id = {{s:String}} {order}"
    return pipeline.sql(f"SELECT {columns} {where}", s=source)


def name() -> str:
    return f"orders-{secrets.token_hex(4)}"


def test_records_become_rows_and_what_is_wrong_is_kept_and_read_again(pipeline: Pipeline) -> None:
    topic = name()
    write(
        pipeline,
        topic,
        (b"k1", b'{"customer": "u1", "price": 1.5}', [("trace", b"t1")]),
        (b"k2", b'[{"customer": "u2", "price": 2}, {"customer": "u3", "price": 3}]', []),
        (b"k3", b'{"customer": "u4"}\n{"customer": "u5"}', []),
        (b"k4", None, []),
        (b"k5", b"\xff no JSON", []),
        (b"k6", b'{"customer": "u6", "at": "some day"}', []),
    )
    options = ("--bridge", "kafka", "--kafka-topic", topic, "--kafka-map", "user=customer")
    pipeline.create_source(topic, *options, "--kafka-map", "session=_headers.trace,time=at")
    columns = (
        "event_type, user_id, session_id, protocol, toUnixTimestamp64Milli(event_time) AS at, "
        "properties, context.kafka._key::String AS key"
    )
    eventually(
        lambda: len(rows_of(pipeline, topic)),
        until=lambda count: count == 5,
        within=STORED_SECONDS,
        what="the records are rows",
    )
    rows = rows_of(pipeline, topic, columns)
    assert [row["user_id"] for row in rows] == ["u1", "u2", "u3", "u4", "u5"]
    assert {row["event_type"] for row in rows} == {topic}
    assert {row["protocol"] for row in rows} == {"kafka"}
    assert rows[0]["at"] == TIME
    assert rows[0]["session_id"] == "t1"
    letters = eventually(
        lambda: pipeline.sql(
            "SELECT code, original FROM headrace.dead_letters WHERE source_id = {s:String} "
            "ORDER BY code",
            s=topic,
        ),
        until=lambda found: len(found) == 2,
        within=STORED_SECONDS,
        what="what is wrong is in the dead letters",
    )
    assert [letter["code"] for letter in letters] == ["json-invalid", "time-invalid"]
    shown = pipeline.headrace("sources", "update", topic, "--kafka-map", "user=customer,session=")
    assert shown.returncode == 0, shown.stderr
    done = pipeline.headrace("dead", "replay", "--source", topic)
    assert "replayed 2" in done.stdout, done.stdout + done.stderr
    rows = eventually(
        lambda: rows_of(pipeline, topic, "user_id, properties.at::String AS at"),
        until=lambda found: len(found) == 6,
        within=STORED_SECONDS,
        what="what can be read by now is a row",
    )
    assert rows[-1] == {"user_id": "u6", "at": "some day"}


def test_a_killed_bridge_loses_and_doubles_nothing(pipeline: Pipeline) -> None:
    topic, records = name(), 4_000
    write(
        pipeline,
        topic,
        *((None, json.dumps({"number": number}).encode(), []) for number in range(records)),
    )
    pipeline.create_source(topic, "--bridge", "kafka", "--kafka-topic", topic)
    for part in (1, 2, 3):
        eventually(
            lambda: len(rows_of(pipeline, topic)),
            until=lambda count, part=part: count >= part * records // 5,  # type: ignore[misc]
            within=STORED_SECONDS,
            what="some are stored",
        )
        pipeline.restart("bridge")
    rows = eventually(
        lambda: rows_of(pipeline, topic, "properties.number::Int64 AS n"),
        until=lambda found: len(found) >= records,
        within=STORED_SECONDS,
        what="all are stored",
    )
    assert sorted(row["n"] for row in rows) == list(range(records))
    audit = eventually(
        lambda: pipeline.headrace("audit", "--since", "2018-01-01", "--source", topic),
        until=lambda done: done.returncode == 0,
        within=STORED_SECONDS,
        what="the ledger is settled",
    )
    assert topic in audit.stdout
