"""``headrace bench latency``: from the 200 to the row that a SELECT sees."""

import asyncio
import os
import signal
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import clickhouse_connect

from deploy.bench.load import Outcome
from deploy.bench.loading import Apply, Load, loading_process
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Cell, Column, Plot, Table, quantile
from deploy.bench.run import Pipeline, pipeline
from deploy.bench.samples import number_of
from deploy.settings import SettingError

_POLL_SECONDS: Final = 0.05
_GRACE_SECONDS: Final = 30.0
_WARM_UP_SECONDS: Final = 3.0


_COLUMNS: Final = (
    Column("round", "round"),
    Column("events", "accepted", "count"),
    Column("refused", "refused", "count"),
    Column("lost", "never seen", "count"),
    Column("answer_p50", "answer p50 ms", "decimal"),
    Column("answer_p99", "p99 ms", "decimal"),
    Column("p50", "visible p50 s", "decimal"),
    Column("p99", "p99 s", "decimal"),
    Column("longest", "longest s", "decimal"),
)


@dataclass(frozen=True, slots=True)
class Course:
    """A steady load: requests of one event per second, for how long, and how often."""

    rate: float
    seconds: float
    rounds: int
    workers: int
    kill_processor: bool


async def measure(course: Course, say: Say) -> Table:
    """Start a pipeline, send single events at a steady rate, watch for each of them."""
    found: list[tuple[float, ...]] = []
    async with AsyncExitStack() as stack:
        running = stack.enter_context(pipeline("--workers", str(course.workers)))
        apply = stack.enter_context(loading_process())

        async def warm_up() -> None:
            load = Load(running.sender(1), rate=course.rate, seconds=_WARM_UP_SECONDS)
            await apply(load)

        async def one(number: int) -> None:
            found.append(await _round(running, apply, course, run=number + 1))

        steps = [Step("warming up", _WARM_UP_SECONDS, warm_up)]
        steps += [
            Step(f"{course.rate:,.0f} events/s, round {n}", course.seconds + 2, partial(one, n))
            for n in range(1, course.rounds + 1)
        ]
        await Plan(tuple(steps)).run(say)
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    rows: list[tuple[Cell, ...]] = [(str(n), *each) for n, each in enumerate(found, start=1)]
    rows.append(("median", *medians))
    title = "from sending to the 200, and from the 200 to the row that a SELECT sees"
    return Table("latency", title, _COLUMNS, tuple(rows), Plot("round", "p99"))


async def _round(running: Pipeline, apply: Apply, course: Course, run: int) -> tuple[float, ...]:
    load = apply(Load(running.sender(run), rate=course.rate, seconds=course.seconds))
    killer = asyncio.create_task(
        _kill_processor(running, course.seconds / 3, wanted=course.kill_processor)
    )
    seen = await _watch(running, load, run)
    await killer
    outcome = await load
    waits = [max(0.0, seen[n] - at) for n, at in outcome.acknowledged if n in seen]
    if not waits:
        raise SettingError("no event was both accepted and seen: nothing to measure")
    answers = [1000 * wait for wait in outcome.waits]
    return (
        len(outcome.acknowledged),
        outcome.refused,
        len(outcome.acknowledged) - len(waits),
        quantile(answers, 0.5),
        quantile(answers, 0.99),
        quantile(waits, 0.5),
        quantile(waits, 0.99),
        max(waits),
    )


async def _kill_processor(running: Pipeline, after: float, *, wanted: bool) -> None:
    if wanted:
        await asyncio.sleep(after)
        os.kill(running.tiers()["process"][0], signal.SIGKILL)


async def _watch(running: Pipeline, load: "asyncio.Future[Outcome]", run: int) -> dict[int, float]:
    """Poll for new rows until all acknowledged events were seen; number -> Unix time."""
    client = await asyncio.to_thread(_client, running)
    seen: dict[int, float] = {}
    deadline = float("inf")
    while time.monotonic() < deadline:
        began = time.time()
        rows = await asyncio.to_thread(_new_rows, client, running.settings.database)
        now = time.time()
        for row in rows:
            number = number_of(row[0], run)
            if number is not None:
                seen.setdefault(number, now)
        if load.done():
            deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
            if len(seen) >= len(load.result().acknowledged):
                break
        await asyncio.sleep(max(0, _POLL_SECONDS - (time.time() - began)))
    return seen


def _client(running: Pipeline) -> Any:
    address = running.settings.clickhouse.split("//")[1].split("/")[0]
    host, _, port = address.partition(":")
    return clickhouse_connect.get_client(host=host, port=int(port), autogenerate_session_id=False)


def _new_rows(client: Any, database: str) -> list[tuple[int]]:
    sql = (
        f"SELECT properties.n::Int64 FROM {database}.events "  # noqa: S608  our own name
        "WHERE stored_at > now64(3) - 3"
    )
    rows: list[tuple[int]] = client.query(sql).result_rows
    return rows
