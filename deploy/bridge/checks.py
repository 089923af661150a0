"""What a topic's definition is held against beside its own shape."""

from schemas.errors import Malformed
from schemas.kafka_topics import CODE, KafkaTopic
from schemas.wire.imports.plan import CELLS, TARGETS


def check(topic: KafkaTopic, prefix: str) -> None:
    """Refuse headrace's own topics, which would go round in a circle, and words nobody knows.

    Raises:
        Malformed: ``kafka-invalid``.
    """
    if topic.topic.startswith(f"{prefix}."):
        raise _wrong(f"topics that begin with {prefix}. are headrace's own: no events come of them")
    for target in topic.columns:
        if target not in TARGETS:
            raise _wrong(f"columns: {target[:40]!r} is none of {', '.join(TARGETS)}")
    for column, kind in topic.types.items():
        if kind not in CELLS:
            raise _wrong(f"types: {column[:40]!r} is one of {', '.join(CELLS)}")


def _wrong(message: str) -> Malformed:
    return Malformed(CODE, message, where=("kafka",))
