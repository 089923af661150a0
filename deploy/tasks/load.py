"""``files.import`` of a script: files of any size, fetched here and published as any import's."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from deploy.imports.look import look
from deploy.imports.places import Place, remote
from deploy.imports.pressure import Pressure
from deploy.imports.unpack import Bounds
from deploy.imports.work import Import, Job, Told
from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tasks.emit import source_of
from deploy.tasks.host import Stopped
from deploy.tasks.kept import Kept, Letters
from deploy.tasks.order import Order, order_of
from deploy.tasks.stream import Open
from deploy.tier import clock
from ingest.ending import ended, over
from ingest.publish import KafkaPublisher
from schemas.errors import Malformed
from schemas.reading import JsonObject
from schemas.sources import Source
from schemas.tasks import Task
from schemas.wire.imports.edge import check_bridge

AHEAD: Final = 10_000
MAX_FILES: Final = 10_000
"""Files of one import."""
LOOKED_AT: Final = 20
"""Files of one that stores nothing."""
LONGEST_SECONDS: Final = 86_400.0
HELD_BYTES: Final = 4 << 30
"""Of a zip or Parquet file, which is copied to disk."""
_BOUNDS: Final = Bounds(held=HELD_BYTES)
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Loading:
    """What imports of a run need.

    Attributes:
        publisher: None where nothing is to be stored.
        known: how far the imports of earlier runs are.
        write: keeps how far they are.
        over: says why the run is to end, None while it may go on.
        say: writes a line into the run's log.
        hide: takes secrets out of a text.
        count: is told how many more rows were stored.
        hang_up: ends the connection that is open, if one is.
    """

    settings: Settings
    tail: Tail
    publisher: KafkaPublisher | None
    task: Task
    dry: bool
    known: Callable[[], Mapping[str, Any]]
    write: Callable[[Mapping[str, Any]], Awaitable[None]]
    over: Callable[[], Stopped | None]
    say: Callable[[str], None]
    hide: Callable[[str], str]
    count: Callable[[int], None]
    hang_up: Callable[[], None]


async def load(loading: Loading, options: Any, opener: Open) -> JsonObject:
    """Import what a script asks for; returns how many rows that were.

    Raises:
        Malformed: ``import-invalid``, ``file-missing``, ``too-many-files``, ``source-unknown``;
            what is wrong with a file as a whole.
        Refused: ``source-disabled``, ``bridge-mismatch``.
        Unavailable: a file cannot be read on; another run goes on where this one was.
        Stopped: the run is over.
    """
    order = order_of(options)
    source = _source(loading)
    places = await _unless_over(loading, asyncio.to_thread(_places, loading, order, opener))
    if loading.dry or loading.publisher is None:
        lines = await _unless_over(loading, asyncio.to_thread(_looked_at, places, order))
        for line in lines:
            loading.say(line)
        return {"rows": 0, "rejected": 0, "files": len(places), "dry": True}
    return await _import(loading, loading.publisher, source, order, places)


def _source(loading: Loading) -> Source:
    source = source_of(loading.tail, loading.task)
    check_bridge(source)
    return source


def _places(loading: Loading, order: Order, opener: Open) -> tuple[Place, ...]:
    found: list[Place] = []
    for address in order.addresses:
        every = remote(address, order.headers, order.access, opener)
        found += islice(every, MAX_FILES + 1 - len(found))
        if len(found) > MAX_FILES:
            message = f"an import has at most {MAX_FILES} files: name a longer prefix"
            raise Malformed("too-many-files", message)
    # queries of addresses may be signatures, and names are kept and shown
    return tuple(replace(place, name=loading.hide(place.name.partition("?")[0])) for place in found)


def _looked_at(places: Sequence[Place], order: Order) -> list[str]:
    some = places[:LOOKED_AT]
    lines = list(look(some, order.wish, order.container, clock(), _BOUNDS))
    if len(places) > len(some):
        lines.append(f"and {len(places) - len(some)} files more")
    return lines


async def _import(
    loading: Loading,
    publisher: KafkaPublisher,
    source: Source,
    order: Order,
    places: tuple[Place, ...],
) -> JsonObject:
    kept = Kept(loading.known(), order.key, loading.write, clock())
    before, bad = kept.state.sent, kept.state.rejected
    letters = Letters(loading.say, kept)
    settings = loading.settings
    topic = settings.topics.raw(source.id)
    counted = before

    def tell(told: Told) -> None:
        nonlocal counted
        kept.tell(told)
        loading.count(told.sent - counted)
        counted = told.sent
        _source(loading)  # it may be taken away or disabled meanwhile

    async with AsyncExitStack() as stack:
        pressure = await stack.enter_async_context(
            Pressure(settings, topic, ahead=AHEAD, rate=order.rate, waiting=lambda _: None)
        )
        await stack.enter_async_context(_keeping(kept))
        work = Import(
            Job(places, order.wish, order.container, _BOUNDS),
            source,
            topics=settings.topics,
            publisher=publisher,
            tail=loading.tail,
            pressure=pressure,
            kept=kept,
            rejects=letters,
            tell=tell,
            waiting=lambda _: None,
        )
        await _unless_over(loading, work.run(), kept)
        kept.bad = 0
        kept.save()
    state = kept.state
    rows, rejected = state.sent - before, state.rejected - bad
    return {"rows": rows, "rejected": rejected, "files": len(places), "dry": False}


@asynccontextmanager
async def _keeping(kept: Kept) -> AsyncIterator[None]:
    writing = asyncio.create_task(kept.run(), name="import-kept")
    try:
        yield
    finally:
        await ended(writing)
        await kept.flush()


async def _unless_over(loading: Loading, work: Awaitable[Any], kept: Kept | None = None) -> Any:
    """Wait for work, and let it be where the run is over.

    Raises:
        Stopped: the run is over, or somebody else's.
    """
    ends = time.monotonic() + LONGEST_SECONDS
    working = asyncio.ensure_future(work)
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=_LOOK_SECONDS)
            _go_on(loading, kept, ends)
        return await working
    except BaseException:
        loading.hang_up()  # else who reads from it would not hear of the end
        raise
    finally:
        await over(working)


def _go_on(loading: Loading, kept: Kept | None, ends: float) -> None:
    over = loading.over()
    if over is not None:
        raise over
    if kept is not None and kept.failure is not None:
        raise Stopped(kept.failure.code, kept.failure.message)
    if time.monotonic() > ends:
        raise Stopped("run-timeout", "an import takes at most a day: run it again")
