"""Lines and records back into the topics they came from, no faster than live traffic can bear."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ingest.connecting import connect
from schemas import codec
from schemas.errors import Unavailable
from schemas.topics import MAX_RECORD_BYTES, PACK_BYTES

COPY: Final = ("headrace-replay", b"1")
"""Header of a record that repeats another: the original is where a later replay finds it."""
_START_SECONDS: Final = 10.0
_ANSWER_MS: Final = 10_000

Place = tuple[str, int]
"""Topic and partition."""


class Resend:
    """Writes through one idempotent producer, so that the order within a partition stays.

    Args:
        rate: events per second, on average since the first.
    """

    def __init__(self, kafka: str, *, rate: int) -> None:
        self._rate = rate
        self._sent = 0
        self._began = 0.0
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            # what was compressed when it came is longer before it is compressed again
            max_request_size=4 * MAX_RECORD_BYTES,
            request_timeout_ms=_ANSWER_MS,
        )

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Unavailable: ``broker-unavailable``.
        """
        try:
            async with asyncio.timeout(_START_SECONDS):
                await connect(self._producer)
        except BaseException as error:
            await self._producer.stop()
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise _unavailable(error) from error
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._producer.stop()

    async def partitions(self) -> Mapping[str, int]:
        """Ask the broker for every topic and its number of partitions; creates none.

        Raises:
            Unavailable: ``broker-unavailable``.
        """
        try:
            cluster = await self._producer.client.fetch_all_metadata()
        except (KafkaError, OSError) as error:
            raise _unavailable(error) from error
        return {name: len(cluster.partitions_for_topic(name) or ()) for name in cluster.topics()}

    async def lines(self, place: Place, lines: Sequence[bytes]) -> list[int]:
        """Pack lines into records and write them; returns the offset that each line is at.

        Raises:
            Unavailable: ``broker-unavailable``; any of them may be written.
        """
        offsets: list[int] = []
        for pack in packs(lines):
            (offset,) = await self.records(place, [(codec.join_lines(pack), len(pack))])
            offsets += [offset] * len(pack)
        return offsets

    async def records(
        self, place: Place, values: Sequence[tuple[bytes, int]], *, copy: bool = False
    ) -> list[int]:
        """Write records as they are; returns their offsets once all replicas have them.

        Args:
            values: each record's value and how many events it holds.
            copy: mark them as copies of records that are in the topic already.

        Raises:
            Unavailable: ``broker-unavailable``; any of them may be written.
        """
        headers = [COPY] if copy else None
        under_way: list[Awaitable[Any]] = []
        topic, partition = place
        try:
            for value, events in values:
                await self._pace(events)
                under_way.append(
                    await self._producer.send(topic, value, partition=partition, headers=headers)
                )
            return [sent.offset for sent in await asyncio.gather(*under_way)]
        except (KafkaError, OSError) as error:
            raise _unavailable(error) from error

    async def _pace(self, events: int) -> None:
        now = time.monotonic()
        self._began = self._began or now
        ahead = self._sent / self._rate - (now - self._began)
        self._sent += events
        if ahead > 0:
            await asyncio.sleep(ahead)


def packs(lines: Sequence[bytes]) -> list[list[bytes]]:
    """Group lines, in their order, into what one record may hold."""
    found: list[list[bytes]] = []
    weight = 0
    for line in lines:
        if not found or weight + len(line) > PACK_BYTES:
            found.append([])
            weight = 0
        found[-1].append(line)
        weight += len(line) + 1
    return found


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(
        "broker-unavailable",
        f"Kafka does not acknowledge ({type(error).__name__}: {error}): try again, what is "
        "written twice collapses",
    )
