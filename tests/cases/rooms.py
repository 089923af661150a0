"""The edge and the processors joined without a broker: the only file here that builds rooms."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from deploy.imports.packed import Unpacker
from ingest.answers import Expected
from ingest.app import build_app
from ingest.calls import Closed
from ingest.paths import Paths
from processors.ahead import Ahead, Look
from processors.bury import Record
from processors.steps.enrich import nowhere
from processors.visits import Visits
from processors.work import Work
from schemas import answers, codec, merges
from schemas.catalog import Catalog, Collection, extended
from schemas.commands import Command, DeclareSchema
from schemas.growing import grown
from schemas.ids import Ids
from schemas.merges import Merges
from schemas.metrics import Metrics
from schemas.sources import Registry, from_record, hash_key
from schemas.topics import Topics
from schemas.wire import VENDORS, vendor
from tests.cases.case import Case, SourceKind
from tests.cases.ways import KEY_TYPES

PARTITIONS: Final = 4
_IDS: Final = Ids(b"the secret of these cases, 32 by")
_PATHS: Final = Paths(VENDORS)
Names = Callable[[SourceKind], Mapping[str, str]]


def clock() -> int:
    """Unix ms."""
    return time.time_ns() // 1_000_000


class Feed:
    """What the edge and the processors know of the installation."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.catalog = Catalog()
        self.merges = Merges()
        self.version = 0

    async def changed(self, seen: int) -> int:
        """Say that something changed; here nothing does after the beginning."""
        return seen


class Desk(Closed):
    """Adds to schemas, which a master key's events ask for; knows nothing else."""

    def __init__(self, feed: Feed) -> None:
        self._catalog = feed.catalog

    async def do(self, command: Command) -> Any:
        """Do it."""
        if not isinstance(command, DeclareSchema):
            return await super().do(command)
        known = self._catalog.get(command.source_id, command.collection)
        known = known or Collection(command.source_id, command.collection)
        self._catalog.put(extended(known, command.properties))
        return None


class Rooms:
    """Everything between an HTTP request and a row, in memory.

    Attributes:
        app: the edge.
        rows, dead: canonical events and dead letters so far.
        unsaved: events so far whose clients wanted them not stored.
    """

    trouble = ""
    detail = ""
    heard = 0

    def __init__(self, kinds: Iterable[SourceKind], names: Names) -> None:
        self.rows: list[dict[str, Any]] = []
        self.dead: list[dict[str, Any]] = []
        self.unsaved = 0
        feed = Feed()
        for kind in kinds:
            _put(feed, kind, names(kind))
        state: dict[bytes, bytes] = {}
        self._offset = 0
        self._topics = Topics("cases", PARTITIONS)
        self._feed = feed
        self._waiting: dict[str, Expected] = {}
        visits = Visits(lambda _: state)
        self._look = Look(feed, vendor, nowhere)
        self._work = Work(self._look, feed, _IDS.issue, _IDS.is_own, visits, clock)
        self.app = build_app(
            vendors=VENDORS,
            publisher=self,
            feed=feed,
            desk=Desk(feed),
            answers=self,
            topics=self._topics,
            ids=_IDS,
            clock=clock,
            new_id=lambda: str(uuid4()),
            metrics=Metrics(),
            unpack=Unpacker(),
        )

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = 0
    ) -> None:
        """Let the processors have the lines at once."""
        del received_at
        source_id = topic.removeprefix(self._topics.raw("").name)
        for partition, chunk in lines.items():
            self._offset += 1
            record = Record(source_id, topic, partition, self._offset, b"\n".join(chunk))
            outcome = self._work(self._decided(record))
            self.rows += map(codec.loads, outcome.lines)
            self.dead += map(codec.loads, outcome.dead)
            self.unsaved += outcome.unsaved
            for value in outcome.merges.values():
                self._feed.merges.put(*merges.read(value))
            for _, line in outcome.answers:
                self._hear(answers.read(line))

    def _decided(self, record: Record) -> Ahead:
        ahead, catalog = self._look(record), self._feed.catalog
        for wish in ahead.wishes.values():
            old = catalog.get(wish.source_id, wish.name) or Collection(wish.source_id, wish.name)
            catalog.put(grown(old, wish))
        return ahead

    def expect(self, count: int) -> Expected:
        """Prepare to hear the processors, as :class:`ingest.answers.KafkaAnswers` does."""
        return Expected(self._waiting, f"0:{uuid4()}", count)

    def _hear(self, told: answers.Told) -> None:
        if told.ask in self._waiting:
            self._waiting[told.ask].hear(told)


def is_call(case: Case) -> bool:
    """Whether a case asks something that only a whole installation can answer."""
    for step in case.steps:
        found = _PATHS.find(step.request["path"]) if step.request else None
        route = found[0].routes.get(step.request.get("method", "POST")) if found else None
        if route is not None and route.purpose == "call":
            return True
    return False


def _put(feed: Feed, kind: SourceKind, names: Mapping[str, str]) -> None:
    wanted = [{"as": name, "type": type_} for name, type_ in KEY_TYPES.items()]
    keys = []
    for key in [*wanted, *kind.keys]:
        rest = {name: value for name, value in key.items() if name != "as"}
        keys.append({"id": key["as"].lower(), "hash": hash_key(names[key["as"]]), **rest})
    feed.registry.put(from_record({**kind.fields, "id": kind.id, "keys": keys}))
    for name, properties in kind.collections.items():
        feed.catalog.put(Collection(kind.id, name, properties))
