"""When events fail because of us, so many that going on would bury them all."""

from collections.abc import Collection
from typing import Final

from processors.bury import BUG
from schemas.breaker import Breaker
from schemas.errors import HeadraceError

WINDOW: Final = 1_000
SURE: Final = frozenset({"protocol-unknown", "envelope-invalid"})
"""An edge of ours writes protocol and envelope: whatever clients send, it cannot cause these."""
BUGS: Final = frozenset({BUG, "session-state-invalid"})
"""Ours as well, but it may be one client's odd event that finds the bug."""
SURE_SHARE: Final = 0.5
ANY_SHARE: Final = 0.9
SURE_IN_A_ROW: Final = 100
_VOTE_MEMORY: Final = 200


class Faults:
    """Ends a worker whose every event fails, before it has buried them all.

    Codes that clients can cause count as good: the processors did their work. Most of the
    sources that were seen must fail mostly, too, so that whoever floods one source with what
    finds a bug does not stop the others.
    """

    def __init__(self) -> None:
        self._sure = Breaker(WINDOW, SURE_SHARE, SURE_IN_A_ROW)
        self._any = Breaker(WINDOW, ANY_SHARE, WINDOW)
        self._sources: dict[str, tuple[int, int]] = {}

    def judge(self, source_id: str, events: int, codes: Collection[str]) -> None:
        """Count what became of one record.

        Args:
            source_id: of the record's topic.
            events: how many did not fail.
            codes: the reasons of those that did.

        Raises:
            HeadraceError: ``too-many-dead-letters``; the record must not be acknowledged.
        """
        faults = [code for code in codes if code in SURE or code in BUGS] if codes else []
        good = events + len(codes) - len(faults)
        self._vote(source_id, good, len(faults))
        self._sure.good(good)
        self._any.good(good)
        for code in faults:
            if code in SURE:
                too_many = self._sure.bad()
            else:
                self._sure.good(1)
                too_many = False
            too_many = self._any.bad() or too_many
            if too_many and self._everywhere():
                raise HeadraceError(
                    "too-many-dead-letters",
                    f"{self._any.tally('events failed for a reason of ours')}, the last as {code}:"
                    " nothing more is acknowledged. Deploy a version that can process them, it"
                    " goes on where this one stopped; `headrace dead replay` then brings back"
                    " what was buried",
                )

    def _vote(self, source_id: str, good: int, bad: int) -> None:
        before = self._sources.get(source_id, (0, 0))
        good, bad = good + before[0], bad + before[1]
        while good + bad > _VOTE_MEMORY:
            good, bad = good // 2, bad // 2
        self._sources[source_id] = (good, bad)

    def _everywhere(self) -> bool:
        failing = sum(bad > good for good, bad in self._sources.values())
        return 2 * failing > len(self._sources)
