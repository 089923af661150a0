"""What the processors tell this edge, read from Kafka; this room's other door to aiokafka."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ingest.connecting import connect
from ingest.ending import ended
from schemas.answers import Told, read
from schemas.codec import split_lines
from schemas.errors import Malformed
from schemas.topics import Topics

log: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 0.5
_POLL_MS: Final = 1000


class Expected:
    """Answers that are waited for; a context, for they must be forgotten in the end.

    Attributes:
        ask: what the raw events carry.
    """

    def __init__(self, waiting: dict[str, "Expected"], ask: str, count: int) -> None:
        self.ask = ask
        self._waiting = waiting
        self._count = count
        self._told: dict[str, Told] = {}
        self._complete = asyncio.Event()

    def __enter__(self) -> Self:
        self._waiting[self.ask] = self
        return self

    def __exit__(self, *_: object) -> None:
        del self._waiting[self.ask]

    def hear(self, told: Told) -> None:
        """Note one answer; the processors may repeat it."""
        self._told[told.event_id] = told
        if len(self._told) >= self._count:
            self._complete.set()

    async def wait(self, seconds: float) -> dict[str, Told]:
        """Return all answers, or those that came within so many seconds, by event id."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._complete.wait()
        return self._told


class KafkaAnswers:
    """Follows one partition of the answers topic from its end, without a group.

    Edges that draw the same partition read each other's answers too and know theirs by the id.

    Args:
        chance: draws from [0, 1).
        new_id: draws an id that no other edge draws.
    """

    def __init__(
        self, kafka: str, topics: Topics, *, chance: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        topic = topics.answers
        self._kafka = kafka
        self._partition = TopicPartition(topic.name, int(chance() * topic.partitions))
        self._new_id = new_id
        self._waiting: dict[str, Expected] = {}
        self._heard = 0
        self._trouble = "not connected to Kafka yet"
        self._task: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str:
        """Why no answer can be heard at present; "" when it can."""
        return self._trouble

    @property
    def heard(self) -> int:
        """Number of records so far; any of them shows that the processors are at work."""
        return self._heard

    def expect(self, count: int) -> Expected:
        """Prepare to hear ``count`` answers, one for each event."""
        return Expected(self._waiting, f"{self._partition.partition}:{self._new_id()}", count)

    async def start(self) -> None:
        """Begin to listen, and return at once: events are taken while nobody answers, too."""
        self._task = asyncio.create_task(self._run(), name="answers")

    async def stop(self) -> None:
        """Stop to listen."""
        await ended(self._task)

    async def _run(self) -> None:
        """Listen for ever; a bug in here must not end it either."""
        while True:
            try:
                await self._listen()
            except KafkaError as error:
                log.warning("answers of the processors: %r; trying again", error)
            except Exception:
                log.exception("listening to the processors' answers failed")
            self._trouble = "the connection to Kafka was lost"
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self._kafka, auto_offset_reset="latest", enable_auto_commit=False
        )
        try:
            await connect(consumer)
            consumer.assign([self._partition])
            await consumer.seek_to_end(self._partition)
            await consumer.position(self._partition)
            self._trouble = ""
            while True:
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        self._hear(record.value)
        finally:
            await consumer.stop()

    def _hear(self, value: bytes | None) -> None:
        self._heard += 1
        if not self._waiting:
            return
        for line in split_lines(value or b""):
            try:
                told = read(line)
            except Malformed as error:
                log.warning("an answer of the processors is not readable: %r", error)
                continue
            expected = self._waiting.get(told.ask)
            if expected is not None:
                expected.hear(told)
