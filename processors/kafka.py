"""Faust's Kafka driver, mended where it loses records, repeats them or waits too long."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, Protocol, cast

from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message

from processors.ledger import Ledger
from processors.membership import Membership, dismiss
from processors.pack import Items

FETCH_WAIT_MS: Final = 250
FETCH_BYTES: Final = 4 << 20
"""Of one answer, over all partitions: with a hundred sources there are many."""
_LOOK_SECONDS: Final = 0.02
_LOOKS: Final = 50
"""A broker that gives no ids before a rebalance is over (Kafka before 2.3) is told without."""


class Producer(driver.Producer):
    """Faust's producer, made idempotent: a retry never doubles a record or changes their order."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def partitions(self) -> dict[str, int]:
        """Ask the broker for every topic and its number of partitions.

        All of them, because asking for one by name creates it where the broker is set to.
        """
        cluster = await self._ensure_producer().client.fetch_all_metadata()
        return {name: len(cluster.partitions_for_topic(name) or ()) for name in cluster.topics()}

    async def write(self, topic: str, partition: int, items: Items) -> Awaitable[int]:
        """Hand over records as whole batches; the result is done when all replicas have them.

        It is the offset of the last record, or less where the broker does not say.

        A batch built here costs a tenth of as many single sends; the producer's own batches
        are not used beside it, so their order is the order of the calls.
        """
        producer = self._ensure_producer()
        delivered: list[Awaitable[Any]] = []
        batch = producer.create_batch()
        for key, value in items:
            if batch.append(timestamp=None, key=key, value=value) is None:
                delivered.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        batch.close()
        delivered.append(await producer.send_batch(batch, topic, partition=partition))
        return _last_offset(delivered, batch.record_count())

    async def dismiss(self, group: str, member: str) -> None:
        """Tell a consumer group that a member is no more."""
        await dismiss(self._ensure_producer().client, group, member)


async def _last_offset(delivered: list[Awaitable[Any]], count: int) -> int:
    landed = await asyncio.gather(*delivered)
    return int(landed[-1].offset) + count - 1


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's fetching thread, which must not read past what nobody takes.

    A fetch that was waiting when a rebalance began answers in the midst of it. Faust drops the
    records, and goes back only where an offset was committed: the first records of a new topic
    are lost, and so is state, for a changelog never has a commit; a recovery that misses the
    end of its changelog waits for ever.
    """

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust says 1.5 s: whatever a recovery asks waits behind a parked fetch for so long
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - no setting
        consumer._fetch_max_bytes = FETCH_BYTES  # noqa: SLF001 - no setting
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> RecordMap:
        # a copy, because the other thread empties the set, and an empty one means all
        wanted = set(active_partitions)
        if not wanted:
            return {}
        records = await super()._fetch_records(consumer, wanted, timeout, max_records)
        if self.consumer.flow_active:
            return records
        for tp in records.keys() & consumer.assignment():
            consumer.seek(tp, records[tp][0].offset)
        return {}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, unless nothing is assigned: it is tried again after the assignment.

        A subscription to one more topic takes the assignment away at once, and a commit that
        falls between that and the next one would crash the worker.
        """
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001 - no other way to ask
        if subscription is None or subscription.assignment is None:
            return False
        return bool(await super()._commit(offsets))


class _NothingRead(dict[TP, int | None]):
    """The offsets read so far, of which Faust is never sure.

    Records below them are dropped as old, but an offset from before a rebalance is set after
    it was forgotten, and new records are dropped for its sake.
    """

    def __getitem__(self, tp: TP) -> None:
        """Never remember one."""


class App(Protocol):
    """What a consumer works for; see :class:`processors.app.Processors`."""

    @property
    def writer(self) -> Producer:
        """The producer."""

    def joining(self) -> None:
        """Use the time that the group takes for its rebalance."""


class Consumer(driver.Consumer):
    """Faust's consumer with another account of what may be committed, see :mod:`.ledger`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._ledger = Ledger()
        super().__init__(*args, **kwargs)
        self._read_offset = _NothingRead()
        self._membership = Membership(self.app.conf.datadir)
        self._former = ""
        self._joining = False

    async def on_start(self) -> None:
        """Learn whose place in the group this is."""
        self._former = self._membership.take()
        await super().on_start()

    async def on_shutdown(self) -> None:
        """Let go of the directory, when nothing is consumed any more."""
        await super().on_shutdown()
        self._membership.release()

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group, which need not wait any longer for who was killed in this place.

        Another subscription takes the assignment away at once, and what is not committed by then
        is read again.
        """
        await self.commit()
        await super().subscribe(topics)
        if not self._joining:
            self._joining = True
            self.add_future(self._join())

    async def _join(self) -> None:
        """Have one rebalance for who is gone and who has come: the group hears of this one first.

        An empty group would, moreover, wait for others who might join it (in Kafka for
        ``group.initial.rebalance.delay.ms``, 3 s).
        """
        for _ in range(_LOOKS):
            if self._member_id:
                break
            await self.sleep(_LOOK_SECONDS)
        app = cast("App", self.app)
        if self._former:
            await app.writer.dismiss(self.app.conf.id, self._former)
        app.joining()

    @property
    def _member_id(self) -> str:
        """What the group knows this consumer by; "" before it has heard of it."""
        # the only place that knows
        return str(self._thread._ensure_consumer()._coordinator.member_id)  # noqa: SLF001

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Message) -> bool:
        """Settle a record."""
        acknowledged = super().ack(message)
        self._ledger.acknowledged(message.tp, message.offset)
        return acknowledged

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit before letting go.

        Faust forgets first, and repeats up to a commit interval of records after a rebalance.
        """
        await self.commit()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin new accounts."""
        self._ledger.forget(assigned)
        self._membership.keep(self._member_id)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> RecordMap:
        records = dict(await super()._getmany(active_partitions, timeout))
        back = {tp: records.pop(tp)[0].offset for tp in records.keys() - self._active_partitions}
        for tp, batch in records.items():
            if self.app.topics.acks_enabled_for(tp.topic):
                # what comes again in one assignment was sought for, not lost
                records[tp] = [
                    record for record in batch if self._ledger.delivered(tp, record.offset)
                ]
        if back and self.flow_active:
            # paused while they were fetched; Faust would drop them and go on behind them
            await self.seek_wait({tp: back[tp] for tp in back.keys() & self.assignment()})
        return records

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._ledger.safe(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets that the broker skips (compaction, markers) were never open."""


class Transport(driver.Transport):
    """Kafka through aiokafka, with the producer and the consumer above."""

    Producer = Producer
    Consumer = Consumer


def temporary(error: BaseException) -> bool:
    """Tell whether writing failed for a reason that passes by itself."""
    cause = error.__cause__ or error
    if isinstance(cause, TimeoutError) or type(cause).__name__ == "KafkaTimeoutError":
        return True
    return bool(getattr(cause, "retriable", False))
