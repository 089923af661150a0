"""Dead letters sent through again: once each, in their order, and noted."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.resend import Place, Resend
from deploy.settings import Settings
from schemas import codec
from schemas.dead import pointed_bytes
from schemas.errors import Malformed
from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from sinks.letters import Kept, Letters, Wanted

_NOT_THERE: Final = {
    "topic-foreign": "they came from no topic of this installation",
    "topic-missing": "their topic is gone",
    "source-deleted": "their source was deleted",
    "record-expired": "they only point at a record, which Kafka does not keep any more",
}


Renew = Callable[[bytes], Awaitable[Mapping[int, Sequence[bytes]] | None]]


@dataclass(slots=True)
class Count:
    """What became of the letters that were asked for.

    Attributes:
        replayed: acknowledged by Kafka and noted.
        failed: code -> letters that could not be sent.
    """

    replayed: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        text = f"replayed {self.replayed:,}"
        if self.failed:
            reasons = ", ".join(
                f"{count:,} {code}: {_NOT_THERE[code]}" for code, count in self.failed.items()
            )
            text += f", {self.failed.total():,} could not be ({reasons})"
        return text


@asynccontextmanager
async def open_letters(settings: Settings) -> AsyncIterator[Letters]:
    """The letters of the settings' ClickHouse."""
    letters = Letters(ClickHouse(settings.clickhouse_writer))
    try:
        yield letters
    finally:
        await letters.close()


class Replay:
    """Sends letters back to where they came from.

    Raw lines go to their source's raw topic, canonical lines to the topic of events, each to
    the partition it had: their visitor's. What is not processed this time either becomes a
    letter of its own, at its new offset.

    Args:
        sources: ids of the sources there are; nobody processes the events of others.
        renew: makes a raw line anew where what it holds is read otherwise today: partition -> JSON
            lines; None where it is to be sent as it is.
    """

    def __init__(
        self,
        kafka: str,
        topics: Topics,
        letters: Letters,
        sources: Collection[str],
        *,
        rate: int,
        renew: Renew,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._letters = letters
        self._sources = sources
        self._rate = rate
        self._renew = renew
        self._partitions: Mapping[str, int] = {}

    async def run(
        self, wanted: Wanted, before: int, *, again: bool, progress: Callable[[int], None]
    ) -> Count:
        """Send what is wanted and was stored until ``before`` (ClickHouse's clock, Unix ms).

        Each part is noted as soon as Kafka has acknowledged it; ended in between, the next run
        sends that part again, and the ids of its events collapse.

        Args:
            again: those, too, that were sent before.
            progress: told how many letters were dealt with.

        Raises:
            Failed: ClickHouse does not answer.
            Unavailable: the broker does not.
        """
        count = Count()
        async with Resend(self._kafka, rate=self._rate) as resend:
            self._partitions = await resend.partitions()
            async for part in self._letters.parts(wanted, before, again=again):
                await self._send(part, resend, count)
                progress(len(part))
        return count

    async def _send(self, part: Sequence[Kept], resend: Resend, count: Count) -> None:
        found = await self._originals(part)
        groups: dict[Place, list[tuple[Kept, bytes]]] = defaultdict(list)
        for letter in part:
            code = self._obstacle(letter)
            original = letter.original or found.get(letter.letter_id, b"")
            if code or not original:
                count.failed[code or "record-expired"] += 1
            elif (lines := await self._renew(original)) is not None:
                await self._send_anew(letter, lines, resend)
                count.replayed += 1
            else:
                groups[letter.topic, letter.partition].append((letter, original))
        for place, sent in groups.items():
            offsets = await resend.lines(place, [original for _, original in sent])
            letters = (letter for letter, _ in sent)
            await self._letters.note(zip(letters, offsets, strict=True))
            count.replayed += len(sent)

    async def _send_anew(
        self, letter: Kept, lines: Mapping[int, Sequence[bytes]], resend: Resend
    ) -> None:
        """Send what a letter's original is read as today, to wherever its visitors are."""
        offset = letter.offset
        for partition, some in lines.items():
            offset = (await resend.lines((letter.topic, partition), some))[0]
        await self._letters.note([(letter, offset)])

    def _obstacle(self, letter: Kept) -> str:
        """Say why a letter cannot go back, "" when it can."""
        raw = self._topics.raw("").name
        if letter.topic.startswith(raw):
            if letter.topic.removeprefix(raw) not in self._sources:
                return "source-deleted"
        elif letter.topic not in {self._topics.events.name, self._topics.dead.name}:
            return "topic-foreign"
        there = 0 <= letter.partition < self._partitions.get(letter.topic, 0)
        return "" if there else "topic-missing"

    async def _originals(self, part: Sequence[Kept]) -> dict[str, bytes]:
        """Read the lines that letters only point at; what is gone is left out."""
        pointing = [letter for letter in part if not letter.original and not self._obstacle(letter)]
        if not pointing:
            return {}
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka, enable_auto_commit=False, auto_offset_reset="none"
        )
        await consumer.start()
        try:
            found = {letter.letter_id: await _line(consumer, letter) for letter in pointing}
        finally:
            await consumer.stop()
        return found


async def _line(consumer: Any, letter: Kept) -> bytes:
    """Find a letter's line in its record, b"" when it is not there."""
    place = TopicPartition(letter.topic, letter.partition)
    consumer.assign([place])
    first = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    if not first <= letter.offset < end:
        return b""
    consumer.seek(place, letter.offset)
    try:
        record = await consumer.getone(place)
    except KafkaError:
        return b""
    if record.offset != letter.offset:
        return b""
    size = pointed_bytes(letter.reason)
    for line in codec.split_lines(record.value or b""):
        if len(line) == size and _event_id(line) == letter.event_id:
            return line
    return b""


def _event_id(line: bytes) -> str:
    try:
        value = codec.loads(line)
    except Malformed:
        return ""
    event_id = value.get("event_id") if isinstance(value, dict) else None
    return event_id[:64] if isinstance(event_id, str) else ""
