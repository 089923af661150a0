"""Cut sessions by inactivity in event time, whatever order the events come in."""

from dataclasses import dataclass
from typing import Final

from schemas.errors import Malformed

KEPT: Final = 4
"""Sessions remembered per visitor: the latest and those that late events still belong to."""
GRAIN: Final = 60
"""The kept state may lag behind the last event by this fraction of the time-out."""


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of activity; all times Unix ms of event time.

    Attributes:
        first: time of the event that opened it; with the visitor it names the session.
        start, last: the earliest and the latest event so far.
    """

    first: int
    start: int
    last: int

    def distance(self, event_time: int) -> int:
        """Milliseconds between the session and a moment; 0 inside it."""
        return max(self.start - event_time, event_time - self.last, 0)


@dataclass(frozen=True, slots=True)
class Visits:
    """What is remembered of one visitor.

    Attributes:
        partition: of the changelog that keeps it.
        touched: edge clock (Unix ms) when it was last worth keeping.
        sessions: at most :data:`KEPT`, disjoint, by start.
    """

    partition: int
    touched: int
    sessions: tuple[Session, ...] = ()


def place(
    sessions: tuple[Session, ...], event_time: int, timeout: int
) -> tuple[tuple[Session, ...], Session]:
    """Find the session of an event, or open one.

    The nearest session within ``timeout`` (ms) is stretched to hold the event, the earlier one
    when two are equally near. Sessions therefore stay disjoint, and an event that comes twice
    lies inside the session it stretched: it falls into the same one again.

    Returns:
        The sessions afterwards, and the one the event belongs to as it is afterwards.
    """
    nearest = min(sessions, key=lambda session: session.distance(event_time), default=None)
    if nearest is None or nearest.distance(event_time) > timeout:
        return _open(sessions, event_time)
    if nearest.start <= event_time <= nearest.last:
        return sessions, nearest
    stretched = Session(
        nearest.first, min(nearest.start, event_time), max(nearest.last, event_time)
    )
    return tuple(stretched if old is nearest else old for old in sessions), stretched


def _open(sessions: tuple[Session, ...], event_time: int) -> tuple[tuple[Session, ...], Session]:
    """Add a session; the earliest of the others makes room for it, never itself."""
    opened = Session(event_time, event_time, event_time)
    others = sessions[1:] if len(sessions) >= KEPT else sessions
    return tuple(sorted((*others, opened), key=lambda session: session.start)), opened


def worth_keeping(old: tuple[Session, ...], new: tuple[Session, ...], timeout: int) -> bool:
    """Tell whether a change must reach the changelog at once.

    A session that began or grew backwards must; one that only went on must when it has crossed
    into another :data:`GRAIN`-th of ``timeout``, so a busy visitor costs one write per grain.
    """
    if len(old) != len(new):
        return True
    grain = max(timeout // GRAIN, 1)
    return any(
        a.first != b.first or a.start != b.start or a.last // grain != b.last // grain
        for a, b in zip(old, new, strict=True)
    )


def dump(visits: Visits) -> bytes:
    """Write the state of one visitor: ``partition,touched,first,start,last,first,...``."""
    flat = [visits.partition, visits.touched]
    for session in visits.sessions:
        flat += (session.first, session.start, session.last)
    return ",".join(map(str, flat)).encode()


def load(value: bytes) -> Visits:
    """Inverse of :func:`dump`.

    Raises:
        Malformed: ``session-state-invalid`` when the changelog holds what no processor wrote.
    """
    try:
        partition, touched, *rest = map(int, value.split(b","))
        sessions = tuple(
            Session(first, start, last)
            for first, start, last in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        )
    except ValueError as error:
        raise Malformed("session-state-invalid", f"no session state: {value!r}") from error
    return Visits(partition, touched, sessions)
