"""Dead letters of the sink: rows that ClickHouse will never take, with reason and bytes."""

import base64
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from schemas import codec, dead
from schemas.dead import DeadLetter
from schemas.topics import PACK_BYTES
from sinks.batch import Batch
from sinks.rows import Poison, letters

Send = Callable[[str, int, bytes], Awaitable[None]]
"""Writes a record: topic, partition, value."""

_log = logging.getLogger(__name__)


def letter(item: Poison, topic: str, now: int) -> DeadLetter:
    """Write down one failure; ``now`` is Unix ms."""
    return DeadLetter(
        stage="sink",
        code=item.code,
        reason=item.reason,
        source_id=item.source_id,
        event_id=item.event_id,
        topic=topic,
        partition=item.partition,
        offset=item.offset,
        failed_at=now,
        original=item.line,
    )


def records(letters: Iterable[DeadLetter]) -> Iterator[tuple[int, bytes]]:
    """Pack letters into records: the partition each goes to, and its value."""
    packs: dict[int, list[bytes]] = {}
    sizes: dict[int, int] = {}
    for item in letters:
        line = dead.write(item)
        pack = packs.setdefault(item.partition, [])
        size = sizes.get(item.partition, 0)
        if pack and size + len(line) > PACK_BYTES:
            yield item.partition, codec.join_lines(pack)
            pack.clear()
            size = 0
        pack.append(line)
        sizes[item.partition] = size + len(line)
    for partition, pack in packs.items():
        yield partition, codec.join_lines(pack)


def in_base64(item: DeadLetter) -> bytes:
    """Write a letter about a dead letter that was refused: nothing of it is left unquoted."""
    line = codec.loads(dead.write(item))
    line["original"] = base64.b64encode(item.original).decode()
    line["original_encoding"] = "base64"
    return codec.dumps(line)


async def in_log(poison: Sequence[Poison]) -> None:
    """The last place: what neither a topic nor a table takes is still not lost."""
    for item in poison:
        line = base64.b64encode(item.line).decode()
        _log.critical("no table takes this letter (%s, %s): %s", item.code, item.reason, line)


async def in_topic(
    send: Send, dead_topic: str, clock: Callable[[], int], topic: str, poison: Sequence[Poison]
) -> None:
    """Make dead letters of what came from ``topic``; ``clock`` is Unix ms."""
    now = clock()
    for partition, value in records(letter(item, topic, now) for item in poison):
        await send(dead_topic, partition, value)


async def in_table(
    write: Callable[[Batch], Awaitable[None]],
    topic: str,
    clock: Callable[[], int],
    poison: Sequence[Poison],
) -> None:
    """Keep what is no dead letter itself; a letter about it must not come round again."""
    for item in poison:
        row = letters(in_base64(letter(item, topic, clock())), item.partition, item.offset)
        await write(Batch([row]))
