"""Keeps profiles as their changes and merges say, beside the sink."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from typing import Final, Protocol

from schemas import codec
from schemas.metrics import Metrics
from sinks import retry
from sinks.batch import Batch
from sinks.chores import until_told
from sinks.clickhouse import ClickHouse, identifier
from sinks.profiles import Profiles, asked
from sinks.verdict import Failed

LINGER_SECONDS: Final = 0.2
"""From a merge to the work: merges come in quick succession."""
AGAIN_SECONDS: Final = 2.0
"""From a failure to the next attempt."""
LOAD_SECONDS: Final = 1.0
"""From one load of the dictionary to the next at the least."""
_LOAD_SHARE: Final = 10
"""A load is followed by so many times its own time without one."""
TABLE: Final = "profile_overrides"
DICTIONARY: Final = "profile_overrides_dict"

_log: Final = logging.getLogger(__name__)


class Merges(Protocol):
    """Which profiles are one; see :class:`schemas.merges.Merges`."""

    def __iter__(self) -> Iterator[str]:
        """List the profiles that go on as another."""

    def listen(self, heard: Callable[[Collection[str]], None]) -> None:
        """Have ``heard`` called with profiles that resolve to another one than before."""

    def resolve(self, profile_id: str) -> str:
        """Name the profile that goes on for this one."""

    def family(self, profile_id: str) -> tuple[str, ...]:
        """List all profiles that are one with this one, itself included."""


class Feed(Protocol):
    """What is known of merges."""

    @property
    def merges(self) -> Merges:
        """All of them; complete as far as ``merges_read``."""

    @property
    def merges_read(self) -> int:
        """How many records of their topic were read."""


class Folding:
    """Folds a profile when a change of it is stored, and when it is merged.

    A merge is followed by every sink, for each may have folded by what it knew before: first the
    survivors, then the list of those who go on as them, so that a sink that ends in between
    leaves a difference behind that the next one finds.

    Args:
        client: its own, for it is closed by :meth:`run`.
        chance: draws from [0, 1), for the jitter of waits.
        cluster: on which the dictionary is loaded again, None for one server.
    """

    def __init__(
        self,
        client: ClickHouse,
        feed: Feed,
        metrics: Metrics,
        *,
        chance: Callable[[], float],
        cluster: str | None = None,
    ) -> None:
        self._client = client
        self._feed = feed
        self._metrics = metrics
        self._chance = chance
        self._profiles = Profiles(client, feed.merges, metrics)
        self._on_cluster = f" ON CLUSTER {identifier(cluster)}" if cluster else ""
        self._moved: set[str] = set()
        self._news = asyncio.Event()
        self._suspects = False
        self._unloaded = True
        self._load_at = 0.0

    async def stored(self, batch: Batch) -> None:
        """Fold the profiles that a stored batch of changes is about; waits out outages.

        Raises:
            Stopped: ClickHouse refuses for a reason that waiting does not cure.
        """
        touched = {str(codec.loads(row.line)["profile_id"]) for row in batch.rows}
        if touched:

            async def fold() -> None:
                await self._profiles.fold(touched)

            await retry.until(fold, asyncio.Event(), self._chance, Failed)

    def suspect(self) -> None:
        """Look for what another sink has left half done; called when partitions are dealt."""
        self._suspects = True
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow merges until told to stop."""
        self._feed.merges.listen(self._hear)
        try:
            await until_told(stop, self._forever())
        finally:
            await self._client.close()

    def _hear(self, moved: Collection[str]) -> None:
        self._moved.update(moved)
        self._news.set()

    async def _forever(self) -> None:
        """Follow again and again; a store that is away is asked again."""
        known = set(self._feed.merges)
        while True:
            try:
                if known:
                    await self._catch_up(known)
                    known.clear()
                await self._wait()
                await self.follow()
            except Failed as failure:
                self._metrics.add("headrace_sink_profile_failures_total", code=failure.code)
                _log.warning("cannot follow merges of profiles: %s", failure.message)
                self._news.set()
                await asyncio.sleep(AGAIN_SECONDS)

    async def _wait(self) -> None:
        """Wait for news; not for long while the dictionary is to be loaded."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOAD_SECONDS if self._unloaded else None):
                await self._news.wait()
            await asyncio.sleep(LINGER_SECONDS)
        self._news.clear()

    async def follow(self) -> None:
        """Bring profiles and overrides up to what was heard.

        Raises:
            Failed: with a verdict; the next call does again what was left.
        """
        moved, self._moved = self._moved, set()
        suspects, self._suspects = self._suspects, False
        try:
            for part in asked(moved):
                there = await self._there(part)
                await self._profiles.fold({*part, *there.values()})
                await self._write(part, there)
            if suspects:
                await self._profiles.stale()
            await self._load()
        except BaseException:
            self._moved |= moved
            self._suspects |= suspects
            raise

    async def _catch_up(self, known: Collection[str]) -> None:
        """Write down what merges there were before, and fold where that is news."""
        for part in asked(known):
            there = await self._there(part)
            resolve = self._feed.merges.resolve
            news = [each for each in part if there.get(each, each) != resolve(each)]
            await self._profiles.fold({*news, *(there[each] for each in news if each in there)})
            await self._write(part, there)

    async def _there(self, profile_ids: Collection[str]) -> dict[str, str]:
        rows = await self._client.query(
            "SELECT profile_id, merged_into"  # noqa: S608 - identifiers
            f" FROM {self._client.database}.{TABLE} FINAL"
            " WHERE profile_id IN {ids:Array(String)}",
            {"ids": list(profile_ids)},
        )
        return {str(old): str(new) for old, new in rows}

    async def _write(self, profile_ids: Collection[str], there: dict[str, str]) -> None:
        version, resolve = self._feed.merges_read, self._feed.merges.resolve
        lines = [
            codec.dumps({"profile_id": each, "merged_into": resolve(each), "version": version})
            + b"\n"
            for each in profile_ids
            if there.get(each, each) != resolve(each)
        ]
        if lines:
            await self._client.insert(TABLE, lines)
            self._metrics.add("headrace_sink_overrides_total", len(lines))
            self._unloaded = True

    async def _load(self) -> None:
        """Have the dictionary read again, which takes the server seconds for a million.

        A dictionary that cannot be read keeps nobody from the tables.
        """
        clock = asyncio.get_running_loop().time
        if not self._unloaded or clock() < self._load_at:
            return
        began = clock()
        name = f"{self._client.database}.{DICTIONARY}"
        try:
            await self._client.command(f"SYSTEM RELOAD DICTIONARY{self._on_cluster} {name}")
        except Failed as failure:
            self._metrics.add("headrace_sink_profile_failures_total", code=failure.code)
            _log.warning("%s is not loaded: %s", name, failure.message)
        self._unloaded = False
        self._load_at = clock() + max(LOAD_SECONDS, _LOAD_SHARE * (clock() - began))
