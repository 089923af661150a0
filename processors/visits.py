"""What is remembered of visitors and sessions: in memory, written once per packed record.

All of it lives in one table: the visits that sessions are cut from, by source and visitor, and
what sessions stand for that their clients named, by source and session. Each value begins with
``partition,touched,``.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Final

from processors.shelves import Kept, Shelf
from processors.steps import bind, sessionize
from processors.steps.bind import Bound, Held
from processors.steps.sessionize import Rule, Session
from processors.steps.sessionize import Visits as State

IDLE_MS: Final = 2 * 86_400_000
"""State that was not worth keeping anew for so long, by the edge's clock, is forgotten."""
GRAIN_MS: Final = IDLE_MS // 24
"""A session in use is written anew after so long, lest it count as idle."""
_LONGEST_VISITOR: Final = 128


def key_of(source_id: str, visitor: str) -> bytes:
    """Name a visitor of a source; a client's endless id must not become an endless key."""
    if len(visitor) > _LONGEST_VISITOR:
        digest = hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).hexdigest()
        visitor = f"sha256:{digest}"
    return f"{source_id}\x00{visitor}".encode("utf-8", "surrogatepass")


def session_key(source_id: str, session_id: str) -> bytes:
    """Name a session of a source, apart from all visitors; "" for a session of any source."""
    return key_of(f"\x00{source_id}", session_id)


class Visits:
    """Places events into sessions, and sessions with profiles, over what is kept.

    Between two calls of :meth:`settle` changed states stay decoded, so a record full of events
    of one visitor reads and writes its state once. In between all events are of one partition.

    Args:
        kept: gives the states of a partition.
    """

    def __init__(self, kept: Callable[[int], Kept]) -> None:
        self._kept = kept
        self._open: dict[bytes, tuple[State | None, State, int]] = {}
        self._bound: dict[bytes, Bound] = {}

    def place(
        self,
        partition: int,
        key: bytes,
        event_time: int,
        received_at: int,
        rule: Rule,
        campaign: str = "",
    ) -> Session:
        """Find or open the session of an event.

        Args:
            partition: where the visitor's records come from.
            key: from :func:`key_of`.
            event_time, received_at: Unix ms.
            rule: when a session ends.
            campaign: from :func:`processors.steps.sessionize.campaign_of`, "" for none.

        Raises:
            Malformed: when the kept state cannot be read.
        """
        before, state, _ = self._open.get(key) or self._load(key, partition, received_at)
        sessions, session = sessionize.place(state.sessions, event_time, rule, campaign)
        if sessions is not state.sessions:
            state = State(partition, max(state.touched, received_at), sessions)
            self._open[key] = (before, state, rule.timeout)
        return session

    def _load(
        self, key: bytes, partition: int, received_at: int
    ) -> tuple[State | None, State, int]:
        kept = self._kept(partition).get(key)
        if kept is None:
            return None, State(partition, received_at), 0
        state = sessionize.load(kept)
        return state, state, 0

    def held(self, partition: int, source_id: str, session_id: str) -> Held | None:
        """Tell what a session of a source stands for, None when nobody has seen it.

        Raises:
            Malformed: when the kept state cannot be read.
        """
        bound = self._find(partition, session_key(source_id, session_id))
        return None if bound is None else bound.held

    def seen(
        self, partition: int, source_id: str, session_id: str, received_at: int
    ) -> Held | None:
        """Tell what a session stood for at a moment, in this source or else in any.

        A link belongs to another source than the pages that show it. What came later than
        the click (edge clock, Unix ms) does not count, also when the click comes again.

        Raises:
            Malformed: when the kept state cannot be read.
        """
        for key in (session_key(source_id, session_id), session_key("", session_id)):
            bound = self._find(partition, key)
            if bound is not None and (held := bound.at(received_at)) is not None:
                return held
        return None

    def hold(
        self, partition: int, source_id: str, session_id: str, held: Held, received_at: int
    ) -> None:
        """Remember what a session stands for; writes nothing while that is known and fresh."""
        for key in (session_key(source_id, session_id), session_key("", session_id)):
            bound = self._find(partition, key)
            if bound is None:
                self._bound[key] = Bound(partition, received_at, received_at, received_at, held)
            elif bound.held != held or received_at - bound.touched >= GRAIN_MS:
                self._bound[key] = bound.holding(partition, held, received_at)

    def _find(self, partition: int, key: bytes) -> Bound | None:
        bound = self._bound.get(key)
        if bound is None and (kept := self._kept(partition).get(key)) is not None:
            bound = bind.load(kept)
        return bound

    def settle(self, partition: int) -> list[bytes]:
        """Put what changed where it is kept; returns the keys that the changelog must learn of."""
        store = self._kept(partition)
        keys = []
        for key, (before, state, timeout) in self._open.items():
            if before is None or sessionize.worth_keeping(before.sessions, state.sessions, timeout):
                keys.append(key)
                store[key] = sessionize.dump(state)
            else:
                unkept = State(state.partition, before.touched, state.sessions)
                store[key] = sessionize.dump(unkept)
        self._open.clear()
        if self._bound:
            for key, bound in self._bound.items():
                keys.append(key)
                store[key] = bind.dump(bound)
            self._bound.clear()
        return keys


class Sweep:
    """Finds forgotten visitors and sessions a few at a time, so that no record waits for it.

    Args:
        shelf: gives the states of a partition.
        owned: partitions whose states are this worker's.
        every: milliseconds of the edge's clock from the beginning of a sweep to the next one.
    """

    def __init__(
        self,
        shelf: Callable[[int], Shelf],
        owned: Callable[[], Collection[int]],
        *,
        every: int = GRAIN_MS,
    ) -> None:
        self._shelf = shelf
        self._owned = owned
        self._every = every
        self._left: Iterator[tuple[int, bytes]] = iter(())
        self._sweeping = False
        self._begun = 0

    def due(
        self, newest: int, *, idle: int = IDLE_MS, count: int = 16
    ) -> Iterator[tuple[int, bytes]]:
        """Look at ``count`` states, drop the idle ones, yield (partition, key) of those.

        Args:
            newest: edge clock (Unix ms) of the newest record, not of the wall: a replay of old
                records must not find everybody idle.
            idle: milliseconds after which a visitor is forgotten.
        """
        if not self._sweeping:
            if newest - self._begun < self._every:
                return
            self._begun, self._sweeping = newest, True
            self._left = self._all()
        looked = 0
        for partition, key in islice(self._left, count):
            looked += 1
            if partition not in self._owned():
                continue
            shelf = self._shelf(partition)
            state = shelf.get(key)
            if state is not None and newest - _touched(state) > idle:
                del shelf[key]
                yield partition, key
        self._sweeping = looked == count

    def _all(self) -> Iterator[tuple[int, bytes]]:
        for partition in sorted(self._owned()):
            if partition in self._owned():
                for key, _ in self._shelf(partition).walk():
                    yield partition, key


def _touched(state: bytes) -> int:
    """Read when it was touched, whatever state it is; 0 where nobody can tell."""
    try:
        return int(state.split(b",", 2)[1])
    except (ValueError, IndexError):
        return 0
