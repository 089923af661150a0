"""From the topic of changes to the rows of profiles: twice, again, and killed at any step."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.merges import Edge
from schemas.metrics import Metrics
from schemas.profiles import Change, write
from schemas.topics import Topics, partition_of
from sinks.clickhouse import ClickHouse
from sinks.folding import Folding
from sinks.lane import Lane
from sinks.tables import PROFILE_CHANGES
from sinks.write import Writer
from tests.contracts.leash import Leashed
from tests.sinks import flow, people
from tests.sinks.people import AT, Known, change, shown

LINK = Edge("visitor", "anna", AT, "link")
SAID = [
    change(
        number,
        profile_id,
        ids={"user": (profile_id,)},
        increment={"events": 1},
        set={f"last_{profile_id}": number},
    )
    for number, profile_id in enumerate(["visitor", "anna", "visitor", "bert", "anna"] * 8)
]


class Killed(Exception):
    """The end of a process, as its client of ClickHouse sees it."""


class Mortal(ClickHouse):
    """Dies at one call: before it is sent, or when it was answered."""

    def __init__(self, url: str, calls: int, *, after: bool) -> None:
        super().__init__(url)
        self.calls = calls
        self._after = after

    async def insert(
        self, table: str, lines: Iterable[bytes | memoryview], *, query_id: str | None = None
    ) -> int:
        self._live(after=False)
        written = await super().insert(table, lines, query_id=query_id)
        self._live(after=True)
        return written

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Sequence[Sequence[Any]]:
        self._live(after=False)
        rows = await super().query(sql, parameters, settings)
        self._live(after=True)
        return rows

    def _live(self, *, after: bool) -> None:
        if after == self._after:
            self.calls -= 1
            if self.calls < 0:
                raise Killed


async def _nobody(poison: Sequence[object]) -> None:
    assert not poison


class Life:
    """One life of a sink: a lane for changes, and what folds them."""

    def __init__(self, client: ClickHouse, feed: Known) -> None:
        self.committed = 0
        self.folding = Folding(client, feed, Metrics(), chance=random.random)
        writer = Writer(client, PROFILE_CHANGES, _nobody, Metrics(), flow.clock, random.random)
        self._lane = Lane(
            PROFILE_CHANGES, writer, self._commit, flow.QUICK, flow.clock, None, self.folding.stored
        )

    async def _commit(self, offsets: Mapping[int, int]) -> None:
        self.committed = offsets[0]

    async def deliver(self, changes: Sequence[Change], first: int) -> None:
        for offset, each in enumerate(changes[first:], first):
            self._lane.take(write(each), 0, offset)
        await self._lane.drain()


@pytest.mark.faults
async def test_killed_at_any_step(url: str, clickhouse: ClickHouse) -> None:
    """Whatever a dead sink has done, the next one ends with the same rows."""
    calls = 0
    while await _killed(url, clickhouse, calls, after=bool(calls % 2)):
        calls += 1
    assert calls > 16


async def _killed(url: str, clickhouse: ClickHouse, calls: int, *, after: bool) -> bool:
    """Give a sink so many half calls to live, and let another go on; tell whether it died."""
    said = [replace(each, profile_id=f"{each.profile_id}-{calls}", seq=calls) for each in SAID[:8]]
    feed = Known(Edge(f"visitor-{calls}", f"anna-{calls}", AT, "link"))
    mortal = Mortal(url, calls // 2, after=after)
    victim, died = Life(mortal, feed), False
    try:
        await victim.folding._catch_up(list(feed.merges))
        await victim.deliver(said[:5], 0)
    except Killed:
        died = True
    finally:
        await mortal.close()
    heir = Life(clickhouse, feed)
    await heir.folding._catch_up(list(feed.merges))
    await heir.deliver(said, victim.committed)
    heir.folding.suspect()
    await heir.folding.follow()
    found = await shown(clickhouse)
    mine = {root: row for root, row in found.items() if root.endswith(f"-{calls}")}
    assert people.same(mine, people.expected(said, feed.merges)), calls
    return died


async def send(kafka: str, topics: Topics, changes: Sequence[Change]) -> None:
    records = [(partition_of(each.profile_id, topics.partitions), write(each)) for each in changes]
    await flow.produce(kafka, topics.profiles.name, records, keyed=True)


@asynccontextmanager
async def folding(
    kafka: str, topics: Topics, url: str, feed: Known, **more: Any
) -> AsyncIterator[flow.Running]:
    """Run a sink that folds what it stores, and follows merges."""
    stop = asyncio.Event()
    folds = Folding(ClickHouse(url), feed, Metrics(), chance=random.random)
    following = asyncio.create_task(folds.run(stop))
    try:
        async with flow.sinking(kafka, topics, url, folding=folds, **more) as sink:
            yield sink
    finally:
        stop.set()
        await following


async def ends_with(clickhouse: ClickHouse, changes: Sequence[Change], feed: Known) -> None:
    right = people.expected(changes, feed.merges)

    async def right_now() -> bool:
        return people.same(await shown(clickhouse), right)

    await flow.eventually(right_now, "the profiles are what was said of them")


def seen(metrics: Metrics) -> float:
    """How many changes were stored, or found to be there already."""
    kinds: list[tuple[str, dict[str, str]]] = [
        ("headrace_sink_rows_total", {}),
        ("headrace_sink_fenced_total", {}),
        ("headrace_sink_duplicates_total", {"source": "shop"}),
    ]
    return sum(metrics.get(name, table="profile_changes", **more) for name, more in kinds)


async def test_every_message_twice_and_all_again(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    feed = Known()
    async with folding(kafka, topics, url, feed):
        await send(kafka, topics, [each for each in SAID for _ in range(2)])
        await ends_with(clickhouse, SAID, feed)
        feed.learn(LINK)
        await ends_with(clickhouse, SAID, feed)
    rows = f"SELECT * EXCEPT version FROM {clickhouse.database}.profile_states FINAL ORDER BY 1"  # noqa: S608 - a test's own
    before = await clickhouse.query(rows)
    async with folding(kafka, topics, url, feed, group=f"{topics.prefix}-again") as sink:

        async def read() -> bool:
            return seen(sink.metrics) == 2 * len(SAID)

        await flow.eventually(read, "all was read again")
    assert await clickhouse.query(rows) == before
    assert await flow.ask(clickhouse, "SELECT count() FROM @profile_changes FINAL") == [
        (len(SAID),)
    ]


@pytest.mark.faults
async def test_a_process_killed_between_changes_and_profiles(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse, tmp_path: Path
) -> None:
    arguments = [kafka, topics.prefix, str(topics.partitions), url]
    command = [sys.executable, "-m", "tests.sinks.suicidal", *arguments]
    victim = Leashed([*command, "states"], tmp_path / "victim.log")
    await send(kafka, topics, SAID)
    assert await asyncio.to_thread(victim.wait, flow.DEADLINE) == -9, victim.tail()
    assert await shown(clickhouse) == {}
    async with folding(kafka, topics, url, Known(), instance="only"):
        await ends_with(clickhouse, SAID, Known())


async def test_what_is_no_change_becomes_a_dead_letter(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    values = [b'{"profile_id":"p"}', b"junk", write(SAID[0]).replace(b'"at":', b'"at":9')]
    sent = [(0, value) for value in values]
    await flow.produce(kafka, topics.profiles.name, sent, keyed=True)
    async with folding(kafka, topics, url, Known()):
        await flow.has_stored(clickhouse, len(values), "dead_letters")
    letters = await flow.ask(clickhouse, "SELECT code, topic FROM @dead_letters ORDER BY code")
    topic = topics.profiles.name
    assert letters == [
        ("change-invalid", topic),
        ("change-invalid", topic),
        ("json-invalid", topic),
    ]
