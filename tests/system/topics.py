"""How far the topics reach, asked by a stock Kafka client."""

from confluent_kafka import Consumer, TopicPartition

from tests.system.pipeline import Pipeline

_SECONDS = 10.0


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
