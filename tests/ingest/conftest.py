"""A real Kafka for this folder, wherever one can be had."""

from tests.contracts.real_kafka import real_kafka

__all__ = ["real_kafka"]
