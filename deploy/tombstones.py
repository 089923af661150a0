"""Records of people taken back from the compacted topics: values gone, keys told to go."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from ingest.connecting import connect
from schemas import merges
from schemas.errors import Malformed, Unavailable
from schemas.topics import Topics

_ANSWER_MS: Final = 10_000
_START_SECONDS: Final = 15.0


class KafkaTombstones:
    """Writes a record without a value after each that is to go; Kafka compacts both away.

    Connects on first use. Everything may be written twice.
    """

    def __init__(self, kafka: str, topics: Topics) -> None:
        self._kafka = kafka
        self._profiles = topics.profiles.name
        self._overrides = topics.overrides.name
        self._producer: Any = None
        self._connecting = asyncio.Lock()

    async def changes(self, records: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Take back changes of profiles.

        Args:
            records: partition and key of each, and the record that is to stand there instead,
                if any.

        Raises:
            Unavailable: ``broker-unavailable``; any of them may be written.
        """
        await self._write((self._profiles, *record) for record in records)

    async def edges(self, profile_ids: Collection[str], until: int) -> int:
        """Take back every edge of these profiles that was received until a moment (Unix ms).

        Processors are told, so that they write anew what they know to be written.

        The topic is read from its beginning: it may hold edges that say again what another one
        had said before, and that would count once that one is gone.

        Returns:
            The number of edges.

        Raises:
            Unavailable: ``broker-unavailable``; any of them may be taken back.
        """
        wanted = frozenset(profile_ids)
        alive: set[bytes] = set()
        try:
            async for key, value in self._read():
                edge = _edge(value) if value is not None else None
                if edge is None:
                    alive.discard(key)
                elif edge.at <= until and wanted & {*edge[:2]}:
                    alive.add(key)
        except (KafkaError, OSError) as error:
            raise _unavailable(error) from error
        keys = [*sorted(alive), merges.erasure(until)]
        await self._write((self._overrides, 0, key, None) for key in keys)
        return len(alive)

    async def start(self) -> None:
        """Do nothing: it connects when it is first needed."""

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _read(self) -> AsyncIterator[tuple[bytes, bytes | None]]:
        place = TopicPartition(self._overrides, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await connect(consumer)
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            await consumer.seek_to_beginning(place)
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    for record in records:
                        yield record.key, record.value
        finally:
            await consumer.stop()

    async def _write(self, records: Iterable[tuple[str, int, bytes, bytes | None]]) -> None:
        try:
            producer = await self._connected()
            sent = [
                await producer.send(topic, value, key=key, partition=partition)
                for topic, partition, key, value in records
            ]
            await asyncio.gather(*sent)
        except (KafkaError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._kafka,
                    acks="all",
                    enable_idempotence=True,
                    request_timeout_ms=_ANSWER_MS,
                )
                try:
                    async with asyncio.timeout(_START_SECONDS):
                        await connect(producer)
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _edge(value: bytes) -> merges.Edge | None:
    try:
        return merges.read(value)
    except Malformed:
        return None  # nobody reads it as an edge, so it joins nobody


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(
        "broker-unavailable", f"Kafka does not take the erasure ({type(error).__name__}): try again"
    )
