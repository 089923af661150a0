"""``headrace bridge`` in the foreground."""

import logging
from contextlib import AsyncExitStack

from deploy.books import keep_books
from deploy.bridge.bridge import Bridge
from deploy.declare import wait_for_kafka
from deploy.registry import Tail
from deploy.tier import Foreground, beside, clock, running
from deploy.tiers import KAFKA_SECONDS
from ingest.publish import KafkaPublisher


async def bridge(tier: Foreground, *, host: str, metrics_port: int | None) -> None:
    """Topics of somebody's Kafka to raw topics: one more edge, so the ledger counts it as one."""
    settings = tier.settings
    # A cluster that is away is told of once, by the feed that cannot reach it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    await wait_for_kafka(settings.kafka, seconds=KAFKA_SECONDS)
    book, keeper = keep_books("edge", settings, tier.metrics)
    publisher = KafkaPublisher(settings.kafka, metrics=tier.metrics, clock=clock, ledger=book)
    tail = Tail(settings.kafka, settings.topics)
    work = Bridge(settings, tail, publisher, tier.metrics, clock)
    tier.doubt = lambda: publisher.trouble
    # one source's cluster that is away must not take the worker from the others
    tier.detail = lambda: work.detail
    tier.refresh = work.refresh
    async with AsyncExitStack() as stack:
        for part in (tail, keeper, publisher):
            await stack.enter_async_context(running(part))
        tier.ready()
        await beside(tier, work.run(tier.stop), host, metrics_port)
