"""How many statements may run, and how many may wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.errors import ClickHouseError


class Gate:
    """Lets ``running`` statements in at a time, ``waiting`` more stand in line, and no others."""

    def __init__(self, running: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(running)
        self._room = running + waiting
        self.admitted = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot; raises ``ClickHouseError`` 202 when the line is full."""
        if self.admitted >= self._room:
            raise ClickHouseError(
                errors.TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"{self.admitted} statements are running or waiting: try again later",
            )
        self.admitted += 1
        try:
            async with self._slots:
                yield
        finally:
            self.admitted -= 1
