"""What a written batch was: counts of every record, for the ledger; pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from schemas.ledger import UNKNOWN, Book, Counts
from sinks.batch import Batch
from sinks.rows import Poison, Row

_Place = tuple[int, int, bytes, bytes]
"""Partition, offset, the beginning of ``received_at`` and the source."""


class Counted(NamedTuple):
    """Counts of one source's and minute's rows in one record; ``minute`` as in the ledger."""

    partition: int
    offset: int
    source_id: str
    minute: int
    counts: Counts


def telling(book: Book | None, topic: str) -> Callable[[Batch, Sequence[Row], list[Poison]], None]:
    """Make what enters a batch of ``topic`` into a book, if there is one."""

    def tell(batch: Batch, fresh: Sequence[Row], poison: list[Poison]) -> None:
        if book is None:
            return
        for one in tally(batch, fresh, poison):
            place = topic, one.partition, one.offset
            book.note(place, one.source_id, one.minute, one.counts)

    return tell


def tally(batch: Batch, fresh: Sequence[Row], poison: Collection[Poison]) -> Iterator[Counted]:
    """Count what became of a batch that is safe.

    Args:
        fresh: its rows without those whose event id was known.
        poison: all that was made dead letters, the batch's own included.
    """
    events = Counter(map(_place, batch.rows))
    duplicates: Counter[_Place] = Counter()
    dead: Counter[_Place] = Counter()
    if len(fresh) < len(batch.rows):
        kept = set(map(id, fresh))
        duplicates.update(_place(row) for row in batch.rows if id(row) not in kept)
    unreadable = Counter(_unread(item) for item in batch.poison)
    events.update(unreadable)
    dead.update(unreadable)
    if len(poison) > len(batch.poison):
        spoiled = {(item.partition, item.offset, _key(item)) for item in poison}
        dead.update(_place(row) for row in fresh if (row.partition, row.offset, row.key) in spoiled)
    for place, count in events.items():
        partition, offset, received, source = place
        counts = Counts(count, 0, duplicates[place], dead[place])
        yield Counted(partition, offset, source.decode(), _minute(received), counts)
    for partition, offset in batch.empty:
        yield Counted(partition, offset, "", UNKNOWN, Counts(0))


def _place(row: Row) -> _Place:
    return row.partition, row.offset, row.received[:16], row.key[36:]


def _unread(item: Poison) -> _Place:
    return item.partition, item.offset, b"", b""


def _key(item: Poison) -> bytes:
    return f"{item.event_id}{item.source_id}".encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1024)
def _minute(received: bytes) -> int:
    """Unix ms of ``2026-11-21T15:01``."""
    try:
        moment = datetime.fromisoformat(received.decode())
    except ValueError:
        return UNKNOWN
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1000
