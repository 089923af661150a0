"""A large record is done in parts: the values of hundreds of events at once leave the caches.

Each part is written like a record of its own. What came of the record as a whole is known when the
last of them is: then it is acknowledged, and its entry in the ledger made.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from processors.pack import NOT_WRITTEN, Span
from processors.work import Outcome
from schemas.ledger import UNKNOWN, Counts

LINES: Final = 64
"""Events of a part; with 250 each of them took a fifth longer."""


def cut(lines: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Cut the lines of a record into parts: the number of the first line, and the lines.

    A record without any has one empty part.
    """
    for first in range(0, len(lines) or 1, LINES):
        yield first, lines[first : first + LINES]


class Whole:
    """What became of a record.

    Args:
        lines: how many it has; see :func:`cut`.
    """

    def __init__(self, lines: int) -> None:
        self._unworked = self._unwritten = max(1, -(-lines // LINES))
        self._counts: dict[tuple[str, int], list[int]] = {}
        self._into = NOT_WRITTEN

    def worked(self) -> bool:
        """Count a part that is done and not written yet; tell whether it is the last."""
        self._unworked -= 1
        return not self._unworked

    def written(self, outcome: Outcome, into: Span) -> bool:
        """Count what became of a part, and into which records; tell whether it is the last."""
        if any(kept for kept, *_ in outcome.tally.values()):
            self._into = into if self._into == NOT_WRITTEN else _around(self._into, into)
        for key, fates in outcome.tally.items():
            counts = self._counts.setdefault(key, [0] * len(fates))
            for fate, count in enumerate(fates):
                counts[fate] += count
        self._unwritten -= 1
        return not self._unwritten

    def entries(self) -> Iterator[tuple[str, int, Counts, Span]]:
        """Give the entries of the ledger: source, minute, counts, and where the events are."""
        for (source_id, minute), [kept, unsaved, dead, made] in self._counts.items():
            counts = Counts(kept + unsaved + dead - made, unsaved, 0, dead, made)
            yield source_id, minute, counts, self._into
        if not self._counts:
            yield "", UNKNOWN, Counts(0), NOT_WRITTEN


def _around(span: Span, other: Span) -> Span:
    """Give what reaches from the first to the last of both."""
    return min(span[0], other[0]), max(span[1], other[1])
