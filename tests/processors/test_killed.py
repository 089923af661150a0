"""Workers really killed: nothing is lost, and what comes twice comes out the same."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path

import pytest

from schemas.topics import Topics
from tests.faults.figures import Figures, Report
from tests.processors.worker import WorkerProcess
from tests.processors.world import MINUTE, NOW, Reader, Tracker, line

pytestmark = pytest.mark.faults

VISITORS = 40
ROUNDS = 150
PAUSE_SECONDS = 0.01


async def visit(tracker: Tracker, rounds: range) -> None:
    """Send one event per visitor and round; sessions end in the course of it."""
    for turn in rounds:
        for visitor in range(VISITORS):
            number = turn * VISITORS + visitor
            time = NOW + turn * MINUTE + (turn // 50) * 60 * MINUTE
            await tracker.post(f"v{visitor}", line(f"v{visitor}", number=number, time=time))
        await asyncio.sleep(PAUSE_SECONDS)  # a steady stream, so that the kill is in its midst


async def test_a_killed_worker_loses_nothing_and_changes_nothing(
    kafka: str, topics: Topics, tracker: Tracker, reader: Reader, tmp_path: Path, report: Report
) -> None:
    """One has its state in memory; the other on disk, which it finds when it comes back."""
    one = WorkerProcess(kafka, topics, 6066, tmp_path)
    two = WorkerProcess(kafka, topics, 6067, tmp_path, "rocksdb")
    try:
        await one.ready()
        await two.ready()
        stream = asyncio.create_task(visit(tracker, range(ROUNDS)))
        await reader.until(lambda: len(reader.events) > VISITORS * ROUNDS // 3)
        two.kill()
        killed = time.monotonic()
        await reader.until(lambda: len(set(reader.numbers())) > VISITORS * ROUNDS // 2)
        two = WorkerProcess(kafka, topics, 6067, tmp_path, "rocksdb")
        await two.ready()
        await stream
        expected = set(range(VISITORS * ROUNDS))
        await reader.until(lambda: expected <= set(reader.numbers()), seconds=30)
        assert set(reader.numbers()) == expected
        report(
            Figures(
                fault="24",
                what="worker killed",
                sent=len(expected),
                accepted=len(expected),
                stored=len(set(reader.numbers())),
                doubled=0,
                dead=len(reader.dead),
                recovery=time.monotonic() - killed,
                note=f"in the topic; {len(reader.numbers()) - len(expected)} came twice",
            )
        )
        assert reader.dead == []
        one.stop()
    finally:
        one.kill()
        two.kill()
    sessions = defaultdict(set)
    for event in reader.events:
        sessions[event["properties"]["number"]].add(event["session_id"])
    assert all(len(found) == 1 for found in sessions.values())
    assert len({found for each in sessions.values() for found in each}) == VISITORS * 3
