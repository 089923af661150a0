"""What is done with each record: the steps, their output, its acknowledgement."""

import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Protocol

from processors.ahead import Ahead, Decide, Look
from processors.bury import Record
from processors.faults import Faults
from processors.outbox import Outbox
from processors.pack import Span
from processors.parts import Whole, cut
from processors.shelves import Shelf
from processors.unfold import Unfold
from processors.visits import IDLE_MS, Sweep
from processors.work import Outcome, SourceFeed, Work
from schemas import codec
from schemas.errors import HeadraceError
from schemas.ledger import Book
from schemas.metrics import Metrics
from schemas.topics import Topics, partition_of

logger = logging.getLogger(__name__)


class Message(Protocol):
    """Where a record comes from."""

    topic: str
    partition: int
    offset: int


class Event(Protocol):
    """A record of the stream, acknowledged by hand."""

    value: bytes | None

    @property
    def message(self) -> Message:
        """Where it comes from."""

    def ack(self) -> bool:
        """Let its offset be committed."""


class Processing:
    """What the agent does with a record.

    Args:
        look: looks at a record before the work on it.
        decide: has decided what the look found new.
        work: the steps.
        outbox: writes, then acknowledges.
        sweep: forgets idle visitors and sessions.
        shelf: gives the states of a partition, None where they are not this worker's.
        feed: tells how long sessions may be.
        book: is told what became of every record.
        unfold: makes events of webhooks' requests; None where there are none.
    """

    def __init__(
        self,
        *,
        look: Look,
        decide: Decide,
        work: Work,
        outbox: Outbox,
        sweep: Sweep,
        shelf: Callable[[int], Shelf | None],
        feed: SourceFeed,
        topics: Topics,
        metrics: Metrics,
        book: Book,
        unfold: Unfold | None = None,
    ) -> None:
        self._book = book
        self._look = look
        self._unfold = unfold
        self._decide = decide
        self._work = work
        self._outbox = outbox
        self._sweep = sweep
        self._shelf = shelf
        self._feed = feed
        self._prefix = len(topics.raw("").name)
        self._answers = topics.answers.partitions
        self._profiles = topics.profiles.partitions
        self._metrics = metrics
        self._idle = (-1, IDLE_MS)
        self._faults = Faults()

    async def run(self, events: AsyncIterator[Event]) -> None:
        """Process until the stream ends; an exception from here is a reason to crash."""
        async for event in events:
            await self._outbox.room()
            message = event.message
            record = Record(
                message.topic[self._prefix :],
                message.topic,
                message.partition,
                message.offset,
                event.value or b"",
            )
            unfold = self._unfold
            if unfold is not None and unfold.concerns(record.source_id):
                ahead = self._look.unfolded(record, await unfold(record))
                await self._part(event, ahead, Whole(1))
                continue
            lines = codec.split_lines(record.value)
            whole = Whole(len(lines))
            for first, some in cut(lines):
                if not await self._part(event, self._look.part(record, some, first), whole):
                    break

    async def _part(self, event: Event, ahead: Ahead, whole: Whole) -> bool:
        """Do a part of a record; tell whether the next one may be done."""
        if ahead.wishes:
            await self._decide(ahead.wishes.values())
        partition = event.message.partition
        shelf = self._shelf(partition)
        if shelf is None:
            logger.warning("partition %d went before its record was done; it is not", partition)
            return False
        outcome = self._work(ahead)
        self._judge(event.message.topic[self._prefix :], outcome)

        if outcome.answers:
            outcome.answers = [it for it in outcome.answers if it[0] < self._answers]

        last = whole.worked()

        def done() -> None:
            if last:
                event.ack()
                self._metrics.add("headrace_process_records_total")
            self._count(outcome)

        self._outbox.put(
            partition,
            lines=outcome.lines,
            dead=outcome.dead,
            keys=[*outcome.states, *shelf.overdue()],
            merges=outcome.merges,
            changes={
                key: (partition_of(profile_id, self._profiles), value)
                for key, (profile_id, value) in outcome.changes.items()
            },
            answers=outcome.answers,
            note=partial(self._enter, event.message, whole, outcome),
            done=done,
        )
        if outcome.newest:
            self._forget(outcome.newest)
        return True

    def _enter(self, message: Message, whole: Whole, outcome: Outcome, into: Span) -> None:
        """Note in the ledger what became of a record, when all of it is written."""
        place = message.topic, message.partition, message.offset
        if whole.written(outcome, into):
            for source_id, minute, counts, span in whole.entries():
                self._book.note(place, source_id, minute, counts, span)

    def _judge(self, source_id: str, outcome: Outcome) -> None:
        try:
            self._faults.judge(source_id, len(outcome.lines) + outcome.unsaved, outcome.codes)
        except HeadraceError:
            self._outbox.close()
            raise

    def _forget(self, newest: int) -> None:
        for partition, key in self._sweep.due(newest, idle=self._idle_ms()):
            self._outbox.put(partition, keys=(key,))

    def _idle_ms(self) -> int:
        """Two days, or longer where a source's sessions are."""
        version = self._feed.version
        if self._idle[0] != version:
            registry = self._feed.registry
            sources = filter(None, map(registry.get, registry.ids()))
            longest = max((source.session_timeout for source in sources), default=0)
            self._idle = (version, max(IDLE_MS, 2000 * longest))
        return self._idle[1]

    def _count(self, outcome: Outcome) -> None:
        self._metrics.add("headrace_process_events_total", len(outcome.lines))
        for name, count in (
            ("headrace_process_unsaved_total", outcome.unsaved),
            ("headrace_process_merges_total", len(outcome.merges)),
            ("headrace_process_changes_total", len(outcome.changes)),
            ("headrace_process_answers_total", len(outcome.answers)),
        ):
            if count:
                self._metrics.add(name, count)
        for reason, count in outcome.invalid.items():
            self._metrics.add("headrace_process_invalid_values_total", count, reason=reason)
        for code in outcome.codes:
            self._metrics.add("headrace_process_dead_total", code=code)
