"""What becomes of a line that cannot be processed: a dead letter with its bytes and the reason."""

from dataclasses import dataclass
from typing import Final

from schemas import codec, dead
from schemas.answers import Told
from schemas.errors import Malformed
from schemas.topics import MAX_RECORD_BYTES

LONGEST_LINE: Final = MAX_RECORD_BYTES - (64 << 10)
"""What a record can hold of one line: the broker's limit counts the batch around it, too."""
BUG: Final = "process-bug"


@dataclass(frozen=True, slots=True)
class Record:
    """A raw record as Kafka had it.

    Attributes:
        source_id: from the topic's name; used where a line does not tell its own.
        value: JSON lines.
    """

    source_id: str
    topic: str
    partition: int
    offset: int
    value: bytes


def bury(record: Record, line: bytes, code: str, reason: str, failed_at: int) -> tuple[bytes, Told]:
    """Write the letter of a line, and what to tell whoever asked about it, if anybody did."""
    source_id, event_id, ask = _names(line, record.source_id)
    letter = dead.DeadLetter(
        "process",
        code,
        reason,
        source_id,
        event_id,
        record.topic,
        record.partition,
        record.offset,
        failed_at,
        line,
    )
    text = dead.write(letter)
    if len(text) > LONGEST_LINE:
        text = dead.write(dead.pointer(letter))
    # what a bug says of this program is not for clients
    told = f"{code}: kept as a dead letter" if code == BUG else reason
    return text, Told(ask, event_id, saved=False, errors=(told,), code=code)


def _names(line: bytes, source_id: str) -> tuple[str, str, str]:
    """Read source id, event id and ask out of whatever it is, for finding the letter again."""
    try:
        value = codec.loads(line)
    except Malformed:
        return source_id, "", ""
    if not isinstance(value, dict):
        return source_id, "", ""
    source, event, ask = map(value.get, ("source_id", "event_id", "ask"))
    return (
        source if isinstance(source, str) and source else source_id,
        event if isinstance(event, str) else "",
        ask if isinstance(ask, str) else "",
    )
