"""What is known about a segment that no longer changes, so that a start need not read it again.

Only a shortcut: a summary that is missing, damaged, or about another size of file is ignored and
the segment is read in full. It is written after the segment is synced, and removed before the
segment is written again.
"""

import logging
import sys
from array import array
from pathlib import Path

import crc32c
import orjson

from .index import SparseIndex
from .producers import ProducerStates
from .segment import SUMMARY, Segment

_FORMAT = 1
_log = logging.getLogger(__name__)


def summary_path(segment: Path) -> Path:
    """Name the summary that belongs to a segment file."""
    return segment.with_suffix(SUMMARY)


def write_summary(segment: Segment) -> bool:
    """Write the summary of a synced, closed segment if it has none; True when it was written.

    Failing to is not an error worth reporting to anybody: the next start takes longer.
    """
    if segment.producers_at_end is None or segment.is_active or segment.visible != segment.size:
        return False
    columns = segment.index.columns()
    head = orjson.dumps(
        {
            "format": _FORMAT,
            "byteorder": sys.byteorder,
            "size": segment.size,
            "next_offset": segment.next_offset,
            "first_timestamp": segment.first_timestamp,
            "max_timestamp": segment.max_timestamp,
            "index_interval": segment.index.interval,
            "producers": segment.producers_at_end,
        }
    )
    content = head + b"\n" + b"".join(column.tobytes() for column in columns)
    try:
        path = summary_path(segment.path)
        path.write_bytes(b"%08x\n" % crc32c.crc32c(content) + content)
    except OSError:
        _log.warning("cannot write the summary of %s", segment.path, exc_info=True)
        return False
    segment.producers_at_end = None
    return True


def read_summary(segment: Segment, producers: ProducerStates) -> bool:
    """Fill `segment` and `producers` from a valid summary; False when there is none."""
    path = summary_path(segment.path)
    if not path.exists():
        return False
    stored_sum, _, content = path.read_bytes().partition(b"\n")
    if stored_sum != b"%08x" % crc32c.crc32c(content):
        return False
    head, _, body = content.partition(b"\n")
    known = orjson.loads(head)
    if (known["format"], known["byteorder"]) != (_FORMAT, sys.byteorder):
        return False
    if known["size"] != segment.path.stat().st_size:
        return False
    columns = array("q")
    columns.frombytes(body)
    segment.size = segment.visible = known["size"]
    segment.next_offset = known["next_offset"]
    segment.first_timestamp = known["first_timestamp"]
    segment.max_timestamp = known["max_timestamp"]
    segment.index = SparseIndex.from_columns(known["index_interval"], columns)
    producers.restore(known["producers"])
    return True
