"""What a partition's files say when the broker starts: after a clean stop, or after anything.

Every batch of a segment without a valid summary is read and its checksum verified; what follows
the last sound one is cut. In the last segment that is a write nobody was told of. Anywhere else it
is damage to stored records, so what is cut there is set aside in a file of its own.
"""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from .producers import ProducerStates
from .segment import SUFFIX, Segment, segment_path
from .summary import read_summary
from .swap import finish_swaps

START_FILE = "log-start-offset"
_DAMAGED = ".damaged"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """The segments in order (at least one), the producers seen in them, the stored start."""

    segments: list[Segment]
    producers: ProducerStates
    start_offset: int


def recover(directory: Path, index_interval: int, now_ms: int) -> Recovered:
    """Read, and where needed repair, the files of one partition; raises OSError."""
    finish_swaps(directory)
    start_file = directory / START_FILE
    start_offset = int(start_file.read_bytes()) if start_file.exists() else 0
    paths = sorted(directory.glob(f"*{SUFFIX}")) or [segment_path(directory, 0)]
    producers = ProducerStates()
    segments: list[Segment] = []
    for path in paths:
        segment = Segment(path, int(path.stem), index_interval)
        if path.exists() and not read_summary(segment, producers):
            leftover = segment.scan(producers, now_ms)
            if leftover:
                _cut(segment, leftover, torn=path is paths[-1])
            segment.producers_at_end = producers.snapshot()
        segments.append(segment)
    return Recovered(segments, producers, start_offset)


def _cut(segment: Segment, leftover: int, *, torn: bool) -> None:
    if torn:
        _log.warning("%s: cut %d bytes of an unfinished write", segment.path, leftover)
    else:
        aside = segment.path.with_suffix(f".{segment.size}{_DAMAGED}")
        with segment.path.open("rb") as source, aside.open("wb") as copy:
            source.seek(segment.size)
            shutil.copyfileobj(source, copy)
        _log.error(
            "%s is damaged after offset %d: %d bytes were set aside in %s",
            segment.path,
            segment.next_offset,
            leftover,
            aside,
        )
    segment.cut(segment.size)
