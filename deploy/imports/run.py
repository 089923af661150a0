"""An import with what it needs beside it: the publisher, the ledger, the sources."""

from contextlib import AsyncExitStack

from deploy.books import keep_books
from deploy.imports.pressure import Pressure
from deploy.imports.progress import Progress
from deploy.imports.state import Rejects, StateFile
from deploy.imports.work import Import, Job
from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tier import clock, running
from ingest.publish import KafkaPublisher
from schemas.metrics import Metrics
from schemas.sources import Source


async def run(
    settings: Settings,
    source: Source,
    job: Job,
    kept: StateFile,
    rejects: Rejects,
    *,
    ahead: int,
    rate: int,
    progress: Progress,
) -> None:
    """Import, as one more edge: its records are in the ledger like any other's.

    Raises:
        Malformed: a file as a whole is wrong.
        Unavailable: a file cannot be read on; run it again.
    """
    metrics = Metrics()
    book, keeper = keep_books("edge", settings, metrics)
    publisher = KafkaPublisher(settings.kafka, metrics=metrics, clock=clock, ledger=book)
    tail = Tail(settings.kafka, settings.topics)
    topic = settings.topics.raw(source.id)
    async with AsyncExitStack() as stack:
        for part in (tail, keeper, publisher):
            await stack.enter_async_context(running(part))
        pressure = await stack.enter_async_context(
            Pressure(settings, topic, ahead=ahead, rate=rate, waiting=progress.waiting)
        )
        work = Import(
            job,
            source,
            topics=settings.topics,
            publisher=publisher,
            tail=tail,
            pressure=pressure,
            kept=kept,
            rejects=rejects,
            tell=progress.tell,
            waiting=progress.waiting,
        )
        await work.run()
