"""The bytes of a record -> JSON values, by how its producer wrote them."""

from dataclasses import dataclass, field
from typing import Any, Final

from schemas import codec
from schemas.avro import MAX_VALUES
from schemas.avro.source import Source as Bytes
from schemas.avro.types import Reader, reader_of
from schemas.errors import Malformed
from schemas.kafka_topics import KafkaTopic

_MAGIC: Final = b"\x00"
_HEAD: Final = 5
"""Bytes before a datum in Confluent's wire format: a zero, and the schema's id, big-endian."""
_MOST_SCHEMAS: Final = 1_000
_ONLY: Final = -1
"""Stands for the schema of the definition."""


@dataclass(slots=True)
class Values:
    """Reads values; what a schema registry says is brought to it from outside."""

    topic: KafkaTopic
    _wrong: dict[int, Malformed] = field(default_factory=dict)
    _readers: dict[int, Reader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.topic.encoding != "json" and self.topic.schema is not None:
            self._readers[_ONLY] = reader_of(self.topic.schema)

    def needs(self, value: bytes) -> int | None:
        """Tell which schema has to be asked for before this value can be read; None for none."""
        if self.topic.encoding != "confluent" or _ONLY in self._readers:
            return None
        if value[:1] != _MAGIC or len(value) < _HEAD:
            return None
        number = _id_of(value)
        return None if number in self._readers else number

    def learn(self, number: int, schema: Any) -> None:
        """Take what a registry says of a schema."""
        if len(self._readers) >= _MOST_SCHEMAS:
            self._readers.clear()
        try:
            self._readers[number] = reader_of(schema)
        except Malformed as error:
            self.doubt(number, error)

    def doubt(self, number: int, why: Malformed) -> None:
        """Take it that a schema cannot be had; it is asked for again with the next value."""
        self._wrong = {number: why}

    def read(self, value: bytes) -> list[Any]:
        """Read the values of a record: one, or those of an array or of JSON lines.

        Raises:
            Malformed: json-invalid, avro-invalid, schema-unknown, missing.
        """
        if self.topic.encoding == "json":
            return _json(value)
        return [self._avro(value)]

    def as_json(self, value: bytes) -> bytes:
        """Write a value as JSON, as it is where it is that already.

        Raises:
            Malformed: as :meth:`read`.
        """
        return value if self.topic.encoding == "json" else codec.dumps(self._avro(value))

    def _avro(self, value: bytes) -> Any:
        number, datum = _ONLY, value
        if self.topic.encoding == "confluent":
            if value[:1] != _MAGIC or len(value) < _HEAD:
                message = "the value does not begin with a zero and a schema's id"
                raise Malformed("avro-invalid", message)
            datum = value[_HEAD:]
            number = _ONLY if _ONLY in self._readers else _id_of(value)
        reader = self._readers.get(number)
        if reader is None:
            known = self._wrong.get(number)
            raise known or Malformed("schema-unknown", f"there is no schema {number}")
        source = Bytes(datum, MAX_VALUES)
        found = reader(source, 0)
        if not source.at_end:
            message = "the value has more bytes than its schema says: it was written with another"
            raise Malformed("avro-invalid", message)
        return found


def _id_of(value: bytes) -> int:
    return int.from_bytes(value[1:_HEAD], "big")


def _json(value: bytes) -> list[Any]:
    if not value.strip():
        raise Malformed("missing", "the value is empty")
    try:
        found = codec.loads(value)
    except Malformed:
        lines = [line for line in value.splitlines() if line.strip()]
        if len(lines) == 1:
            raise
        return [codec.loads(line) for line in lines]
    return found if type(found) is list else [found]
