"""A record of somebody's topic -> the lines of raw events, the same ones whenever it comes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from deploy.bridge.values import Values
from ingest.accept import Accepted, stamp
from schemas import codec
from schemas.carriage import Carriage
from schemas.errors import HeadraceError, Malformed
from schemas.ids import Ids, event_id
from schemas.kafka_topics import PROTOCOLS, KafkaTopic
from schemas.reading import JsonObject, bound_line
from schemas.sources import Source
from schemas.times import storable
from schemas.topics import MAX_EVENT_BYTES
from schemas.vendor import Batch, Draft, Edge, Grant, Request
from schemas.wire import KAFKA, carrier
from schemas.wire.imports import unread
from schemas.wire.imports.formats import FORMATS
from schemas.wire.imports.guess import columns_of
from schemas.wire.imports.plan import ROWS, Plan

_EXPORT: Final = "-export"
_ENVELOPE_BYTES: Final = 16 << 10
_LONGEST: Final = MAX_EVENT_BYTES - _ENVELOPE_BYTES
_HEADER_BYTES: Final = 4 << 10
_LONGEST_REASON: Final = 1_000
_LONGEST_TEXT: Final = 1_024
_MOST_PLANS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Record:
    """A record as its broker has it.

    Attributes:
        timestamp: Unix ms, as its producer or broker noted; below 0 where neither did.
        first: number of the first of its rows, where it is a part of one.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    first: int = 0

    @property
    def id(self) -> str:
        """What its events' ids are derived from.

        The time is in it because a topic that was deleted and made anew begins at 0 again.
        """
        return f"{self.topic}:{self.partition}:{self.offset}:{self.timestamp}"

    def described(self) -> JsonObject:
        """Write where and what it was; what is too long is cut, or left out."""
        said: JsonObject = {
            "_topic": self.topic,
            "_partition": self.partition,
            "_offset": self.offset,
            "_timestamp": self.timestamp,
        }
        if self.key is not None:
            said["_key"] = _text(self.key)
        left = _HEADER_BYTES
        for name, text in self.headers:
            left -= len(codec.dumps([name, _text(text or b"")]))
            if left >= 0:
                said.setdefault("_headers", {})[name] = _text(text or b"")
        return said


@dataclass(slots=True)
class Taken:
    """What became of a record.

    Attributes:
        received_at: Unix ms, of all of its events.
        lines: partition -> JSON lines.
        events: how many of them are events.
        unread: code of the reason -> values that could not be read, kept among the lines.
    """

    received_at: int
    lines: dict[int, list[bytes]] = field(default_factory=dict)
    events: int = 0
    unread: dict[str, int] = field(default_factory=dict)

    def add(self, accepted: Accepted) -> None:
        """Take lines."""
        for partition, lines in accepted.lines.items():
            self.lines.setdefault(partition, []).extend(lines)


class Translator:
    """Makes raw events of a source's records; the same of the same record.

    Args:
        values: of the source's topic.
        clock: Unix ms.
    """

    def __init__(
        self,
        source: Source,
        topic: KafkaTopic,
        values: Values,
        *,
        partitions: int,
        ids: Ids,
        clock: Callable[[], int],
    ) -> None:
        self._source = source
        self._topic = topic
        self._values = values
        self._partitions = partitions
        self._ids = ids
        self._clock = clock
        self._plans: dict[tuple[str, ...], Mapping[str, str]] = {}

    def take(self, record: Record) -> Taken:
        """Make its events; what cannot be read is kept for the dead letters."""
        taken = self._empty(record)
        try:
            self._bound(record)
            if self._topic.shape in PROTOCOLS:
                self._request(record, taken)
            else:
                self._rows(record, taken)
        except Malformed as error:
            return self.keep(record, error)
        return taken

    def keep(self, record: Record, why: Malformed) -> Taken:
        """Keep a record as it is for the dead letters."""
        taken = self._empty(record)
        self._keep(record, record.value, why, taken, record.id)
        return taken

    def _empty(self, record: Record) -> Taken:
        """Received when it was written: what is read of it late says the same."""
        now = self._clock()
        return Taken(min(record.timestamp, now) if storable(record.timestamp) else now)

    def _bound(self, record: Record) -> None:
        limit = self._source.limits.body_bytes
        if len(record.value) > limit:
            message = f"event source {self._source.id} takes {limit} bytes per record"
            raise Malformed("body-too-large", message)

    def _request(self, record: Record, taken: Taken) -> None:
        vendor = carrier(self._topic.shape)
        if vendor is None:
            raise Malformed("shape-unknown", f"no protocol is called {self._topic.shape}")
        headers = {name.lower(): _text(text or b"") for name, text in record.headers}
        value = self._values.as_json(record.value)
        numbers = count()

        def new_id() -> str:
            return event_id(self._source.id, f"{record.id}:{next(numbers)}")

        try:
            carriage = Carriage(value, headers, self._source.id, taken.received_at)
            request = vendor.carried(carriage)
            grant = Grant(self._source)
            edge = Edge(new_id, self._ids)
            batch = vendor.split(vendor.read(request), request, grant, edge)
        except Malformed:
            raise
        except HeadraceError as error:  # a protocol refuses what is no fault of the bytes
            raise Malformed(error.code, error.message) from error
        self._stamp(batch, request, vendor.NAME, new_id, taken)

    def _rows(self, record: Record, taken: Taken) -> None:
        said = record.described()
        name = self._topic.shape.removesuffix(_EXPORT)
        read = FORMATS[name]
        place = record.first
        drafts: dict[bytes, list[Draft]] = {}
        for value in self._values.read(record.value):
            row_id = f"{record.id}:{place}"
            try:
                for body in read.split(value):
                    row_id = f"{record.id}:{place}"
                    place += 1
                    plan = self._plan(name, body, taken.received_at, said)
                    line = _line(body)
                    shared = codec.dumps(plan.shared())
                    drafts.setdefault(shared, []).append(read.read(body, plan).draft(line, row_id))
            except Malformed as error:
                self._keep(record, codec.dumps(value), error, taken, row_id)
        request = Request(name, "POST", {}, {}, {}, b"", "", taken.received_at)
        for shared, some in drafts.items():
            self._stamp(Batch(tuple(some), shared), request, KAFKA, str, taken)

    def _plan(self, name: str, body: Any, received_at: int, said: JsonObject) -> Plan:
        topic = self._topic
        collection = topic.collection or ("" if name != ROWS else topic.topic)
        columns: Mapping[str, str] = {}
        if name == ROWS and type(body) is dict:
            names = tuple(body)
            found = self._plans.get(names)
            if found is None:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                found = columns_of(names, topic.columns, topic.skip, topic.collection)
                self._plans[names] = found
            columns = found
        return Plan(name, collection, columns, topic.types, topic.skip, received_at, said)

    def _stamp(
        self,
        batch: Batch,
        request: Request,
        protocol: str,
        new_id: Callable[[], str],
        taken: Taken,
    ) -> None:
        accepted = stamp(
            batch,
            request=request,
            grant=Grant(self._source),
            protocol=protocol,
            partitions=self._partitions,
            new_id=new_id,
        )
        taken.add(accepted)
        taken.events += len(batch.drafts)

    def _keep(
        self, record: Record, value: bytes, error: Malformed, taken: Taken, row_id: str
    ) -> None:
        """Keep bytes that could not be read as a raw event that will be a dead letter."""
        error = Malformed(error.code, error.message[:_LONGEST_REASON])
        body = unread.body_of(value)
        if len(body) > _LONGEST:
            error = Malformed(
                error.code,
                f"{error.message} (too long to copy: {len(value)} bytes, read them from "
                f"{record.topic} [{record.partition}] at offset {record.offset})",
            )
            body = b"{}"
        batch = Batch(
            (Draft(body, row_id, message_id=row_id),), unread.shared(error, record.described())
        )
        request = Request(unread.ENDPOINT, "POST", {}, {}, {}, b"", "", taken.received_at)
        events = taken.events
        self._stamp(batch, request, KAFKA, str, taken)
        taken.events = events
        taken.unread[error.code] = taken.unread.get(error.code, 0) + 1


def _line(body: Any) -> bytes:
    line = codec.dumps(body)
    bound_line(line, body)
    if len(line) > _LONGEST:
        raise Malformed("event-too-large", f"an event has at most {_LONGEST} bytes")
    return line


def _text(data: bytes) -> str:
    return data[:_LONGEST_TEXT].decode("utf-8", "replace")
