"""``headrace tasks work`` in the foreground."""

import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from deploy.books import keep_books
from deploy.declare import wait_for_kafka
from deploy.registry import Tail
from deploy.tasks.work import AT_ONCE, Worker
from deploy.tasks.working import Bench
from deploy.tier import Foreground, beside, clock, running
from deploy.tiers import KAFKA_SECONDS
from deploy.writes import Writer
from ingest.publish import KafkaPublisher


async def work(tier: Foreground, *, host: str, metrics_port: int | None) -> None:
    """Scheduled tasks: one more edge, so the ledger counts it as one."""
    settings = tier.settings
    # What goes wrong with Kafka is said by whoever needs it, once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    await wait_for_kafka(settings.kafka, seconds=KAFKA_SECONDS)
    book, keeper = keep_books("edge", settings, tier.metrics)
    publisher = KafkaPublisher(settings.kafka, metrics=tier.metrics, clock=clock, ledger=book)
    tail = Tail(settings.kafka, settings.topics, tasks=True)
    writer = Writer(settings.kafka, tail)
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="task")
    name = f"{socket.gethostname()}-{os.getpid()}"
    bench = Bench(settings, tail, writer, publisher, tier.metrics, threads, name)
    tier.doubt = lambda: publisher.trouble
    async with AsyncExitStack() as stack:
        for part in (tail, keeper, publisher):
            await stack.enter_async_context(running(part))
        stack.push_async_callback(writer.stop)
        said = False

        def ready() -> None:
            nonlocal said
            if not said:
                said = True
                tier.ready()

        await beside(tier, Worker(bench).run(tier.stop, ready), host, metrics_port)
    threads.shutdown(wait=False, cancel_futures=True)
