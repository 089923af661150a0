"""A tier that kills itself with SIGKILL between two steps: `mortal.py POINT COUNT headrace TIER …`.

POINT is `published` (an ingest whose events the broker has, and whose client waits for the answer)
or `written` (a worker whose output is safe, and whose input is not yet acknowledged). It dies there
for the COUNTth time.
"""

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from schemas.topics import HEARTBEAT


class _Fate:
    def __init__(self, count: int) -> None:
        self._left = count

    def come(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _after_publishing(fate: _Fate) -> None:
    from ingest.publish import KafkaPublisher  # noqa: PLC0415 - one tier or the other

    publish = KafkaPublisher.publish

    async def then_die(
        self: KafkaPublisher, topic: str, lines: Mapping[int, list[bytes]], *more: Any, **named: Any
    ) -> None:
        await publish(self, topic, lines, *more, **named)
        if not topic.endswith(HEARTBEAT):
            fate.come()

    KafkaPublisher.publish = then_die  # type: ignore[method-assign]


def _before_acknowledging(fate: _Fate) -> None:
    from processors.outbox import Outbox  # noqa: PLC0415 - as above

    acknowledge = Outbox._acknowledge

    def die_first(self: Outbox, lane: Any) -> None:
        if lane.away and lane.away[0].delivered:
            fate.come()
        acknowledge(self, lane)

    Outbox._acknowledge = die_first  # type: ignore[method-assign]


def main() -> None:
    point, count, _, *arguments = sys.argv[1:]
    fate = _Fate(int(count))
    {"published": _after_publishing, "written": _before_acknowledging}[point](fate)
    from deploy.cli import main as headrace  # noqa: PLC0415 - after it was changed

    sys.argv = ["headrace", *arguments]
    headrace()


if __name__ == "__main__":
    main()
