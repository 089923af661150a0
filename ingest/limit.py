"""How often a source's clients may come, all ingest processes together; pure."""

from collections.abc import Mapping
from typing import Final

from schemas.errors import Unavailable
from schemas.sources import Source

_STATUS: Final = 429
_MS: Final = 1000
_FRESH_MS: Final = 3000
"""How long what another process told counts: it may have ended."""


class Buckets:
    """A bucket of tokens for each source that has a limit.

    It holds as many as flow in within one second, so a burst of that size after a quiet second
    is fine. While processes together are asked for more than the limit, the tokens flow into each
    one's bucket by its part of what all are asked for. So the limit holds whichever way clients
    spread over processes, except in the moment before those have heard of each other.
    """

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, int]] = {}
        self._asked: dict[str, int] = {}
        self._last: dict[str, float] = {}
        self._others: dict[str, tuple[Mapping[str, float], int]] = {}

    def take(self, source: Source, now: int) -> None:
        """Take one token.

        Args:
            now: Unix ms; a clock that is set back costs no tokens and brings none.

        Raises:
            Unavailable: ``too-many-requests`` (429).
        """
        limit = source.limits.requests_per_second
        if not limit:
            return
        self._asked[source.id] = self._asked.get(source.id, 0) + 1
        rate = limit * self._part(source.id, limit, now) if self._others else limit
        most = max(1.0, rate)
        left, since = self._left.get(source.id, (most, now))
        left = min(most, left + max(0, now - since) * rate / _MS)
        if left < 1:
            self._left[source.id] = (left, now)
            raise Unavailable(
                "too-many-requests",
                f"event source {source.id} takes {limit} requests per second: send more events "
                "in each request, or raise its limit",
                status=_STATUS,
            )
        self._left[source.id] = (left - 1, now)

    def asked(self, seconds: float) -> dict[str, float]:
        """Tell the requests per second of each limited source since the last call.

        Args:
            seconds: since then.
        """
        counts, self._asked = self._asked, {}
        self._last = {source_id: count / seconds for source_id, count in counts.items()}
        return self._last

    def hear(self, edge: str, asked: Mapping[str, float], now: int) -> None:
        """Note what another process was asked for.

        Args:
            edge: its name.
            asked: requests per second by source.
            now: Unix ms.
        """
        self._others = {
            name: told for name, told in self._others.items() if now - told[1] < _FRESH_MS
        }
        self._others[edge] = (asked, now)

    def _part(self, source_id: str, limit: int, now: int) -> float:
        """Which part of the tokens is this process's; all of them while there are enough."""
        others = sum(
            asked.get(source_id, 0.0) for asked, at in self._others.values() if now - at < _FRESH_MS
        )
        own = max(1.0, self._last.get(source_id, 0.0))
        return 1.0 if own + others <= limit else own / (own + others)
