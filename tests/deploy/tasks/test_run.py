"""One run against a real broker: what is written of it, by whom, and what is not."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.settings import draw_secret
from deploy.tasks.attempt import attempt
from deploy.tasks.keep import place_of_runs
from deploy.tasks.run import Run
from deploy.tasks.working import Bench
from deploy.writes import Writer
from schemas.commands import CreateSource
from schemas.errors import HeadraceError
from schemas.metrics import Metrics
from schemas.task_commands import CreateTask
from schemas.task_runs import Due, Runs
from schemas.tasks import Task
from tests.deploy.desks import NOW, Installation, Process
from tests.deploy.tasks.serving import Give, serving
from tests.ingest.kafka import Kafka

SECONDS = 60
SCRIPT = """
function run(task) {
  const step = http.get(task.parameters.url).body;
  log(step, secrets.get('token'));
  state.set('step', step);
  state.save();
  state.set('ended', step);
}
"""


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Kafka(tmp_path / "kafka") as kafka:
        installation = Installation(kafka, tmp_path)
        draw_secret(installation.settings)
        await installation.prepare()
        yield installation


@pytest.fixture
async def process(installation: Installation) -> AsyncIterator[Process]:
    async with installation.process() as process:
        await process.desk.do(CreateSource({"id": "shop"}))
        yield process


async def made(process: Process, url: str) -> Task:
    kept = await process.desk.do(
        CreateTask(
            {
                "id": "orders",
                "source": "shop",
                "script": SCRIPT,
                "every": 60,
                "parameters": {"url": url},
                "secrets": {"token": "hushhush"},
                "allow": ["127.0.0.1"],
            }
        )
    )
    task: Task = kept.task
    return task


def bench(installation: Installation, process: Process, name: str, threads: Any) -> Bench:
    writer = Writer(installation.settings.kafka, process.tail)
    settings = installation.settings
    return Bench(settings, process.tail, writer, None, Metrics(), threads, name)


async def test_a_worker_that_was_thought_dead_overwrites_nothing(
    installation: Installation, process: Process
) -> None:
    loop, reached, released = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    answers = iter([b"first", b"second"])

    def gate(_: object) -> Give:
        body = next(answers)
        if body == b"first":
            loop.call_soon_threadsafe(reached.set)
            released.wait(SECONDS)
        return Give(body=body)

    with serving({"/": gate}) as site, ThreadPoolExecutor(2) as threads:
        task = await made(process, f"{site.url}/")
        due, known = Due(NOW, NOW), process.tail.tasks
        first = bench(installation, process, "first", threads)
        zombie = asyncio.create_task(Run(first, task, due, known.runs("orders")).work())
        await asyncio.wait_for(reached.wait(), SECONDS)
        async with installation.process() as elsewhere:
            second = bench(installation, elsewhere, "second", threads)
            seen = elsewhere.tail.tasks.runs("orders")
            assert seen.worker == "first"
            await Run(second, task, replace(due, again=True), seen).work()
            await second.writer.stop()
        released.set()
        await asyncio.wait_for(zombie, SECONDS)
        await first.writer.stop()
    runs = known.runs("orders")
    assert (runs.worker, runs.epoch, runs.handled) == ("", 3, NOW)
    assert runs.state == {"step": "second", "ended": "second"}
    assert [result.outcome for result in runs.results] == ["done"]
    assert runs.log == ("second ***",)


async def test_a_run_that_another_worker_began_is_not_begun(
    installation: Installation, process: Process
) -> None:
    task = await made(process, "http://127.0.0.1:1/")
    with ThreadPoolExecutor(1) as threads:
        here = bench(installation, process, "here", threads)
        seen = process.tail.tasks.runs("orders")
        topic = installation.settings.topics.task_runs.name
        place = place_of_runs(process.tail, topic, "orders")
        await here.writer.put(place, lambda: seen.begun(Due(NOW, NOW), "other", NOW))
        with pytest.raises(HeadraceError, match="another worker began it first"):
            await Run(here, task, Due(NOW, NOW), seen).work()
        await here.writer.stop()
    assert process.tail.tasks.runs("orders").worker == "other"


async def test_what_a_run_failed_of_is_kept_whatever_it_was(
    installation: Installation, process: Process
) -> None:
    task = await made(process, "http://127.0.0.1:1/")
    with ThreadPoolExecutor(1) as threads:
        here = bench(installation, process, "here", threads)
        nowhere = replace(installation.settings, data=Path("/nowhere"))
        for each, code in (
            (here, "http-unreachable"),
            (replace(here, settings=nowhere), "setting-missing"),
        ):
            await Run(each, task, Due(NOW, NOW), process.tail.tasks.runs("orders")).work()
            assert process.tail.tasks.runs("orders").results[0].code == code
        await here.writer.stop()
    runs: Runs = process.tail.tasks.runs("orders")
    assert (runs.failures, runs.state, runs.handled) == (2, {}, 0)


async def test_an_attempt_leaves_nothing_behind(
    installation: Installation, process: Process
) -> None:
    with serving({"/": Give(body=b"here")}) as site:
        await made(process, "http://127.0.0.1:1/")
        before = process.tail.tasks.runs("orders")
        failed, lines, events = await attempt(
            installation.settings, "orders", {"parameters": {"url": f"{site.url}/"}}
        )
        assert (failed, lines, events) == (None, ("here ***",), [])
        failed, _, events = await attempt(
            installation.settings,
            "",
            {"source": "shop", "script": "function run() { emit({name: 'a'}); x }"},
        )
        assert failed is not None
        assert (failed.code, events) == ("script-error", [{"name": "a"}])
    assert process.tail.tasks.runs("orders") == before
