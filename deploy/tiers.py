"""The tiers: every room built from the settings and run in the foreground."""

import logging
import os
import random
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.books import keep_books
from deploy.declare import wait_for_kafka
from deploy.registry import Tail
from deploy.settings import SettingError
from deploy.tier import Foreground, beside, clock, new_id, running
from schemas.errors import Malformed
from schemas.metrics import Metrics

if TYPE_CHECKING:
    from deploy.lags import Lags
    from processors.app import StoreName
    from processors.steps.enrich import Locate
    from sinks.pulse import Pulse

log: Final = logging.getLogger(__name__)
KAFKA_SECONDS: Final = 60.0
_FAUST_PORT: Final = 6066


async def ingest(tier: Foreground, *, host: str, port: int, fd: int | None) -> None:
    """HTTP in: serve until stopped, then finish what is under way and drain the publisher."""
    from deploy.desk import Desk, archive_of
    from deploy.gatekeeping import Gatekeeper
    from deploy.imports.packed import Unpacker
    from deploy.probe import bind, serve
    from deploy.recall import Recall, Waiting
    from deploy.spooling import Spooling
    from deploy.webhooks.admitting import hooks_of
    from ingest.answers import KafkaAnswers
    from ingest.app import build_app
    from ingest.gate import Gate
    from ingest.heart import Heart
    from ingest.publish import KafkaPublisher
    from ingest.rounds import Patience
    from schemas.wire import VENDORS

    settings = tier.settings
    ids = settings.ids()
    # The publisher says when the broker goes and comes; its client would at every attempt.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    listener = bind(host, port, option="--port") if fd is None else socket.socket(fileno=fd)
    book, keeper = keep_books("edge", settings, tier.metrics)
    spooling = Spooling(settings, tier.metrics)
    publisher = KafkaPublisher(
        settings.kafka, metrics=tier.metrics, clock=clock, ledger=book, spool=spooling.spool
    )
    tail = Tail(settings.kafka, settings.topics, tasks=True)
    recall = Recall(tail, settings, spooling.memory)
    desk = Desk(settings, tail, archive=lambda: archive_of(settings), clock=clock)
    answers = KafkaAnswers(settings.kafka, settings.topics, chance=random.random, new_id=new_id)
    edge, gate = f"{socket.gethostname()}-{os.getpid()}", Gate()
    heart = Heart(
        publisher,
        settings.topics,
        tier.metrics,
        edge=edge,
        seconds=settings.heartbeat,
        clock=clock,
        new_id=new_id,
    )
    gatekeeper = Gatekeeper(settings, gate, publisher, tier.metrics, edge=edge, clock=clock)
    async with AsyncExitStack() as stack:
        for part in (spooling, recall, desk, answers, keeper, publisher, heart, gatekeeper):
            await stack.enter_async_context(running(part))
        app = build_app(
            vendors=VENDORS,
            publisher=publisher,
            feed=recall,
            desk=Waiting(desk, recall),
            answers=answers,
            patience=Patience(settings.answer_seconds, settings.answer_seconds + 1),
            topics=settings.topics,
            ids=ids,
            clock=clock,
            new_id=new_id,
            metrics=tier.metrics,
            trusted_proxies=tuple(filter(None, settings.proxies.split(","))),
            hooks=hooks_of(settings, lambda: recall.webhooks, new_id),
            gate=gate,
            unpack=Unpacker(),
        )
        tier.ready(port=listener.getsockname()[1])
        await serve(app, listener, tier.stop)


async def process(tier: Foreground, *, host: str, metrics_port: int | None, worker: int) -> None:
    """Topic to topic: one Faust worker."""
    from deploy.deciding import Decider
    from deploy.writes import Writer
    from processors.app import build_app, run
    from schemas.wire import vendor

    settings = tier.settings
    ids, store = settings.ids(), storing(settings.store)
    locate = locating(settings.geoip)
    await wait_for_kafka(settings.kafka, seconds=KAFKA_SECONDS)
    tail = Tail(settings.kafka, settings.topics)
    writer = Writer(settings.kafka, tail)
    decider = Decider(settings.topics.schemas.name, tail, writer, tier.metrics)
    book, keeper = keep_books("process", settings, tier.metrics)
    async with running(tail), running(decider), running(keeper):
        app = build_app(
            kafka=settings.kafka,
            topics=settings.topics,
            feed=tail,
            decide=decider,
            vendors=vendor,
            ids=ids,
            clock=clock,
            metrics=tier.metrics,
            app_id=settings.process_group,
            web_port=_FAUST_PORT + worker,
            data=settings.data / f"process-{worker}",
            locate=locate,
            book=book,
            store=store,
            webhooks=tail.webhooks,
        )
        work = run(app, stop=tier.stop, ready=tier.ready, failing=tier.failing)
        await beside(tier, work, host, metrics_port)


def storing(name: str) -> "StoreName":
    """Take the name of a store.

    Raises:
        SettingError: there is none of that name.
    """
    match name:
        case "memory" | "rocksdb":
            return name
        case _:
            raise SettingError(f"HEADRACE_STORE must be memory or rocksdb, not {name!r}")


def locating(geoip: str) -> "Locate":
    """Open the database that tells where addresses are, or say that there is none.

    Raises:
        SettingError: it cannot be read.
    """
    from processors.geo import open_geo
    from processors.steps.enrich import nowhere

    if not geoip:
        log.info(
            "HEADRACE_GEOIP is not set: country, region, city, latitude and longitude stay empty "
            "where trackers do not give them"
        )
        return nowhere
    try:
        return open_geo(Path(geoip))
    except Malformed as error:
        raise SettingError(f"HEADRACE_GEOIP: {error.message}") from error


async def sink(tier: Foreground, *, host: str, metrics_port: int | None, worker: int) -> None:
    """Topic to table: one sink."""
    from deploy.keeping import eraser, keepers, retention
    from deploy.lags import Lags
    from deploy.tombstones import KafkaTombstones
    from sinks.clickhouse import ClickHouse
    from sinks.consume import Sink
    from sinks.pulse import Pulse

    settings = tier.settings
    await wait_for_kafka(settings.kafka, seconds=KAFKA_SECONDS)
    pulse = Pulse(
        ClickHouse(settings.clickhouse_writer), clock, tier.metrics, seconds=settings.heartbeat
    )
    lags = Lags(settings, tier.metrics, clock)
    book, keeper = keep_books("sink", settings, tier.metrics)
    tail = Tail(settings.kafka, settings.topics)
    views, folding = keepers(tier, tail)
    tier.doubt, tier.refresh = _doubts(tier.metrics, pulse, lags)
    runner = Sink(
        kafka=settings.kafka,
        topics=settings.topics,
        clickhouse=ClickHouse(settings.clickhouse_writer),
        clock=clock,
        metrics=tier.metrics,
        group=settings.sink_group,
        chance=random.random,
        instance=f"{settings.sink_group}-{socket.gethostname()}-{worker}",
        beats=pulse.take,
        book=book,
        folding=folding,
    )
    tombstones = KafkaTombstones(settings.kafka, settings.topics)
    sweeping = eraser(tier, tail, tombstones).run(tier.stop, tier.metrics)
    expiring = retention(tier, tail).run(tier.stop)
    viewing, folds = views.run(tier.stop, tier.metrics), folding.run(tier.stop)
    chores = (sweeping, expiring, viewing, folds, pulse.run(tier.stop), lags.run(tier.stop))
    async with running(keeper), running(tail), running(tombstones):
        await beside(tier, runner.run(tier.stop, tier.ready), host, metrics_port, *chores)


def _doubts(
    metrics: Metrics, pulse: "Pulse", lags: "Lags"
) -> tuple[Callable[[], str], Callable[[], None]]:
    """Say that no event comes through and which tier is behind; and keep the gauges of that."""

    def doubt() -> str:
        trouble, limit = pulse.trouble(), pulse.limit_ms
        # A heartbeat on one partition says nothing of another one that stands still.
        doubted = trouble or lags.late(limit)
        return "; ".join(filter(None, (trouble, lags.blame(limit)))) if doubted else ""

    def refresh() -> None:
        metrics.set("headrace_heartbeat_age_seconds", pulse.age_ms / 1000)
        metrics.set("headrace_last_success_ms", pulse.last_success, tier="query")

    return doubt, refresh
