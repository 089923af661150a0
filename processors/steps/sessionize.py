"""Cut sessions in event time, whatever order the events come in."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from schemas import codec
from schemas.errors import Malformed
from schemas.values import frozen

KEPT: Final = 4
"""Sessions remembered per visitor: the latest and those that late events still belong to."""
_CAMPAIGN: Final = ("utm_source", "utm_medium", "utm_campaign")
GRAIN: Final = 60
"""The kept state may lag behind the last event by this fraction of the time-out."""


class Rule(NamedTuple):
    """When a session ends.

    Attributes:
        timeout: milliseconds of inactivity.
        longest: milliseconds from its first event to its last.
    """

    timeout: int
    longest: int


@frozen
class Session:
    """A stretch of activity; all times Unix ms of event time.

    Attributes:
        first: time of the event that opened it; with the visitor it names the session.
        start, last: the earliest and the latest event so far.
        campaign: that it came from, see :func:`campaign_of`; "" for none.
    """

    first: int
    start: int
    last: int
    campaign: str = ""

    def distance(self, event_time: int) -> int:
        """Milliseconds between the session and a moment; 0 inside it."""
        return max(self.start - event_time, event_time - self.last, 0)


@frozen
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


def campaign_of(details: Mapping[str, str]) -> str:
    """Name the campaign of an event in few characters; "" when it comes from none."""
    parts = [details.get(name, "") for name in _CAMPAIGN]
    if not any(parts):
        return ""
    return blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()


def place(
    sessions: tuple[Session, ...], event_time: int, rule: Rule, campaign: str = ""
) -> tuple[tuple[Session, ...], Session]:
    """Find the session of an event, or open one.

    Of the sessions that the event fits into, the nearest is stretched to hold it, the earlier
    one when two are equally near. An event that comes twice lies inside the session it
    stretched: it falls into the same one again. Without campaigns sessions stay disjoint.

    Args:
        campaign: from :func:`campaign_of`, "" where campaigns do not matter.

    Returns:
        The sessions afterwards, and the one the event belongs to as it is afterwards.
    """
    fitting = (old for old in sessions if _fits(old, event_time, rule, campaign))
    nearest = min(fitting, key=lambda session: session.distance(event_time), default=None)
    if nearest is None:
        return _open(sessions, event_time, campaign)
    named = nearest.campaign or campaign
    if nearest.start <= event_time <= nearest.last and named == nearest.campaign:
        return sessions, nearest
    stretched = Session(
        nearest.first, min(nearest.start, event_time), max(nearest.last, event_time), named
    )
    return tuple(stretched if old is nearest else old for old in sessions), stretched


def _fits(session: Session, event_time: int, rule: Rule, campaign: str) -> bool:
    """Tell whether an event may belong to a session.

    A session that is known by later events only has not named its campaign yet: trackers send
    the page view that has it first, but it may arrive after what followed.
    """
    if session.distance(event_time) > rule.timeout:
        return False
    if max(session.last, event_time) - min(session.start, event_time) > rule.longest:
        return False
    if not campaign or campaign == session.campaign:
        return True
    return not session.campaign and event_time <= session.start


def _open(
    sessions: tuple[Session, ...], event_time: int, campaign: str
) -> tuple[tuple[Session, ...], Session]:
    """Add a session; the earliest of the others makes room for it, never itself.

    Its first moment is its name, so of two that begin together the later one is named anew.
    """
    first, taken = event_time, {session.first for session in sessions}
    while first in taken:
        first += 1
    opened = Session(first, event_time, event_time, campaign)
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
        (a.first, a.start, a.campaign) != (b.first, b.start, b.campaign)
        or a.last // grain != b.last // grain
        for a, b in zip(old, new, strict=True)
    )


def dump(visits: Visits) -> bytes:
    """Write the state of one visitor: ``partition,touched,first,start,last,first,...``.

    Campaigns follow after a semicolon, as a JSON array, where there are any.
    """
    flat = [visits.partition, visits.touched]
    for session in visits.sessions:
        flat += (session.first, session.start, session.last)
    text = ",".join(map(str, flat)).encode()
    campaigns = [session.campaign for session in visits.sessions]
    return text + b";" + codec.dumps(campaigns) if any(campaigns) else text


def load(value: bytes) -> Visits:
    """Inverse of :func:`dump`.

    Raises:
        Malformed: ``session-state-invalid`` when the changelog holds what no processor wrote.
    """
    numbers, semicolon, rest = value.partition(b";")
    try:
        partition, touched, *flat = map(int, numbers.split(b","))
        campaigns = codec.loads(rest) if semicolon else [""] * (len(flat) // 3)
        sessions = tuple(
            Session(first, start, last, campaign)
            for first, start, last, campaign in zip(
                flat[::3], flat[1::3], flat[2::3], campaigns, strict=True
            )
        )
    except (ValueError, TypeError, Malformed) as error:
        raise Malformed("session-state-invalid", f"no session state: {value!r}") from error
    return Visits(partition, touched, sessions)
