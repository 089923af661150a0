"""The sessions of all visitors: decided in memory, written once per packed record."""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, MutableMapping
from typing import Final

from processors.steps import sessionize
from processors.steps.sessionize import Session
from processors.steps.sessionize import Visits as State
from schemas.errors import Malformed

Store = MutableMapping[bytes, bytes]
"""Visitor's key -> its state; the processors give the table's own store."""

IDLE_MS: Final = 2 * 86_400_000
"""State that was not worth keeping anew for so long, by the edge's clock, is forgotten."""
_LONGEST_VISITOR: Final = 128


def key_of(source_id: str, visitor: str) -> bytes:
    """Name a visitor of a source; a client's endless id must not become an endless key."""
    if len(visitor) > _LONGEST_VISITOR:
        digest = hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).hexdigest()
        visitor = f"sha256:{digest}"
    return f"{source_id}\x00{visitor}".encode("utf-8", "surrogatepass")


class Visits:
    """Places events into sessions over a store.

    Between two calls of :meth:`settle` changed states stay decoded, so a record full of events
    of one visitor reads and writes the store once.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._open: dict[bytes, tuple[State | None, State, int]] = {}

    def place(
        self, partition: int, key: bytes, event_time: int, received_at: int, timeout: int
    ) -> Session:
        """Find or open the session of an event.

        Args:
            partition: where the visitor's records come from.
            key: from :func:`key_of`.
            event_time, received_at: Unix ms.
            timeout: milliseconds of inactivity that end a session.

        Raises:
            Malformed: when the kept state cannot be read.
        """
        before, state, _ = self._open.get(key) or self._load(key, partition, received_at)
        sessions, session = sessionize.place(state.sessions, event_time, timeout)
        if sessions is not state.sessions:
            state = State(partition, max(state.touched, received_at), sessions)
            self._open[key] = (before, state, timeout)
        return session

    def _load(
        self, key: bytes, partition: int, received_at: int
    ) -> tuple[State | None, State, int]:
        kept = self._store().get(key)
        if kept is None:
            return None, State(partition, received_at), 0
        state = sessionize.load(kept)
        return state, state, 0

    def settle(self) -> list[bytes]:
        """Put what changed into the store; returns the keys that the changelog must learn of."""
        store = self._store()
        keys = []
        for key, (before, state, timeout) in self._open.items():
            if before is None or sessionize.worth_keeping(before.sessions, state.sessions, timeout):
                keys.append(key)
                store[key] = sessionize.dump(state)
            else:
                unkept = State(state.partition, before.touched, state.sessions)
                store[key] = sessionize.dump(unkept)
        self._open.clear()
        return keys


class Sweep:
    """Finds forgotten visitors a few at a time, so that no record waits for it."""

    def __init__(self, store: Callable[[], Store], *, every: int = IDLE_MS // 24) -> None:
        self._store = store
        self._every = every
        self._left: deque[bytes] = deque()
        self._begun = 0

    def due(
        self, newest: int, owned: Collection[int], *, idle: int = IDLE_MS, count: int = 16
    ) -> Iterator[tuple[int, bytes]]:
        """Look at ``count`` visitors, drop the idle ones, yield (partition, key) of those.

        Args:
            newest: edge clock (Unix ms) of the newest record, not of the wall: a replay of old
                records must not find everybody idle.
            owned: partitions of the changelog that are this worker's to write; the state of
                any other is left over from an earlier assignment and dropped in silence.
            idle: milliseconds after which a visitor is forgotten.
        """
        store = self._store()
        if not self._left and newest - self._begun >= self._every:
            self._begun = newest
            self._left.extend(store)
        for _ in range(min(count, len(self._left))):
            key = self._left.popleft()
            state = _readable(store.get(key))
            if state is None or state.partition not in owned:
                store.pop(key, None)
            elif newest - state.touched > idle:
                del store[key]
                yield state.partition, key


def _readable(value: bytes | None) -> State | None:
    if value is None:
        return None
    try:
        return sessionize.load(value)
    except Malformed:
        return None
