"""Dead letters of a bridge read once more, as its source's definition is today."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from deploy.bridge.registry import registry_of
from deploy.bridge.translate import Record, Translator
from deploy.bridge.values import Values
from deploy.settings import Settings
from schemas import envelope
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.reading import as_word, inside
from schemas.sources import Registry
from schemas.wire import KAFKA
from schemas.wire.imports import unread

_MARK: Final = b'"endpoint":"unread"'
_KNOWN: Final = f'"protocol":"{KAFKA}"'.encode()


def renewing(
    settings: Settings, registry: Registry, clock: Callable[[], int]
) -> Callable[[bytes], Awaitable[Mapping[int, list[bytes]] | None]]:
    """Make what gives the lines that a record is today: partition -> JSON lines.

    Their ids are those of ever. None where a line is not such a record, or its source has no
    topic any more: it is then sent as it is. Raises Unavailable (``registry-unavailable``) and
    Malformed (``secret-unreadable``).
    """

    async def renew(line: bytes) -> Mapping[int, list[bytes]] | None:
        found = _found(line)
        source = registry.get(found[0].source_id) if found else None
        if found is None or source is None or source.kafka is None:
            return None
        raw, record = found
        topic = source.kafka
        part = raw.message_id.removeprefix(f"{record.id}:")
        if part.isdecimal():
            # one row of several: kept as JSON, whatever the record was
            record, topic = replace(record, first=int(part)), replace(topic, encoding="json")
        values = Values(topic)
        if (asked := registry_of(settings, source, topic)) is not None:
            await asked.teach(values, record.value)
        partitions, ids = settings.topics.partitions, settings.ids()
        translator = Translator(source, topic, values, partitions=partitions, ids=ids, clock=clock)
        return translator.take(record).lines

    return renew


def _found(line: bytes) -> tuple[RawEvent, Record] | None:
    """Find the record that a raw line keeps, if it keeps one that could not be read."""
    if _MARK not in line or _KNOWN not in line:
        return None
    try:
        raw = envelope.read(line)
    except Malformed:
        return None
    value = unread.value_of(inside({"": raw.body}, ""))
    if raw.endpoint != unread.ENDPOINT or raw.protocol != KAFKA or value is None:
        return None
    return raw, _record(inside(inside({"": raw.batch}, ""), "record"), value)


def _record(said: dict[str, Any], value: bytes) -> Record:
    numbers = [said.get(name) for name in ("_partition", "_offset", "_timestamp")]
    partition, offset, timestamp = (each if type(each) is int else 0 for each in numbers)
    key = said.get("_key")
    headers = tuple(
        (name, as_word(text).encode()) for name, text in inside(said, "_headers").items()
    )
    return Record(
        as_word(said.get("_topic")),
        partition,
        offset,
        timestamp,
        key.encode() if type(key) is str else None,
        value,
        headers,
    )
