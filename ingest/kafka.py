"""Records -> the broker's acknowledgement; this room's door to aiokafka."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from ingest.connecting import connect
from ingest.ending import ended
from ingest.link import Link, Unsent, discard
from schemas.ledger import Book, minutes_of
from schemas.topics import MAX_RECORD_BYTES, PACK_BYTES

Compression = Literal["none", "gzip", "lz4", "zstd"]

log: Final = logging.getLogger(__name__)

_PROBE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.25
_ANSWER_SECONDS: Final = 2.0
"""How long the broker may take to answer one request; aiokafka then repeats it on another
connection, within the time for the whole record."""
_FINAL: Final = (
    CorruptRecordException,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
"""What the broker answers to a record that it will not have."""


class Kafka:
    """Sends records and knows whether the broker is there.

    ``acks=all`` and an idempotent producer: a record is written once, however often aiokafka
    has to repeat it. A new producer is tried four times a second while the broker is away.

    A record that is not acknowledged within ``ack_timeout_s`` may or may not have been written,
    and may still be for as long again.

    Args:
        ack_timeout_s: from handing a record to the producer to its acknowledgement.
        compression: of record batches.
        clock: Unix ms, the records' timestamps.
        ledger: is told of every acknowledged record.
        on_away: is told why whenever the broker is found to be away.

    Attributes:
        trouble: why the broker is known to be away (a probe or a record went unanswered, or no
            connection can be made); empty while it is not.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        ack_timeout_s: float,
        compression: Compression,
        clock: Callable[[], int],
        ledger: Book | None,
        on_away: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._bootstrap = bootstrap
        self._ack_timeout = ack_timeout_s
        self._answer_timeout = min(_ANSWER_SECONDS, ack_timeout_s)
        self._compression = None if compression == "none" else compression
        self._clock = clock
        self._on_away = on_away
        self._link: Link | None = None
        self.trouble = f"not connected to Kafka at {bootstrap} yet"
        self._answered_at = 0.0
        self._wake = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to connect, and return when the first attempt has ended either way.

        A broker that is not up yet is tried again until :meth:`stop`.
        """
        first = asyncio.Event()
        self._watch = asyncio.create_task(self._keep_watch(first), name="publisher")
        await first.wait()

    async def stop(self) -> None:
        """Disconnect."""
        await ended(self._watch)
        if self._retiring:
            await asyncio.wait(self._retiring)
        if self._link is not None:
            await discard(self._link.producer)
            self._link = None

    async def send(
        self, topic: str, partition: int, value: bytes, minutes: Mapping[int, int] | None = None
    ) -> Unsent | None:
        """Return when all in-sync replicas have a record, or why that is not known.

        Args:
            minutes: its lines by minute of receipt, for the ledger; counted here when they are
                not given.
        """
        link = self._link
        if link is None:
            return Unsent(self.trouble)
        with link as producer:
            return await self._why_missing(producer, topic, partition) or await self._why_unsent(
                link, topic, partition, value, minutes
            )

    async def _why_missing(self, producer: Any, topic: str, partition: int) -> Unsent | None:
        """Look whether the partition exists; the producer is as good as before if it does not."""
        try:
            async with asyncio.timeout(self._answer_timeout):
                partitions = await producer.partitions_for(topic)
        except (KafkaError, TimeoutError) as error:
            log.warning("no metadata for topic %s: %r", topic, error)
            self._wake.set()
            # Of a broker that answers it is the topic that is missing.
            answers = await self._answers(producer)
            return Unsent(f"topic {topic} cannot be found: run headrace init", final=answers)
        if partition not in partitions:
            why = f"topic {topic} has only {len(partitions)} partitions: run headrace init"
            return Unsent(why, final=True)
        return None

    async def _why_unsent(
        self,
        link: Link,
        topic: str,
        partition: int,
        value: bytes,
        minutes: Mapping[int, int] | None,
    ) -> Unsent | None:
        try:
            async with asyncio.timeout(self._ack_timeout):
                acknowledged = await link.producer.send(
                    topic, value, partition=partition, timestamp_ms=self._clock()
                )
                placed = await acknowledged
        except TimeoutError:
            why = f"Kafka did not acknowledge within {self._ack_timeout:g} s"
            self._spoil(link, f"{topic}[{partition}]: {why}")
            self._go_away(why)
            return Unsent(why)
        except KafkaError as error:
            self._spoil(link, f"{topic}[{partition}]: {error!r}")
            why = f"Kafka refused the record: {type(error).__name__}"
            return Unsent(why, final=isinstance(error, _FINAL))
        self._answered_at = asyncio.get_running_loop().time()
        if self._ledger is not None:
            self._ledger.accepted(topic, partition, placed.offset, minutes or minutes_of(value))
        return None

    def _spoil(self, link: Link, why: str) -> None:
        """Have the producer replaced: it gave out a sequence number that may never arrive.

        The broker answers every later batch of that partition with OutOfOrderSequenceNumber,
        which aiokafka takes as final.
        """
        log.warning("%s; the producer is replaced", why)
        link.spoiled = True
        self._wake.set()

    def _go_away(self, why: str) -> None:
        if not self.trouble:
            log.error("Kafka is away: %s", why)
        self.trouble = why
        self._on_away(why)

    async def _keep_watch(self, first: asyncio.Event) -> None:
        """Keep one usable producer, for ever; a bug in here must not end it either."""
        while True:
            self._wake.clear()
            try:
                why = await self._look()
            except Exception as error:
                log.exception("watching the broker failed")
                why = f"watching the broker failed: {error!r}"
            if why:
                self._go_away(why)
            elif self.trouble:
                log.info("connected to Kafka at %s", self._bootstrap)
                self.trouble = ""
            first.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS if why else _PROBE_SECONDS):
                    await self._wake.wait()

    async def _look(self) -> str:
        """Probe the producer or replace it; "" when it can be used."""
        link = self._link
        if link is not None and not link.spoiled and await self._answers(link.producer):
            return ""
        if link is not None:
            link.spoiled = True
            # A partition that refuses every record must not cost a connection for each.
            age = asyncio.get_running_loop().time() - link.since
            await asyncio.sleep(_RETRY_SECONDS - age)
        try:
            fresh = await self._connect()
        except (KafkaError, OSError, TimeoutError) as error:
            return f"no connection to Kafka at {self._bootstrap} ({error!r})"
        self._answered_at = asyncio.get_running_loop().time()
        self._link = Link(fresh, self._answered_at)
        if link is not None:
            self._retire(link)
        return ""

    async def _answers(self, producer: Any) -> bool:
        loop = asyncio.get_running_loop()
        if loop.time() - self._answered_at < _PROBE_SECONDS:
            return True
        try:
            async with asyncio.timeout(self._answer_timeout):
                answered: bool = await producer.client.force_metadata_update()
        except TimeoutError:
            return False
        if answered:
            self._answered_at = loop.time()
        return answered

    async def _connect(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type=self._compression,
            max_batch_size=PACK_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(self._answer_timeout * 1000),
        )
        try:
            # Long enough for aiokafka's own time-outs of connection and metadata. Its wait for
            # a producer id has none.
            async with asyncio.timeout(3 * self._answer_timeout):
                await connect(producer)
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _retire(self, link: Link) -> None:
        """Let a replaced producer finish what requests still wait for, then end it."""

        async def retire() -> None:
            await link.idle.wait()
            await discard(link.producer)

        task = asyncio.create_task(retire(), name="retire")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
