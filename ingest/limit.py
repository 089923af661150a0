"""How often a source's clients may come, per process; pure."""

from typing import Final

from schemas.errors import Unavailable
from schemas.sources import Source

_STATUS: Final = 429
_MS: Final = 1000


class Buckets:
    """A bucket of tokens for each source that has a limit.

    It holds as many as flow in within one second, so a burst of that size after a quiet second
    is fine.
    """

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, int]] = {}

    def take(self, source: Source, now: int) -> None:
        """Take one token.

        Args:
            now: Unix ms; a clock that is set back costs no tokens and brings none.

        Raises:
            Unavailable: ``too-many-requests`` (429).
        """
        rate = source.limits.requests_per_second
        if not rate:
            return
        left, since = self._left.get(source.id, (rate, now))
        left = min(rate, left + max(0, now - since) * rate / _MS)
        if left < 1:
            self._left[source.id] = (left, now)
            raise Unavailable(
                "too-many-requests",
                f"event source {source.id} takes {rate} requests per second: send more events "
                "in each request, or raise its limit",
                status=_STATUS,
            )
        self._left[source.id] = (left - 1, now)
