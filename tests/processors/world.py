"""A small world for the processors: a vendor, sources, raw events, and what came of them."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from processors.app import Processors, StoreName, build_app
from schemas import answers, codec
from schemas.answers import Told
from schemas.catalog import Catalog, Collection
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed
from schemas.events import Binding, Event
from schemas.growing import Wish, grown
from schemas.ids import Ids
from schemas.merges import Merges
from schemas.metrics import Metrics
from schemas.sources import Registry, Source
from schemas.topics import Topic, Topics, partition_of
from schemas.vendor import Batch, Claim, Edge, Grant, Reply, Request, Route

NOW = 1_795_000_000_000
MINUTE = 60_000
PARTITIONS = 4
IDS = Ids(b"a secret of thirty-two bytes ....")
DEADLINE = 30.0
_numbers = itertools.count(1)


class PlainVendor:
    """A protocol whose body is nearly the canonical event."""

    NAME = "plain"
    ROUTES: tuple[Route, ...] = ()

    def read(self, request: Request) -> Claim:
        raise NotImplementedError

    def split(self, claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
        raise NotImplementedError

    def reply(self, batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:
        raise NotImplementedError

    def refuse(self, error: HeadraceError, request: Request) -> Reply:
        raise NotImplementedError

    def decode(self, raw: RawEvent) -> Event:
        body = raw.body
        if not isinstance(body, dict):
            raise Malformed("body-invalid", "the body is no object")
        if "bug" in body:
            raise LookupError(body["bug"])
        return Event(
            body.get("kind", "track"),
            body.get("type", "moved"),
            event_time=body.get("time"),
            user_id=body.get("user", ""),
            anonymous_id=body.get("device", ""),
            group_id=body.get("group", ""),
            changes=body.get("changes"),
            properties=body,
            details={name: body[name] for name in ("channel", "utm_source") if name in body},
            errors=tuple(body.get("errors", ())),
            profiled=body.get("profiled", True),
            flat=body.get("flat", False),
            binding=Binding(body["rule"], body.get("handed_over", "")) if "rule" in body else None,
            saves_event="event" not in body.get("unsaved", ()),
            saves_session="session" not in body.get("unsaved", ()),
            saves_profile="profile" not in body.get("unsaved", ()),
        )


VENDOR = PlainVendor()


def vendors(name: str) -> PlainVendor | None:
    return VENDOR if name == VENDOR.NAME else None


class Feed:
    """Sources that a test adds."""

    def __init__(self, *sources: Source) -> None:
        self.registry = Registry()
        self.catalog = Catalog()
        self.merges = Merges()
        self.version = 0
        self._changed = asyncio.Condition()
        for source in sources:
            self.registry.put(source)

    async def decide(self, wishes: Iterable[Wish]) -> None:
        decide(self.catalog, wishes)

    async def put(self, source: Source) -> None:
        async with self._changed:
            self.registry.put(source)
            self.version += 1
            self._changed.notify_all()

    async def changed(self, seen: int) -> int:
        async with self._changed:
            await self._changed.wait_for(lambda: self.version != seen)
            return self.version


def decide(catalog: Catalog, wishes: Iterable[Wish]) -> None:
    """Decide at once, as if nobody else did."""
    for wish in wishes:
        old = catalog.get(wish.source_id, wish.name) or Collection(wish.source_id, wish.name)
        catalog.put(grown(old, wish))


def raw(visitor: str = "v", *, number: int | None = None, **fields: Any) -> RawEvent:
    """One raw event; ``number`` names it, what is not a field of it goes into the body."""
    number = next(_numbers) if number is None else number
    known: dict[str, Any] = {
        "event_id": str(UUID(int=number)),
        "source_id": "shop",
        "protocol": "plain",
        "endpoint": "post",
        "received_at": NOW,
        "ip": "203.0.113.7",
        "user_agent": "Test/1",
        "visitor": visitor,
        "message_id": "",
        "profile_id": "",
        "session_id": "",
        "batch": None,
        "ask": "",
        "extends": False,
    }
    body = fields.pop("body", None) or {"number": number} | {
        name: fields[name] for name in fields if name not in known
    }
    return RawEvent(**known | {name: fields[name] for name in fields if name in known}, body=body)


def line(visitor: str = "v", **fields: Any) -> bytes:
    return codec.dumps(raw(visitor, **fields))


async def declare(kafka: str, declared: Iterable[Topic]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(t.name, t.partitions, 1, topic_configs=t.configs) for t in declared]
        )
    finally:
        await admin.close()


class Tracker:
    """Writes raw records as the edge would."""

    def __init__(self, kafka: str, topics: Topics) -> None:
        self._topics = topics
        self.prefix = topics.prefix
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka, enable_idempotence=True, max_request_size=8 << 20
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._producer.stop()

    async def send(self, visitor: str, *lines: bytes, source: str = "shop") -> tuple[int, int]:
        """Write one packed record; returns its partition and offset."""
        partition = partition_of(visitor, self._topics.partitions)
        topic = self._topics.raw(source).name
        sent = await self._producer.send_and_wait(topic, b"\n".join(lines), partition=partition)
        return partition, sent.offset

    async def post(self, visitor: str, *lines: bytes, source: str = "shop") -> None:
        """Hand over one packed record without waiting for it."""
        partition = partition_of(visitor, self._topics.partitions)
        topic = self._topics.raw(source).name
        await self._producer.send(topic, b"\n".join(lines), partition=partition)

    async def state(self, changelog: str, partition: int, key: bytes, state: bytes | None) -> None:
        """Write a state as a worker would."""
        await self._producer.send_and_wait(changelog, state, key=key, partition=partition)

    async def partitions(self, topic: str) -> int:
        """Count the partitions of a topic."""
        return len(await self._producer.partitions_for(topic))


class Reader:
    """Reads what the processors wrote, from the beginning."""

    def __init__(self, kafka: str, topics: Topics) -> None:
        self._topics = topics
        self._consumer = AIOKafkaConsumer(
            topics.events.name,
            topics.dead.name,
            topics.answers.name,
            bootstrap_servers=kafka,
            auto_offset_reset="earliest",
        )
        self.events: list[dict[str, Any]] = []
        self.dead: list[dict[str, Any]] = []
        self.told: dict[str, Told] = {}
        self.told_at: dict[str, int] = {}
        self.partitions: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._consumer.stop()

    async def until(self, enough: Callable[[], bool], seconds: float = DEADLINE) -> None:
        """Read until there is enough; a deadline passed is a failure that says what there is."""
        deadline = time.monotonic() + seconds
        while not enough():
            if time.monotonic() > deadline:
                raise AssertionError(f"only {len(self.events)} events, {len(self.dead)} dead")
            for partition, records in (await self._consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    if partition.topic == self._topics.answers.name:
                        self._hear(record.value, partition.partition)
                        continue
                    rows = [json.loads(row) for row in codec.split_lines(record.value)]
                    if partition.topic == self._topics.dead.name:
                        self.dead += rows
                    else:
                        self.events += rows
                        for row in rows:
                            self.partitions[row["event_id"]] = partition.partition

    def _hear(self, value: bytes, partition: int) -> None:
        for told in map(answers.read, codec.split_lines(value)):
            self.told[told.ask] = told
            self.told_at[told.ask] = partition

    def numbers(self) -> list[int]:
        """Numbers of the events as they came."""
        return [event["properties"]["number"] for event in self.events]

    def sessions(self, *numbers: int) -> list[str]:
        """Session ids of these events."""
        found = {event["properties"]["number"]: event["session_id"] for event in self.events}
        return [found[number] for number in numbers]


async def eventually(
    holds: Callable[[], Awaitable[bool] | bool], what: str, seconds: float = DEADLINE
) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while True:
        held = holds()
        if held if isinstance(held, bool) else await held:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds:.0f} s: {what}")
        await asyncio.sleep(0.002)


def worker(
    kafka: str,
    topics: Topics,
    feed: Feed,
    data: Path,
    metrics: Metrics,
    *,
    port: int = 6066,
    store: StoreName = "memory",
) -> Processors:
    """A worker of this world."""
    return build_app(
        kafka=kafka,
        topics=topics,
        feed=feed,
        decide=feed.decide,
        vendors=vendors,
        ids=IDS,
        clock=lambda: NOW,
        metrics=metrics,
        web_port=port,
        data=data,
        app_id=f"{topics.prefix}-processors",
        store=store,
    )
