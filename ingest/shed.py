"""Which share of a source's requests is let in while its events wait too long; pure.

Kafka keeps what is accepted, so a tier that stands still is no reason to refuse: its backlog is
worked off later. But while more comes than the processors get through, every second of it makes
everybody wait longer. Then the excess is refused, and what waits stays bounded.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from schemas.errors import Unavailable

_LEAST: Final = 0.01
"""Of the requests: to see how much there is room for, some must be let in."""
_GROWTH: Final = 1.25
_STEP: Final = 0.02
_RETURN: Final = 0.6
"""More of the requests with every second in which nothing waits; the less, the longer it waits."""
_HEADROOM: Final = 0.95
_BRAKE: Final = 0.2
"""Of what is worked off, so that the backlog shrinks; the more, the longer it is."""
_KEEPS_UP: Final = 1.05
"""Worked off per record written: from here on the backlog goes away by itself."""
_WINDOW_S: Final = 2.0
_FEW: Final = 16
"""Records: fewer say nothing about a rate."""
_LONGEST_WAIT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Look:
    """Where a topic's partitions were at one time: their ends, and what its group had committed.

    Attributes:
        at: seconds of any clock.
    """

    at: float
    ends: Mapping[Any, int]
    done: Mapping[Any, int]


class Pace:
    """How a source's events come and go.

    Args:
        bound: seconds that an event may wait.

    Attributes:
        share: of its requests that should be let in.
        wait: seconds that what comes now will wait; 0 while the processors keep up.
    """

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._looks: deque[Look] = deque()
        self.share = 1.0
        self.wait = 0.0

    def see(self, look: Look) -> None:
        """Judge anew by where the topic is now."""
        looks = self._looks
        while len(looks) > 2 and look.at - looks[2].at >= _WINDOW_S:  # noqa: PLR2004  before, old
            looks.popleft()
        if len(looks) > 1 and look.at - looks[1].at >= _WINDOW_S:
            self._judge([*looks, look])
        looks.append(look)

    def _judge(self, looks: Sequence[Look]) -> None:
        old, last, now = looks[1], looks[-2], looks[-1]
        # Busy all the time: not through with what was there at its beginning. One that has not
        # moved stands still: nobody knows how fast it will be.
        went_on = [
            place
            for place, end in old.ends.items()
            if old.done.get(place, 0) < now.done.get(place, 0) < end
        ]
        # Nor of one that stood still between two looks: it was not at work all the time.
        busy = [
            place
            for place in went_on
            if all(a.done.get(place, 0) < b.done.get(place, 0) for a, b in pairwise(looks))
        ]
        if went_on and not busy:
            return
        backlog = sum(now.ends[place] - now.done[place] for place in busy if place in now.ends)
        drained = sum(now.done[place] - old.done.get(place, 0) for place in busy)
        drained_per_s = drained / (now.at - old.at)
        self.wait = backlog / drained_per_s if drained else 0.0
        if backlog < _FEW or self.wait < self._bound:
            room = 1 - min(1.0, self.wait / self._bound)
            self.share = min(1.0, self.share * (1 + _RETURN * room) + _STEP * room)
            return
        arrived = sum(now.ends.get(place, 0) - last.ends.get(place, 0) for place in busy)
        arrived_per_s = arrived / (now.at - last.at)
        ratio = drained_per_s / arrived_per_s if arrived_per_s else _GROWTH
        if ratio < _KEEPS_UP:
            change = ratio * min(_HEADROOM, max(_BRAKE, self._bound / self.wait))
        else:
            change = min(ratio, _GROWTH)
        self.share = min(1.0, max(_LEAST, self.share * change))


class Shed:
    """Lets a share of each source's requests in.

    Attributes:
        seen: requests by source since they were last taken away; whoever judges does.
    """

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self._shares: dict[str, tuple[float, int]] = {}
        self._credit: dict[str, float] = {}

    def set(self, source_id: str, pace: Pace) -> None:
        """Let in what a source's pace says from now on."""
        if pace.share < 1:
            wait = min(_LONGEST_WAIT_S, max(1, round(pace.wait)))
            self._shares[source_id] = (pace.share, wait)
        elif self._shares.pop(source_id, None) is not None:
            self._credit.pop(source_id, None)

    def take(self, source_id: str) -> None:
        """Let one request in.

        Raises:
            Unavailable: ``overloaded`` (503), to be tried again after about as long as events
                wait at present.
        """
        self.seen[source_id] = self.seen.get(source_id, 0) + 1
        if self._shares and source_id in self._shares:
            self._take(source_id)

    def _take(self, source_id: str) -> None:
        share, wait = self._shares[source_id]
        credit = self._credit.get(source_id, 1.0) + share
        if credit < 1:
            self._credit[source_id] = credit
            raise Unavailable(
                "overloaded",
                f"events of source {source_id} come faster than they can be processed: "
                f"try again in {wait} s",
                retry_after=wait,
            )
        self._credit[source_id] = credit - 1
