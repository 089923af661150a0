"""Tasks at the desk, against a real broker: made, changed, run now, forgotten, never doubled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.sealing import unseal
from deploy.settings import draw_secret
from deploy.tasks.keep import SEALED_FOR, place_of_runs
from schemas.commands import CreateSource
from schemas.errors import HeadraceError, Malformed
from schemas.task_commands import (
    ChangeTask,
    CreateTask,
    DeleteTask,
    ForgetState,
    Kept,
    ListTasks,
    ListTemplates,
    RunTask,
    ShowTask,
    StopRun,
)
from schemas.task_runs import Runs
from tests.deploy.desks import NOW, Installation, Process
from tests.ingest.kafka import Kafka

GIVEN = {"id": "orders", "source": "shop", "script": "function run() {}", "every": 60}


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


async def create(process: Process, **fields: Any) -> Kept:
    given = {name: value for name, value in {**GIVEN, **fields}.items() if value is not ...}
    kept: Kept = await process.desk.do(CreateTask(given))
    return kept


async def refusal(process: Process, command: Any) -> tuple[str, int]:
    with pytest.raises(HeadraceError) as caught:
        await process.desk.do(command)
    return caught.value.code, caught.value.status


async def test_a_task_is_made_shown_changed_and_taken_away(
    installation: Installation, process: Process
) -> None:
    kept = await create(process, secrets={"token": "hushhush"})
    assert (kept.task.id, kept.task.since, kept.next_at) == ("orders", NOW, NOW)
    assert await process.desk.do(ShowTask(" ORDERS ")) == kept
    assert await process.desk.do(ListTasks()) == (kept,)
    installation.now = NOW + 5
    changed = await process.desk.do(ChangeTask("orders", {"description": "all of them"}))
    assert (changed.task.since, changed.task.updated_at) == (NOW, NOW + 5)
    assert changed.task.secrets == kept.task.secrets
    changed = await process.desk.do(ChangeTask("orders", {"every": 90}))
    assert changed.task.since == NOW + 5
    async with installation.process() as other:
        assert (await other.desk.do(ListTasks()))[0].task == changed.task
    assert await process.desk.do(DeleteTask("orders")) is None
    assert await process.desk.do(ListTasks()) == ()
    assert not process.tail.tasks.has_runs("orders")
    assert await refusal(process, ShowTask("orders")) == ("task-unknown", 404)


async def test_secrets_are_sealed_for_their_task_and_name(
    installation: Installation, process: Process
) -> None:
    kept = await create(process, secrets={"a": "hushhush", "b": "more hush"})
    record = kept.task.as_record()
    assert b"hush" not in record
    ids = installation.settings.ids()
    assert unseal(ids, kept.task.secrets["a"], SEALED_FOR, "orders", "a") == "hushhush"
    change = {"secrets": {"a": None, "c": "third hush"}}
    changed = await process.desk.do(ChangeTask("orders", change))
    assert sorted(changed.task.secrets) == ["b", "c"]
    assert changed.task.secrets["b"] == kept.task.secrets["b"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"source": "nobody"}, "source"),
    ({"every": ..., "cron": "* * * *"}, "cron"),
    ({"every": ..., "cron": "0 0 30 2 *"}, "cron"),
    ({"every": ..., "cron": "@daily", "timezone": "Nowhere/Land"}, "timezone"),
    ({"allow": ["10.0.0.0/99"]}, "allow"),
    ({"script": ..., "template": "nothing"}, "template"),
    ({"script": ..., "template": "csv"}, "parameters"),
    ({"script": ..., "template": "csv", "parameters": {"adress": "http://x"}}, "parameters"),
]


async def test_what_cannot_be_is_refused(process: Process) -> None:
    for fields, where in WRONG:
        with pytest.raises(Malformed) as caught:
            await create(process, **fields)
        assert (caught.value.code, caught.value.where) == ("task-invalid", (where,))
    assert await process.desk.do(ListTasks()) == ()


async def test_a_template_becomes_the_script(process: Process) -> None:
    parameters = {"url": "https://a.example/x.csv", "collection": "row"}
    kept = await create(process, script=..., template="csv", parameters=parameters)
    assert kept.task.template == "csv"
    assert "function run(task)" in kept.task.script
    own = await process.desk.do(ChangeTask("orders", {"script": "function run() { }"}))
    assert (own.task.template, own.task.script) == ("", "function run() { }")
    names = [template.name for template in await process.desk.do(ListTemplates())]
    assert names == ["csv", "files", "json-api"]


async def test_there_is_one_task_of_a_name(installation: Installation, process: Process) -> None:
    async with installation.process() as other:
        made = await asyncio.gather(
            *(each.desk.do(CreateTask(GIVEN)) for each in (process, other)),
            return_exceptions=True,
        )
    codes = sorted(getattr(each, "code", "made") for each in made)
    assert codes == ["made", "task-exists"]
    assert await refusal(process, CreateTask(GIVEN)) == ("task-exists", 409)


async def test_a_run_is_asked_for(installation: Installation, process: Process) -> None:
    await create(process, enabled=False)
    assert (await process.desk.do(ShowTask("orders"))).next_at == 0
    installation.now = NOW + 9
    asked = await process.desk.do(RunTask("orders", dry=True))
    assert (asked.runs.asked_at, asked.runs.asked_dry) == (NOW + 9, True)
    assert asked.next_at == NOW + 9
    assert await refusal(process, RunTask("x")) == ("task-unknown", 404)


async def test_enabling_begins_the_schedule_anew(
    installation: Installation, process: Process
) -> None:
    await create(process, missed="catch-up")
    await process.desk.do(ChangeTask("orders", {"enabled": False}))
    installation.now = NOW + 1_000_000
    enabled = await process.desk.do(ChangeTask("orders", {"enabled": True}))
    assert enabled.task.since == enabled.next_at == installation.now


async def test_state_is_forgotten_but_not_under_a_run(process: Process) -> None:
    await create(process)
    topic = "headrace.task_runs"

    async def write(runs: Runs) -> None:
        place = place_of_runs(process.tail, topic, "orders")
        await process.desk._writer.put(place, lambda: runs)

    await write(Runs(epoch=3, worker="w", state={"a": 1}))
    assert await refusal(process, ForgetState("orders")) == ("task-running", 409)
    assert (await process.desk.do(StopRun("orders"))).runs.stopping
    await write(Runs(epoch=3, state={"a": 1}, files={"k": {}}, failures=2, not_before=NOW))
    assert await refusal(process, StopRun("orders")) == ("task-not-running", 409)
    kept = await process.desk.do(ForgetState("orders"))
    assert kept.runs == Runs(epoch=3)


async def test_a_task_made_anew_has_nothing_of_the_old_one(process: Process) -> None:
    await create(process)
    await process.desk.do(RunTask("orders"))
    await process.desk.do(DeleteTask("orders"))
    assert (await create(process)).runs.asked_at == 0
