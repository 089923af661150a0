"""Sessions and profiles over a broker: kept over crashes and rebalances, merged everywhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.registry import Tail
from schemas.metrics import Metrics
from schemas.topics import Topics
from tests.processors.conftest import Running
from tests.processors.worker import WorkerProcess
from tests.processors.world import IDS, Feed, Reader, Tracker, eventually, line

SESSIONS = [f"session {number}" for number in range(20)]
MINE, OTHER = (IDS.issue("profile", "elsewhere", str(number)) for number in range(2))


def event(session: str, number: int, **fields: object) -> bytes:
    """One event of a session that its client named."""
    known = {"session_id": session, "rule": "sticky"}
    return line(session, number=number, **known | fields)


def profiles(reader: Reader) -> dict[int, str]:
    return {row["properties"]["number"]: row["profile_id"] for row in reader.events}


async def ask(
    tracker: Tracker, reader: Reader, turn: int, profile_id: str, sessions: list[str] = SESSIONS
) -> list[str]:
    """Send one event per session with this profile id; returns whose each of them is."""
    numbers = [turn * 100 + number for number in range(len(sessions))]
    for session, number in zip(sessions, numbers, strict=True):
        await tracker.send(session, event(session, number, profile_id=profile_id))
    await reader.until(lambda: set(numbers) <= set(reader.numbers()))
    found = profiles(reader)
    return [found[number] for number in numbers]


@pytest.fixture
async def tail(kafka: str, topics: Topics) -> AsyncIterator[Tail]:
    """What a worker of the running stack is given as its feed."""
    tail = Tail(kafka, topics)
    await tail.start()
    yield tail
    await tail.stop()


@pytest.mark.faults
async def test_sessions_keep_their_profiles_over_a_kill(
    kafka: str, topics: Topics, tracker: Tracker, reader: Reader, tmp_path: Path
) -> None:
    one = WorkerProcess(kafka, topics, 6066, tmp_path)
    two = WorkerProcess(kafka, topics, 6067, tmp_path)
    try:
        await one.ready()
        assert await ask(tracker, reader, 0, MINE) == [MINE] * len(SESSIONS)
        one.kill()
        await two.ready()
        assert await ask(tracker, reader, 1, OTHER) == [MINE] * len(SESSIONS)
        two.stop()
    finally:
        one.kill()
        two.kill()


async def test_sessions_keep_their_profiles_over_rebalances(
    running: Running, tracker: Tracker, reader: Reader
) -> None:
    async with running() as first:
        assert await ask(tracker, reader, 0, MINE) == [MINE] * len(SESSIONS)
        async with running(6067) as second:
            await eventually(
                lambda: not first.rebalancing and not second.rebalancing, "the rebalance ended"
            )
            assert first.consumer.assignment()
            assert second.consumer.assignment()
            late = [f"{session}, opened at the second" for session in SESSIONS]
            assert await ask(tracker, reader, 1, OTHER) == [MINE] * len(SESSIONS)
            assert await ask(tracker, reader, 2, OTHER, late) == [OTHER] * len(SESSIONS)
        assert await ask(tracker, reader, 3, MINE, late) == [OTHER] * len(SESSIONS)
        assert await ask(tracker, reader, 4, OTHER) == [MINE] * len(SESSIONS)


async def test_a_merge_of_one_worker_is_known_to_others_within_seconds(
    running: Running,
    tracker: Tracker,
    reader: Reader,
    feed: Feed,
    tail: Tail,
    metrics: Metrics,
) -> None:
    """The worker's own feed stays ignorant: what the tail learns, it learns from the topic."""
    async with running():
        await tracker.send("s", event("s", 1, profile_id=MINE))
        await tracker.send("s", event("s", 2, handed_over=OTHER))
        await reader.until(lambda: len(reader.events) == 2)
        assert profiles(reader) == {1: MINE, 2: OTHER}
        await eventually(lambda: tail.merges.resolve(MINE) == OTHER, "the merge came back", 5)
        await eventually(
            lambda: metrics.get("headrace_process_merges_total") == 1, "the merge is counted"
        )
        feed.merges = tail.merges
        await tracker.send("t", event("t", 3, profile_id=MINE))
        await tracker.send("u", line("u", number=4, profile_id=MINE))
        await reader.until(lambda: len(reader.events) == 4)
    found = profiles(reader)
    assert (found[3], found[4]) == (OTHER, OTHER)


async def test_edges_that_wait_are_told(
    running: Running, tracker: Tracker, reader: Reader, metrics: Metrics
) -> None:
    async with running():
        await asyncio.gather(
            tracker.send("s", event("s", 1, ask="3:a", profile_id=MINE)),
            tracker.send("t", event("t", 2, ask="0:b", unsaved=["event"])),
            tracker.send("u", line("u", number=3, ask="1:c", bug="oh")),
            tracker.send("v", event("v", 4, ask="4:nowhere")),
        )
        await reader.until(lambda: len(reader.told) == 3 and len(reader.events) == 2)
        await eventually(
            lambda: (
                metrics.get("headrace_process_answers_total") == 3
                and metrics.get("headrace_process_unsaved_total") == 1
            ),
            "all is counted",
        )
    assert reader.told_at == {"3:a": 3, "0:b": 0, "1:c": 1}
    stored, unsaved, dead = (reader.told[asked] for asked in ("3:a", "0:b", "1:c"))
    assert (stored.profile_id, stored.opened, stored.saved) == (MINE, True, True)
    assert (unsaved.profile_id, unsaved.saved) == (
        IDS.issue("profile", "shop", "session", "t"),
        False,
    )
    assert (dead.saved, dead.errors) == (False, ("process-bug: kept as a dead letter",))
