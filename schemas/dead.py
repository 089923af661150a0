"""Dead letters: what could not be processed, with its reason and its original bytes."""

import base64
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from schemas import codec
from schemas.events import iso

Stage = Literal["ingest", "process", "sink"]

_LONGEST_REASON: Final = 1000
_LONGEST_ID: Final = 64
_POINTS: Final = re.compile(
    r" \(too long to copy: (\d+) bytes, read them from .* at offset \d+\)\Z"
)


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


def pointer(letter: DeadLetter) -> DeadLetter:
    """Shorten a letter that no record can hold; its bytes stay where they came from."""
    size = len(letter.original)
    return replace(
        letter,
        reason=f"{letter.reason[:_LONGEST_REASON]} (too long to copy: {size} bytes, "
        f"read them from {letter.topic} [{letter.partition}] at offset {letter.offset})",
        source_id=letter.source_id[:_LONGEST_ID],
        event_id=letter.event_id[:_LONGEST_ID],
        original=b"",
    )


def pointed_bytes(reason: str) -> int:
    """Length of the line that a letter of :func:`pointer` points at, 0 for any other reason."""
    found = _POINTS.search(reason)
    return int(found[1]) if found else 0
