"""Read, change, write on a compacted topic, so that no change of another process is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.registry import Tail
from deploy.turns import HEADER, header_of
from ingest.connecting import connect
from ingest.link import discard
from schemas.errors import HeadraceError, Unavailable
from schemas.topics import MAX_RECORD_BYTES

_ANSWER_SECONDS: Final = 3.0
_WRITE_SECONDS: Final = 5.0
_ATTEMPTS: Final = 50


Kept = TypeVar("Kept")
Recorded = TypeVar("Recorded", bound="_Recorded")


class _Recorded(Protocol):
    def as_record(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Place(Generic[Kept]):
    """Where one thing is kept.

    Attributes:
        known: gives it as the tail knows it now, None when there is none.
        record: makes its value in the topic.
    """

    topic: str
    key: bytes
    known: Callable[[], Kept | None]
    record: Callable[[Kept], bytes]

    def present(self) -> bytes | None:
        """Give the value that the tail knows now."""
        found = self.known()
        return None if found is None else self.record(found)


def place_of(topic: str, key: bytes, known: Callable[[], Recorded | None]) -> Place[Recorded]:
    """Describe the place of something that makes its value itself."""
    return Place(topic, key, known, lambda kept: kept.as_record())


class Writer:
    """Writes through one idempotent producer, which connects on first use."""

    def __init__(self, kafka: str, tail: Tail) -> None:
        self._kafka = kafka
        self._tail = tail
        self._connecting = asyncio.Lock()
        self._producer: Any = None

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await discard(producer)

    async def put(
        self, place: Place[Kept], draft: Callable[[], Kept], *, of_all: bool = False
    ) -> Kept:
        """Return what was written, once it is on all replicas, counts, and is known to the tail.

        Args:
            draft: makes it from what the tail knows now; raises HeadraceError when that cannot
                be. Called anew when another writer was first.
            of_all: the draft depends on every key, see :func:`deploy.turns.header_of`.

        Raises:
            HeadraceError: what ``draft`` raises.
            Unavailable: ``broker-unavailable`` or ``too-many-writers``.
        """
        written: list[Kept] = []

        def value() -> bytes:
            written.append(draft())
            return place.record(written[-1])

        await self._apply(place, value, of_all=of_all)
        return written[-1]

    async def drop(self, place: Place[Any], check: Callable[[], object] = lambda: None) -> None:
        """Return when a tombstone is there in its stead; else as :meth:`put`.

        Args:
            check: raises HeadraceError when that cannot be.
        """

        def tombstone() -> None:
            check()

        await self._apply(place, tombstone)

    async def _apply(
        self, place: Place[Any], draft: Callable[[], bytes | None], *, of_all: bool = False
    ) -> None:
        """Write until it counts.

        Where another writer was first, its value may by now have been hidden from compaction's
        point of view by ours; hence, when the draft cannot be made any more, what counts is
        written once more before the reason is raised.
        """
        failure: HeadraceError | None = None
        for attempt in range(_ATTEMPTS):
            read_to = self._tail.read_to(place.topic)
            try:
                value = draft() if failure is None else place.present()
            except HeadraceError as error:
                if not attempt:
                    raise
                failure, value = error, place.present()
            if await self._write(place, value, header_of(read_to, of_all=of_all)):
                if failure is not None:
                    raise failure
                return
        raise Unavailable("too-many-writers", "others change the same at this moment: try again")

    async def _write(self, place: Place[Any], value: bytes | None, header: bytes) -> bool:
        """Write one record and wait for it to come back; tell whether it counts."""
        try:
            producer = await self._connected()
            async with asyncio.timeout(_WRITE_SECONDS):
                record = await producer.send_and_wait(
                    place.topic, value, key=place.key, partition=0, headers=[(HEADER, header)]
                )
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()  # its sequence numbers have a gap now, perhaps
            raise Unavailable(
                "broker-unavailable",
                "Kafka did not acknowledge the change; look whether it is there, then try again",
            ) from error
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                return await self._tail.counted(place.topic, record.offset)
        except TimeoutError as error:
            raise Unavailable(
                "broker-unavailable", "the change is written, but does not come back: look again"
            ) from error

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._producer is None:
                self._producer = await self._connect()
            return self._producer

    async def _connect(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(_ANSWER_SECONDS * 1000),
        )
        try:
            async with asyncio.timeout(3 * _ANSWER_SECONDS):
                await connect(producer)
        except BaseException:
            await producer.stop()
            raise
        return producer
