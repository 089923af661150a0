"""Baselines of the processors and the sink, over the very records that those work on."""

import subprocess
import sys
import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from deploy.declare import end_offsets
from deploy.settings import Settings
from schemas.codec import split_lines
from sinks.clickhouse import ClickHouse

_ROWS: Final = 20_000
_READ_SECONDS: Final = 120


def consume_everything(kafka: str, topic: str, records: int) -> float:
    """Seconds that a Faust agent takes to read a topic and do nothing."""
    command = [sys.executable, "-m", "deploy.bench.bare_faust", kafka, topic, str(records)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_READ_SECONDS
    )
    return float(done.stdout.strip().splitlines()[-1])


async def insert_everything(settings: Settings, topic: str) -> float:
    """Rows per second of inserting a topic's lines, read before, into a table of the same shape."""
    lines = await _read(settings.kafka, topic)
    client = ClickHouse(settings.clickhouse_writer)
    database = settings.database
    try:
        await client.command(f"CREATE TABLE {database}.bare AS {database}.events")
        began = time.monotonic()
        for start in range(0, len(lines), _ROWS):
            await client.insert("bare", _separated(lines[start : start + _ROWS]))
        return len(lines) / (time.monotonic() - began)
    finally:
        await client.command(f"DROP TABLE {database}.bare")
        await client.close()


def _separated(lines: list[bytes]) -> list[bytes]:
    return [b"\n".join(lines)]


async def _read(kafka: str, topic: str) -> list[bytes]:
    ends = await end_offsets(kafka, [topic])
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(ends))
        await consumer.seek_to_beginning(*ends)
        lines: list[bytes] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                lines.extend(line for record in records for line in split_lines(record.value))
        return lines
    finally:
        await consumer.stop()
