"""The Faust app: values in, a worker out; and how to run one."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import faust
from faust.transport.conductor import Conductor

from processors.agents import Intake, add_agent
from processors.ahead import Decide, Look
from processors.kafka import Producer, Transport, temporary
from processors.outbox import Outbox
from processors.pack import Names
from processors.processing import Processing
from processors.restore import restore
from processors.running import run
from processors.states import InMemory, Shelves, States, StatesTable, Tables
from processors.steps.decode import Vendors
from processors.steps.enrich import Locate, nowhere
from processors.steps.enrich_agent import parser
from processors.subscribe import LOOK_SECONDS, Subscription
from processors.unfolding import unfolding
from processors.visits import Sweep, Visits
from processors.work import SourceFeed, Work
from schemas.errors import Unavailable
from schemas.ids import Ids
from schemas.ledger import Book
from schemas.metrics import Metrics
from schemas.topics import MAX_RECORD_BYTES, PACK_BYTES, SESSIONS_TABLE, Topic, Topics
from schemas.webhooks import Webhooks

__all__ = ["APP_ID", "Processors", "build_app", "run"]

APP_ID: Final = "headrace-processors"
_IDS_CACHED: Final = 32_768
"""Two for each visitor who is there: some 15 MB."""
StoreName = Literal["memory", "rocksdb"]
SETTINGS: Final[Mapping[str, Any]] = {
    # Apache Kafka's group.min.session.timeout.ms is 6 s by default; a killed worker's
    # partitions wait for this long and no longer.
    "broker_session_timeout": 6.0,
    # how soon everybody hears of a rebalance
    "broker_heartbeat_interval": 0.2,
    "broker_rebalance_timeout": 20.0,
    "broker_request_timeout": 30.0,
    # what a crash repeats; each commit costs one round trip
    "broker_commit_interval": 0.5,
    "producer_request_timeout": 30.0,
    "producer_max_request_size": MAX_RECORD_BYTES,
    "producer_max_batch_size": 2 * PACK_BYTES,
    "producer_compression_type": "zstd",
    # unpacked at once: they may be ten times as large as they came
    "broker_max_poll_records": 64,
    "consumer_auto_offset_reset": "earliest",
    "processing_guarantee": "at_least_once",
    "table_standby_replicas": 0,
    "topic_disable_leader": True,
    "stream_wait_empty": True,
    "web_enabled": False,
    # Faust would let variables such as WEB_PORT of the environment override all this
    "env": MappingProxyType({}),
}


class Processors(faust.App):
    """A Faust app over the raw topics of all event sources.

    Attributes:
        intake: where the records of all of them meet.
        subscription: which they are.
    """

    intake: Intake
    subscription: Subscription

    async def begin(self) -> None:
        """Start the producer alone: topics are looked at before any is subscribed to.

        Raises:
            TopicsUnfit: see :meth:`Subscription.begin`.
            Unavailable: ``broker-unreachable``.
        """
        self.conductor._resubscribe_sleep_lock_seconds = LOOK_SECONDS  # noqa: SLF001 - no setting
        try:
            await self.writer.maybe_start()
            await self.subscription.begin()
        except BaseException as error:
            await self.writer.stop()
            if isinstance(error, Exception) and temporary(error):
                raise Unavailable(
                    "broker-unreachable", f"no broker answers at {self.conf.broker}: {error}"
                ) from error
            raise

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    @property
    def writer(self) -> Producer:
        """The producer, as what it is."""
        producer = self.producer
        if not isinstance(producer, Producer):
            raise TypeError(f"the app's producer is a {type(producer).__name__}")
        return producer

    @property
    def conductor(self) -> Conductor:
        """What subscribes to topics, as what it is."""
        conductor = self.topics
        if not isinstance(conductor, Conductor):
            raise TypeError(f"the app's conductor is a {type(conductor).__name__}")
        return conductor

    def joining(self) -> None:
        """Load what the first event needs, while the group brings its other members together."""
        parser()

    async def partitions(self) -> dict[str, int]:
        """Ask the broker for all topics and their numbers of partitions."""
        return await self.writer.partitions()

    def read(self, topic: Topic) -> None:
        """Read this topic, too; Faust subscribes anew half a second later, once for many."""
        self.topics.add(self.intake.channel_of(topic))

    def reads(self, names: Iterable[str]) -> bool:
        """Tell whether the consumer was told of all; Faust forgets that during a rebalance.

        While Faust is about to subscribe, or writes down to what, nothing needs to be done:
        every further change would be one more rebalance, with everybody silent for its time.
        """
        conductor = self.conductor
        if conductor._tp_to_callback_lock.locked():  # noqa: SLF001 - the index is being written
            return False
        index = conductor._topic_name_index  # noqa: SLF001 - the only place that knows
        if all(name in index for name in names):
            return True
        changed = conductor._subscription_changed  # noqa: SLF001 - set until Faust acts on it
        if not self.rebalancing and changed is not None and not changed.is_set():
            conductor._flag_changes()  # noqa: SLF001 - as Conductor.add does
        return False


def build_app(
    *,
    kafka: str,
    topics: Topics,
    feed: SourceFeed,
    decide: Decide,
    vendors: Vendors,
    ids: Ids,
    clock: Callable[[], int],
    metrics: Metrics,
    web_port: int,
    data: Path,
    app_id: str = APP_ID,
    locate: Locate = nowhere,
    book: Book | None = None,
    store: StoreName = "memory",
    webhooks: Webhooks | None = None,
) -> Processors:
    """Put a worker together; nothing is connected before :func:`run`.

    Args:
        kafka: ``host:port``, several with commas.
        topics: names and partition count.
        feed: the sources; it must have read its topic to the end once.
        decide: has the types of new properties decided; what it decides comes by the feed.
        vendors: finds a vendor module by its protocol's name, None when there is none.
        ids: issues session and profile ids; the same secret on every worker.
        clock: Unix ms.
        web_port: tells workers on one host apart; nothing listens there.
        data: a directory of this worker's own; holds nothing that cannot be lost. With the store
            "rocksdb" it holds the state, which a worker that comes back need not read again.
        app_id: consumer group and beginning of the changelog's name.
        locate: where an address is, see :func:`processors.geo.open_geo`.
        book: is told what became of every record; nobody looks at it without.
        store: where the state of visitors is: in memory, or on disk in ``data``.
        webhooks: whose requests become events by scripts.
    """
    app = Processors(
        app_id,
        broker=";".join(f"kafka://{address.strip()}" for address in kafka.split(",")),
        datadir=str(data),
        web_port=web_port,
        web_host="127.0.0.1",
        topic_partitions=topics.partitions,
        TableManager=Tables,
        **SETTINGS,
    )
    table = _states(app, kafka, topics.sessions(app_id), store, data)
    app.intake = Intake(app)
    app.subscription = Subscription(
        app,
        topics,
        feed,
        written=[topics.events, topics.dead, topics.overrides, topics.profiles, topics.answers],
        made=[topics.sessions(app_id)],
    )

    def processing() -> Processing:
        look, states = Look(feed, vendors, locate), table.states
        return Processing(
            look=look,
            decide=decide,
            work=Work(
                look,
                feed,
                lru_cache(_IDS_CACHED)(ids.issue),
                ids.is_own,
                Visits(states.shelf),
                clock,
            ),
            outbox=Outbox(
                app.writer.write,
                topics=Names(
                    events=topics.events.name,
                    dead=topics.dead.name,
                    changelog=topics.sessions(app_id).name,
                    overrides=topics.overrides.name,
                    profiles=topics.profiles.name,
                    answers=topics.answers.name,
                ),
                states=states.shelf,
                temporary=temporary,
                broken=app.crash,
            ),
            sweep=Sweep(states.shelf, states.partitions),
            shelf=states.find,
            feed=feed,
            topics=topics,
            metrics=metrics,
            book=Book("process", clock, most=0) if book is None else book,
            unfold=None if webhooks is None else unfolding(webhooks, vendors, clock),
        )

    add_agent(app, app.intake, processing)
    app.task(app.subscription.follow)
    return app


def _states(
    app: Processors, kafka: str, changelog: Topic, store: StoreName, data: Path
) -> StatesTable:
    """Make the table of what is remembered, and the store behind it."""
    shelves: Shelves = InMemory()
    if store == "rocksdb":
        # not before it is asked for: its library takes 15 MB
        from processors.disk import Cupboard  # noqa: PLC0415

        shelves = Cupboard(data / changelog.name)
    table = StatesTable(
        app,
        name=SESSIONS_TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=changelog.partitions,
        beacon=app.tables.beacon,
        states=partial(
            States,
            shelves=shelves,
            restore=partial(restore, kafka, changelog.name),
            changelog=changelog.name,
        ),
    )
    # as many as the broker's default.replication.factor says (KIP-464)
    table.changelog_topic.replicas = -1
    app.tables.add(table)
    return table
