"""The Faust app: values in, a worker out; and how to run one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import faust
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message, TopicT

from processors.agents import Intake, Processing, add_agent
from processors.ledger import Ledger
from processors.outbox import Items, Outbox
from processors.steps.decode import Vendors
from processors.subscribe import TopicsUnfit, unfit
from processors.visits import Store, Sweep, Visits
from processors.work import SourceFeed, Work
from schemas.errors import HeadraceError, Unavailable
from schemas.ids import Ids
from schemas.metrics import Metrics
from schemas.topics import MAX_RECORD_BYTES, PACK_BYTES, Topic, Topics

logger = logging.getLogger(__name__)

APP_ID: Final = "headrace-processors"
STOP_SECONDS: Final = 20.0
_TABLE: Final = "sessions"
_IDS_CACHED: Final = 8192
_LOOK_SECONDS: Final = 0.5
_LOOKS: Final = 6
_STUCK_SECONDS: Final = 120.0

SETTINGS: Final[Mapping[str, Any]] = {
    # Apache Kafka's group.min.session.timeout.ms is 6 s by default; a killed worker's
    # partitions wait for this long and no longer.
    "broker_session_timeout": 6.0,
    "broker_heartbeat_interval": 1.5,
    "broker_rebalance_timeout": 20.0,
    "broker_request_timeout": 30.0,
    # what a crash repeats; each commit costs one round trip
    "broker_commit_interval": 0.5,
    "producer_request_timeout": 30.0,
    "producer_max_request_size": MAX_RECORD_BYTES,
    "producer_max_batch_size": 2 * PACK_BYTES,
    "consumer_auto_offset_reset": "earliest",
    "processing_guarantee": "at_least_once",
    "store": "memory://",
    "table_standby_replicas": 0,
    "topic_disable_leader": True,
    "stream_wait_empty": True,
    "web_enabled": False,
    # Faust would let variables such as WEB_PORT of the environment override all this
    "env": MappingProxyType({}),
}


def changelog(topics: Topics, app_id: str = APP_ID) -> Topic:
    """The topic that keeps the sessions; Faust makes it when ``headrace init`` has not."""
    return Topic(f"{app_id}-{_TABLE}-changelog", topics.partitions, compacted=True)


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

    async def write(self, topic: str, partition: int, items: Items) -> Awaitable[Any]:
        """Hand over records as whole batches; the result is done when all replicas have them.

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
        return asyncio.gather(*delivered)


class Consumer(driver.Consumer):
    """Faust's consumer with another account of what may be committed, see :mod:`.ledger`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._ledger = Ledger()
        super().__init__(*args, **kwargs)

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
        await super().on_partitions_assigned(assigned, generation_id)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if self.app.topics.acks_enabled_for(record.topic):
            self._ledger.delivered(tp, record.offset)
        return super()._to_message(tp, record)

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


class Processors(faust.App):
    """A Faust app over the raw topics of all event sources.

    Attributes:
        subscription: which topics it reads.
    """

    subscription: "Subscription"

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    @property
    def writer(self) -> Producer:
        """The producer, as what it is."""
        producer = self.producer
        if not isinstance(producer, Producer):
            raise TypeError(f"the app's producer is a {type(producer).__name__}")
        return producer


class Subscription:
    """Keeps the app reading the raw topic of every source.

    One rebalance takes in all sources that are there; see ``Conductor._subscriber`` of faust
    0.15.3, which waits before it subscribes anew, 45 seconds if it is not told otherwise.
    """

    def __init__(
        self, app: Processors, intake: Intake, topics: Topics, feed: SourceFeed, app_id: str
    ) -> None:
        self._app = app
        self._intake = intake
        self._topics = topics
        self._feed = feed
        self._changelog = changelog(topics, app_id)
        self._channels: dict[str, TopicT] = {}
        self._seen: dict[str, str] = {}
        self._told: dict[str, str] = {}

    async def begin(self) -> None:
        """Take in every source known now.

        Raises:
            TopicsUnfit: when the topics written to are not what they must be, nor become it
                in a few looks: a broker may learn of a new topic later than its controller.
        """
        for _ in range(_LOOKS):
            found = await self._app.writer.partitions()
            fixed = [self._topics.events, self._topics.dead]
            if self._changelog.name in found:
                fixed.append(self._changelog)
            faults = unfit(fixed, found)
            if not faults:
                self._take(found)
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise TopicsUnfit("topics-unfit", "; ".join(faults.values()))

    async def follow(self) -> None:
        """Take in sources as they come, until cancelled."""
        conductor = self._conductor()
        conductor._resubscribe_sleep_lock_seconds = _LOOK_SECONDS  # noqa: SLF001 - no setting
        seen = self._feed.version
        while True:
            if self._take(await self._app.writer.partitions()) and self._subscribed():
                seen = await self._feed.changed(seen)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    def _take(self, found: Mapping[str, int]) -> bool:
        """Add what is fit; True when there is no rest to complain about."""
        wanted = map(self._topics.raw, self._feed.registry.ids())
        new = [topic for topic in wanted if topic.name not in self._channels]
        faults = unfit(new, found)
        for topic in new:
            if topic.name not in faults:
                channel = self._intake.channel_of(topic)
                self._channels[topic.name] = channel
                self._app.topics.add(channel)
        self._complain(faults)
        return not faults

    def _complain(self, faults: Mapping[str, str]) -> None:
        """Log a fault once, when it is there at a second look: topics follow their sources."""
        for name, fault in faults.items():
            if self._seen.get(name) == fault != self._told.get(name):
                self._told[name] = fault
                logger.error("events of a source are not processed: %s", fault)
        self._seen = dict(faults)

    def _subscribed(self) -> bool:
        """Tell whether the consumer was told of all; Faust forgets changes during a rebalance."""
        conductor = self._conductor()
        index = conductor._topic_name_index  # noqa: SLF001 - the only place that knows
        if all(name in index for name in self._channels):
            return True
        if not self._app.rebalancing:
            conductor._flag_changes()  # noqa: SLF001 - as Conductor.add does
        return False

    def _conductor(self) -> Conductor:
        conductor = self._app.topics
        if not isinstance(conductor, Conductor):
            raise TypeError(f"the app's conductor is a {type(conductor).__name__}")
        return conductor


def build_app(
    *,
    kafka: str,
    topics: Topics,
    feed: SourceFeed,
    vendors: Vendors,
    ids: Ids,
    clock: Callable[[], int],
    metrics: Metrics,
    web_port: int,
    data: Path,
    app_id: str = APP_ID,
) -> Processors:
    """Put a worker together; nothing is connected before :func:`run`.

    Args:
        kafka: ``host:port``, several with commas.
        topics: names and partition count.
        feed: the sources; it must have read its topic to the end once.
        vendors: finds a vendor module by its protocol's name, None when there is none.
        ids: issues session and profile ids; the same secret on every worker.
        clock: Unix ms.
        web_port: tells workers on one host apart; nothing listens there.
        data: a directory of this worker's own; holds nothing that cannot be lost.
        app_id: consumer group and beginning of the changelog's name.
    """
    app = Processors(
        app_id,
        broker=";".join(f"kafka://{address.strip()}" for address in kafka.split(",")),
        datadir=str(data),
        web_port=web_port,
        web_host="127.0.0.1",
        topic_partitions=topics.partitions,
        **SETTINGS,
    )
    table = app.Table(_TABLE, key_type=bytes, value_type=bytes, partitions=topics.partitions)
    # as many as the broker's default.replication.factor says (KIP-464)
    table.changelog_topic.replicas = -1
    intake = Intake(app)
    app.subscription = Subscription(app, intake, topics, feed, app_id)

    def store() -> Store:
        kept: Store = table.data
        return kept

    def processing() -> Processing:
        return Processing(
            work=Work(
                lambda: feed.registry,
                vendors,
                lru_cache(_IDS_CACHED)(ids.issue),
                Visits(store),
                clock,
            ),
            outbox=Outbox(
                app.writer.write,
                topics=(topics.events.name, topics.dead.name, changelog(topics, app_id).name),
                state=lambda key: store().get(key),
                temporary=temporary,
                broken=app.crash,
            ),
            sweep=Sweep(store),
            owned=_owner(app, changelog(topics, app_id).name),
            feed=feed,
            topics=topics,
            metrics=metrics,
        )

    add_agent(app, intake, processing)
    app.task(app.subscription.follow)
    return app


def _owner(app: Processors, changelog_name: str) -> Callable[[], frozenset[int]]:
    """Make a cheap way to ask which partitions of the state are this worker's."""
    generation = -1
    owned: frozenset[int] = frozenset()

    def owner() -> frozenset[int]:
        nonlocal generation, owned
        if generation != app.consumer_generation_id:
            generation = app.consumer_generation_id
            mine: set[TP] = app.assignor.assigned_actives()
            owned = frozenset(tp.partition for tp in mine if tp.topic == changelog_name)
        return owned

    return owner


async def run(app: Processors, *, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Run a worker until ``stop`` is set; what it has read is finished before this returns.

    Args:
        ready: called once, when records are being processed.

    Raises:
        TopicsUnfit: see :meth:`Subscription.begin`.
        Unavailable: no broker could be reached.
        HeadraceError: ``processors-crashed``; the cause is the exception that crashed it.
    """
    await _begin(app)
    starting = asyncio.ensure_future(app.start())
    ended = asyncio.ensure_future(app.wait_until_stopped())
    watching = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(_stuck(app))}
    try:
        await asyncio.wait({starting, ended, *watching}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            if not app.should_stop:
                ready()
            await asyncio.wait({ended, *watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in watching:
            if task.done():
                task.result()
    finally:
        for task in (starting, *watching):
            task.cancel()
        await asyncio.wait_for(app.stop(), STOP_SECONDS)
        await ended
    if app.crash_reason is not None:
        raise HeadraceError(
            "processors-crashed", f"the processors crashed: {app.crash_reason!r}"
        ) from app.crash_reason


async def _begin(app: Processors) -> None:
    """Start the producer alone: topics are looked at before any is subscribed to."""
    try:
        await app.writer.maybe_start()
        await app.subscription.begin()
    except BaseException as error:
        await app.writer.stop()
        if isinstance(error, Exception) and temporary(error):
            raise Unavailable(
                "broker-unreachable", f"no broker answers at {app.conf.broker}: {error}"
            ) from error
        raise


async def _stuck(app: Processors) -> None:
    """End a worker whose rebalance never ends: Faust's recovery can stop without a word."""
    since = 0.0
    while since < _STUCK_SECONDS:
        await asyncio.sleep(1.0)
        since = since + 1.0 if app.rebalancing else 0.0
    raise HeadraceError(
        "processors-stuck", f"a rebalance did not end in {_STUCK_SECONDS:.0f} s"
    ) from TimeoutError()
