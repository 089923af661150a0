"""Lines waiting to become records: what gathers for one partition; pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.topics import PACK_BYTES

Waiter = TypeVar("Waiter")


@dataclass(slots=True)
class Pack(Generic[Waiter]):
    """The lines of one record, and who waits for its acknowledgement.

    Attributes:
        size: bytes of the record's value, line breaks included.
        minutes: start of the minute of receipt (Unix ms) -> lines.
    """

    lines: list[bytes] = field(default_factory=list)
    waiters: list[Waiter] = field(default_factory=list)
    size: int = 0
    minutes: dict[int, int] = field(default_factory=dict)

    def count(self, minute: int, lines: int) -> None:
        """Note when so many of the lines were received."""
        self.minutes[minute] = self.minutes.get(minute, 0) + lines


class Lane(Generic[Waiter]):
    """One partition of one topic: packs in the order in which they will be sent.

    Attributes:
        due: the oldest pack need not wait for company any longer.
        busy: somebody is sending; the next pack waits for that one's acknowledgement.
    """

    __slots__ = ("busy", "due", "packs")

    def __init__(self) -> None:
        self.packs: deque[Pack[Waiter]] = deque()
        self.due = False
        self.busy = False

    def add(self, lines: Sequence[bytes], waiter: Waiter, minute: int = 0) -> int:
        """Append lines to the last pack, opening more as they fill up.

        ``minute`` is when they were received, Unix ms of its start.
        A pack holds at most :data:`schemas.topics.PACK_BYTES`, or one single larger line.
        Returns the number of packs that ``waiter`` has to wait for.
        """
        packs = self.packs
        touched = 0
        pack: Pack[Waiter] | None = packs[-1] if packs else None
        joined = False
        added = 0
        for line in lines:
            size = len(line) + 1
            if pack is None or (pack.size and pack.size + size > PACK_BYTES):
                if pack is not None and added:
                    pack.count(minute, added)
                    added = 0
                pack = Pack()
                packs.append(pack)
                joined = False
            if not joined:
                joined = True
                touched += 1
                pack.waiters.append(waiter)
            pack.lines.append(line)
            pack.size += size
            added += 1
        if pack is not None and added:
            pack.count(minute, added)
        if len(packs) > 1:
            self.due = True
        return touched

    def take(self) -> Pack[Waiter] | None:
        """Remove the oldest pack if it is due."""
        if not self.due or not self.packs:
            return None
        pack = self.packs.popleft()
        self.due = bool(self.packs)
        return pack

    def clear(self) -> list[Pack[Waiter]]:
        """Remove all packs, due or not."""
        packs = list(self.packs)
        self.packs.clear()
        self.due = False
        return packs
