"""Rows of a packed record, cut out without parsing them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from schemas import codec, ids
from schemas.errors import Malformed
from schemas.events import iso
from schemas.profiles import read as read_change

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = rb"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"
_HEAD: Final = re.compile(
    rb'\{"event_id":"(' + _UUID + rb')","event_time":"(?=' + _TIME + rb")(\d{4}-\d{2})"
    rb'[^"]+"(?:,"received_at":"([^"\\]*)")?,"source_id":"([a-z0-9_-]+)"'
)
_LETTERS: Final = UUID("0b7d9c52-6d0e-5a43-9a3c-6c6574746572")
_CHANGES: Final = UUID("5c1f5a0e-7a43-5d27-8b51-6368616e6765")
_ISO: Final = re.compile(_TIME)
_TIMES: Final = range(10**13)
"""Unix ms that a column of times holds, up to the year 2286."""


class Row(NamedTuple):
    """One line on its way into a table.

    Attributes:
        key: what makes the row the row it is: the table's id column, then the source's id.
        month: ``b"2026-11"``, the partition it goes to.
        partition, offset: of the packed record, as Kafka counts.
        line: the JSON object, beginning with its brace.
        original: the line as it was read, where that is another one.
        received: when the edge received the event, or the letter's event failed; as written.
    """

    key: bytes
    month: bytes
    partition: int
    offset: int
    line: bytes
    original: bytes = b""
    received: bytes = b""


@dataclass(frozen=True, slots=True)
class Poison:
    """A line that will never be a row.

    Attributes:
        code, reason: why.
        partition, offset: of the packed record.
        line: as it was read.
        event_id, source_id: as far as the line could be understood.
    """

    code: str
    reason: str
    partition: int
    offset: int
    line: bytes
    event_id: str = ""
    source_id: str = ""


Reader = Callable[[bytes, int, int], Row]


def events(line: bytes, partition: int, offset: int) -> Row:
    """Cut id, month and source out of the head that the processors write.

    A line with another head is parsed instead, so the order of its keys costs time, not rows.

    Raises:
        Malformed: no JSON object, or without a UUID, a time of the agreed width or a source.
    """
    head = _HEAD.match(line)
    if head is not None:
        received = head[3] or b""
        return Row(head[1] + head[4], head[2], partition, offset, line, received=received)
    value = _object(line)
    event_id, source = _text(value, "event_id").lower(), _text(value, "source_id")
    if not ids.is_uuid(event_id):
        raise Malformed("event-id-invalid", "event_id must be a UUID", where=("event_id",))
    key = f"{event_id}{source}".encode("utf-8", "surrogatepass")
    month, received = _month(value, "event_time"), _received(value, "received_at")
    return Row(key, month, partition, offset, line.lstrip(), line, received)


def letters(line: bytes, partition: int, offset: int) -> Row:
    """Read a dead letter and give it the id of what failed.

    The id leaves out when it failed and why, so a failure found again is the same letter.

    Raises:
        Malformed: not a line of :func:`schemas.dead.write`.
    """
    value = _object(line)
    names = ("stage", "source_id", "event_id", "topic", "original", "original_encoding")
    parts = [_text(value, name) for name in names]
    parts += [str(value.get("partition")), str(value.get("offset"))]
    letter_id = str(uuid5(_LETTERS, codec.dumps(parts).decode())).encode()
    head = b'{"letter_id":"%b",' % letter_id
    key = letter_id + _text(value, "source_id").encode("utf-8", "surrogatepass")
    text = head + line.lstrip()[1:]
    month, received = _month(value, "failed_at"), _received(value, "failed_at")
    return Row(key, month, partition, offset, text, line, received)


def changes(line: bytes, partition: int, offset: int) -> Row:
    """Read a change of a profile and keep it whole.

    Its id says what cannot differ between two copies: which event, received when, from which
    place of its raw topic. Of an event processed anew the later copy replaces the earlier.

    Raises:
        Malformed: not a line of :func:`schemas.profiles.write`.
    """
    change = read_change(line)
    for name in ("at", "received_at"):
        if getattr(change, name) not in _TIMES:
            raise Malformed("change-invalid", f"{name} is a time in Unix ms", where=(name,))
    received = iso(change.received_at)
    parts = [change.key.decode("utf-8", "surrogatepass"), change.source_id]
    parts += [received, str(change.seq)]
    change_id = str(uuid5(_CHANGES, codec.dumps(parts).decode()))
    row = codec.dumps(
        {
            "change_id": change_id,
            "source_id": change.source_id,
            "profile_id": change.profile_id,
            "event_id": change.event_id,
            "kind": change.kind,
            "at": iso(change.at),
            "received_at": received,
            "change": line.decode(),
        }
    )
    key = f"{change_id}{change.source_id}".encode("utf-8", "surrogatepass")
    return Row(key, b"", partition, offset, row, line, received.encode())


def ledger(line: bytes, partition: int, offset: int) -> Row:
    """Read a line of :class:`schemas.ledger.Book`.

    Raises:
        Malformed: it is none.
    """
    value = _object(line)
    ledger_id = _text(value, "ledger_id").lower()
    if not ids.is_uuid(ledger_id):
        raise Malformed("line-invalid", "ledger_id must be a UUID", where=("ledger_id",))
    key = f"{ledger_id}{_text(value, 'source_id')}".encode("utf-8", "surrogatepass")
    month, received = _month(value, "written_at"), _received(value, "written_at")
    return Row(key, month, partition, offset, line.lstrip(), line, received)


def read(
    value: bytes, partition: int, offset: int, reader: Reader
) -> tuple[list[Row], list[Poison]]:
    """Take a packed record apart; every line is in exactly one of the two lists."""
    rows: list[Row] = []
    poison: list[Poison] = []
    for line in codec.split_lines(value):
        try:
            rows.append(reader(line, partition, offset))
        except Malformed as error:
            poison.append(Poison(error.code, error.message, partition, offset, line))
    return rows, poison


def poisoned(row: Row, code: str, reason: str) -> Poison:
    """Say of a row that ClickHouse does not want it."""
    key = row.key.decode("utf-8", "replace")
    original = row.original or row.line
    return Poison(code, reason, row.partition, row.offset, original, key[:36], key[36:])


def body(rows: Iterable[Row]) -> Iterator[bytes | memoryview]:
    """Write rows as JSON lines with the place they came from spliced into their heads."""
    for row in rows:
        yield b'{"kafka_partition":%d,"kafka_offset":%d,' % (row.partition, row.offset)
        yield memoryview(row.line)[1:]
        yield b"\n"


def by_month(rows: Sequence[Row]) -> dict[bytes, list[Row]]:
    """Group rows into what one insert may carry: one month is one part, written whole or not."""
    months: dict[bytes, list[Row]] = {}
    for row in rows:
        months.setdefault(row.month, []).append(row)
    return months


def _object(line: bytes) -> dict[str, Any]:
    value = codec.loads(line)
    if not isinstance(value, dict):
        raise Malformed("line-invalid", "a line must be a JSON object")
    if not value:
        raise Malformed("line-invalid", "the object is empty")
    return value


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise Malformed("line-invalid", f"{name} must be text", where=(name,))
    return text


def _received(value: dict[str, Any], name: str) -> bytes:
    text = value.get(name)
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""


def _month(value: dict[str, Any], name: str) -> bytes:
    text = _text(value, name).encode("utf-8", "surrogatepass")
    if not _ISO.fullmatch(text):
        raise Malformed("line-invalid", f"{name} must look like 2026-11-20T17:48:16.499Z")
    return text[:7]
