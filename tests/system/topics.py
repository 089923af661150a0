"""How far the topics reach, asked by a stock Kafka client."""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from tests.system.pipeline import Pipeline

_SECONDS = 30.0


def end_offsets(pipeline: Pipeline, source_id: str) -> dict[int, int]:
    """End of every partition of a source's raw topic: nothing was stored while it stands still."""
    topic = f"{pipeline.settings.get('HEADRACE_PREFIX', 'headrace')}.raw.{source_id}"
    consumer = Consumer({"bootstrap.servers": pipeline.kafka, "group.id": "tests-that-only-look"})
    try:
        metadata = consumer.list_topics(topic, timeout=_SECONDS).topics[topic]
        assert metadata.partitions, f"no topic {topic}"
        return {
            partition: consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=_SECONDS
            )[1]
            for partition in metadata.partitions
        }
    finally:
        consumer.close()


def undelivered(pipeline: Pipeline) -> dict[str, int]:
    """Records that are not through yet, per topic: accepted and not processed, or not stored.

    Empty means that whatever was accepted before is where it ends up, and nothing more of it
    can appear.
    """
    prefix = pipeline.settings.get("HEADRACE_PREFIX", "headrace")
    raw = f"{prefix}.raw."
    # There is always a heartbeat on its way.
    left = _behind(
        pipeline,
        f"{prefix}-processors",
        lambda name: name.startswith(raw) and name != f"{raw}_heartbeat",
    )
    if left:
        return left
    results = {f"{prefix}.events", f"{prefix}.dead"}
    return _behind(pipeline, f"{prefix}-sink", lambda name: name in results)


def lines(pipeline: Pipeline, source_id: str) -> list[bytes]:
    """Everything that was accepted for a source, one raw event each."""
    ends = end_offsets(pipeline, source_id)
    topic = f"{pipeline.settings.get('HEADRACE_PREFIX', 'headrace')}.raw.{source_id}"
    consumer = Consumer({"bootstrap.servers": pipeline.kafka, "group.id": "tests-that-only-look"})
    left = {partition for partition, end in ends.items() if end}
    found: list[bytes] = []
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        deadline = time.monotonic() + _SECONDS
        while left:
            assert time.monotonic() < deadline, f"{topic}: {left} not read to the end"
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found += (message.value() or b"").splitlines()
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                if offset + 1 >= ends[partition]:
                    left.discard(partition)
        return found
    finally:
        consumer.close()


def _behind(pipeline: Pipeline, group: str, wanted: Callable[[str], bool]) -> dict[str, int]:
    consumer = Consumer({"bootstrap.servers": pipeline.kafka, "group.id": group})
    try:
        topics = consumer.list_topics(timeout=_SECONDS).topics
        partitions = [
            TopicPartition(name, number)
            for name, topic in topics.items()
            if wanted(name)
            for number in topic.partitions
        ]
        left: dict[str, int] = {}
        for committed in consumer.committed(partitions, timeout=_SECONDS):
            _, end = consumer.get_watermark_offsets(committed, timeout=_SECONDS)
            behind = end - max(committed.offset, 0)
            if behind > 0:
                left[committed.topic] = left.get(committed.topic, 0) + behind
        return left
    finally:
        consumer.close()
