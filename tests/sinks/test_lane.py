"""A lane that was not looked after for a while trusts nothing that it knew before."""

from typing import cast

from sinks.batch import Batch, Limits
from sinks.lane import Lane
from sinks.tables import EVENTS
from sinks.write import Writer


class Noting:
    """A writer that only notes how often it had to forget."""

    def __init__(self) -> None:
        self.forgot = 0

    def reassigned(self) -> None:
        self.forgot += 1

    async def write(self, batch: Batch) -> None:
        raise NotImplementedError


async def _commit(_: object) -> None: ...


async def test_a_lane_that_stood_still_doubts() -> None:
    now, writer = [0], Noting()
    lane = Lane(EVENTS, cast("Writer", writer), _commit, Limits(), lambda: now[0], doubt_ms=3_000)
    for moment, forgot in ((200, 0), (3_200, 0), (6_201, 1), (6_401, 1), (60_000, 2)):
        now[0] = moment
        lane.pump()
        assert writer.forgot == forgot
