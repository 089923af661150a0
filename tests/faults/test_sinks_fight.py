"""Sinks that come, go, fall asleep and wake up: one writer per partition, and no row twice."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.contracts.leash import Leashed
from tests.faults.measure import Stage
from tests.sinks import flow

pytestmark = [pytest.mark.faults, pytest.mark.slow_fault]

SESSION_SECONDS = 6.0
"""After which the group gives away the partitions of a sink of these tests."""
DRAIN_SECONDS = 30.0
ASLEEP_SECONDS = 60.0
FIGHT_SECONDS = 20.0
PAUSE_SECONDS = 0.02


class Sinks:
    """Sinks in processes of their own, each by its instance name ("" is no static member)."""

    def __init__(self, stage: Stage, url: str, directory: Path) -> None:
        self._stage = stage
        self._url = url
        self._directory = directory
        self.running: dict[str, Leashed] = {}

    async def start(self, name: str, instance: str | None = None) -> Leashed:
        log = self._directory / f"{name}-{len(list(self._directory.iterdir()))}.log"
        topics = self._stage.topics
        arguments = [self._stage.kafka, topics.prefix, str(topics.partitions), self._url, "never"]
        given = name if instance is None else instance
        argv = [sys.executable, "-m", "tests.sinks.suicidal", *arguments, given]
        sink = self.running[name] = Leashed(argv, log)

        async def ready() -> bool:
            return "ready" in log.read_text() or not sink.running

        await flow.eventually(ready, f"sink {name} is ready")
        assert sink.running, sink.tail()
        return sink

    def end(self) -> None:
        for sink in self.running.values():
            if sink.running:
                os.kill(sink.pid, signal.SIGCONT)
            sink.kill()


@pytest.fixture
def sinks(stage: Stage, url: str, tmp_path: Path) -> Iterator[Sinks]:
    made = Sinks(stage, url, tmp_path)
    yield made
    made.end()


@contextlib.asynccontextmanager
async def streaming(stage: Stage) -> AsyncIterator[None]:
    """Send events all the time of the block."""
    stop = asyncio.Event()

    async def stream() -> None:
        while not stop.is_set():
            await stage.send(100, 20)
            await asyncio.sleep(PAUSE_SECONDS)  # a steady stream, not a flood

    streaming = asyncio.create_task(stream())
    try:
        yield
    finally:
        stop.set()
        await streaming


async def _more_is_stored(stage: Stage) -> None:
    before = stage.sent

    async def stored() -> bool:
        return len(await flow.stored(stage.clickhouse)) > before

    await flow.eventually(stored, "rows flow again")


async def test_sigterm_under_load(stage: Stage, sinks: Sinks) -> None:
    """Fault 23: what was read is written and committed before the process ends, in time."""
    sink = await sinks.start("leaver")
    async with streaming(stage):
        await _more_is_stored(stage)
        began = time.monotonic()
        status = await asyncio.to_thread(sink.stop)
        took = time.monotonic() - began
        stage.heal()
        stored, committed = len(await flow.stored(stage.clickhouse)), await _committed(stage)
    assert status == 0, sink.tail()
    assert took < DRAIN_SECONDS
    assert stored == committed * 20, "stored and committed are not the same"
    await sinks.start("heir")
    note = f"drained in {took:.1f} s"
    await stage.tell("23", "SIGTERM under load", await stage.recovered(), note)


async def _committed(stage: Stage) -> int:
    return await flow.committed(stage.kafka, stage.topics)


async def test_a_sink_comes_and_goes_every_three_seconds(stage: Stage, sinks: Sinks) -> None:
    """Fault 10: by SIGTERM and by SIGKILL, in the middle of batches."""
    await sinks.start("stays", "")
    async with streaming(stage):
        for turn in range(6):
            guest = await sinks.start(f"guest-{turn}", "")
            await _more_is_stored(stage)
            if turn % 2:
                guest.kill()
            else:
                await asyncio.to_thread(guest.stop)
        stage.heal()
        await _more_is_stored(stage)
    await stage.tell("10", "members come and go", await stage.recovered(), "6 guests, 3 killed")


@pytest.mark.parametrize("instances", [("one", "two"), ("", "")], ids=["static", "dynamic"])
async def test_a_zombie_wakes_up(stage: Stage, sinks: Sinks, instances: tuple[str, str]) -> None:
    """Fault 10: it still holds rows of partitions that another sink has long written."""
    first = await sinks.start("sleeper", instances[0])
    async with streaming(stage):
        await _more_is_stored(stage)
        os.kill(first.pid, signal.SIGSTOP)
        began = time.monotonic()
        await sinks.start("other", instances[1])
        await _more_is_stored(stage)
        note = f"taken over in {time.monotonic() - began:.1f} s"
        while time.monotonic() < began + ASLEEP_SECONDS:
            await _more_is_stored(stage)
        os.kill(first.pid, signal.SIGCONT)
        stage.heal()
        await _more_is_stored(stage)
    what = f"zombie wakes after 60 s, {'static' if instances[0] else 'dynamic'}"
    recovery, twice = await stage.settled()
    await stage.tell("10", what, recovery, f"{note}, {twice}")


async def test_two_sinks_of_one_name(stage: Stage, sinks: Sinks) -> None:
    """A mistake of whoever starts them: they take the partitions from each other, again and again.

    The client (aiokafka 0.14) heartbeats without its instance's name, so the one that was fenced
    off comes back. Rows are right all the same.
    """
    first = await sinks.start("first", "same")
    async with streaming(stage):
        await _more_is_stored(stage)
        os.kill(first.pid, signal.SIGSTOP)
        began = time.monotonic()
        await sinks.start("second", "same")
        await _more_is_stored(stage)
        note = f"taken over in {time.monotonic() - began:.1f} s"
        os.kill(first.pid, signal.SIGCONT)
        while time.monotonic() < began + FIGHT_SECONDS:
            await _more_is_stored(stage)
        await asyncio.to_thread(first.stop)
        stage.heal()
        await _more_is_stored(stage)
    recovery, twice = await stage.settled()
    await stage.tell("10", "two sinks of one name", recovery, f"{note}, {twice}")
