"""Putting a compacted segment in the place of the segments it was made from, at once.

The new file is written as `*.cleaned`, synced, then renamed to `<first>-<end>.swap`: from that
moment it counts. The sources (base offset in [first, end)) are removed and it gets its final
name. A crash anywhere in between is finished at the next start.
"""

import os
from pathlib import Path

from .files import sync_directory
from .segment import SUFFIX, SUMMARY, segment_path

CLEANED = ".cleaned"
_SWAP = ".swap"


def prepare_swap(cleaned: Path, first: int, end: int) -> Path:
    """Make `cleaned` durable as the successor of the segments in [first, end); raises OSError."""
    handle = os.open(cleaned, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    swap = cleaned.with_name(f"{first:020d}-{end:020d}{_SWAP}")
    cleaned.rename(swap)
    sync_directory(cleaned.parent)
    return swap


def finish_swap(swap: Path) -> None:
    """Remove the sources and give the successor its name; raises OSError."""
    first, end = (int(part) for part in swap.stem.split("-"))
    for source in swap.parent.glob(f"*{SUFFIX}"):
        if first <= int(source.stem) < end:
            source.with_suffix(SUMMARY).unlink(missing_ok=True)
        if first < int(source.stem) < end:
            source.unlink()
    swap.rename(segment_path(swap.parent, first))


def finish_swaps(directory: Path) -> None:
    """Finish what a crash interrupted; raises OSError."""
    for unfinished in directory.glob(f"*{CLEANED}"):
        unfinished.unlink()
    for swap in directory.glob(f"*{_SWAP}"):
        finish_swap(swap)
