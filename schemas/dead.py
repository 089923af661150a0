"""Dead letters: what could not be processed, with its reason and its original bytes."""

import base64
from dataclasses import dataclass
from typing import Literal

from schemas import codec
from schemas.events import iso

Stage = Literal["ingest", "process", "sink"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One failure.

    Attributes:
        stage: the tier that gave up.
        code: short reason code; the same text is the metric's label.
        reason: a sentence for people.
        topic, partition, offset: where the original came from.
        failed_at: Unix ms.
        original: the bytes as they were, whatever they are.
    """

    stage: Stage
    code: str
    reason: str
    source_id: str
    event_id: str
    topic: str
    partition: int
    offset: int
    failed_at: int
    original: bytes


def write(letter: DeadLetter) -> bytes:
    """One JSON line named like the columns of ``dead_letters``.

    The original is text where it is UTF-8, else Base64; ``original_encoding`` says which.
    """
    try:
        original, encoding = letter.original.decode(), "utf8"
    except UnicodeDecodeError:
        original, encoding = base64.b64encode(letter.original).decode(), "base64"
    return codec.dumps(
        {
            "stage": letter.stage,
            "code": letter.code,
            "reason": letter.reason,
            "source_id": letter.source_id,
            "event_id": letter.event_id,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "failed_at": iso(letter.failed_at),
            "original": original,
            "original_encoding": encoding,
        }
    )
