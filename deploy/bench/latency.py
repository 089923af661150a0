"""``headrace bench latency``: from the 200 to the row that a SELECT sees."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from typing import Any, Final

import clickhouse_connect

from deploy.bench.run import Load, Pipeline, loading_process, pipeline
from deploy.bench.samples import event_number
from deploy.settings import SettingError

_POLL_SECONDS: Final = 0.05
_GRACE_SECONDS: Final = 30.0
_WARM_UP_SECONDS: Final = 3.0
_RUN: Final = 2
_WARM_UP_RUN: Final = 1


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from 200 to visible, over all acknowledged events; ``lost`` were never seen."""

    rate: float
    events: int
    refused: int
    lost: int
    p50: float
    p99: float
    longest: float


async def measure(*, rate: float, seconds: float, kill_processor: bool, workers: int) -> Latency:
    """Start a pipeline, send single events at a steady rate, watch for each of them."""
    with pipeline("--workers", str(workers)) as running, loading_process() as apply:
        await apply(Load(running.sender(_WARM_UP_RUN), rate=rate, seconds=_WARM_UP_SECONDS))
        load = apply(Load(running.sender(_RUN), rate=rate, seconds=seconds))
        killer = asyncio.create_task(_kill_processor(running, seconds / 3, wanted=kill_processor))
        seen = await _watch(running, load)
        await killer
        outcome = await load
    waits = sorted(seen[n] - at for n, at in outcome.acknowledged if n in seen)
    lost = len(outcome.acknowledged) - len(waits)
    return Latency(rate, len(outcome.acknowledged), outcome.refused, lost, *_quantiles(waits))


def _quantiles(waits: list[float]) -> tuple[float, float, float]:
    if not waits:
        raise SettingError("no event was both accepted and seen: nothing to measure")
    last = len(waits) - 1
    return waits[last // 2], waits[int(last * 0.99)], waits[last]


async def _kill_processor(running: Pipeline, after: float, *, wanted: bool) -> None:
    if wanted:
        await asyncio.sleep(after)
        os.kill(running.tiers()["process"][0], signal.SIGKILL)


async def _watch(running: Pipeline, load: "asyncio.Future[Any]") -> dict[int, float]:
    """Poll for new rows until all acknowledged events were seen; number -> Unix time."""
    client = await asyncio.to_thread(_client, running)
    seen: dict[int, float] = {}
    deadline = float("inf")
    while time.monotonic() < deadline:
        began = time.time()
        rows = await asyncio.to_thread(_new_rows, client, running.settings.database)
        now = time.time()
        for row in rows:
            number = event_number(row[0], _RUN)
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


def _new_rows(client: Any, database: str) -> list[tuple[Any]]:
    sql = f"SELECT event_id FROM {database}.events WHERE stored_at > now64(3) - 3"  # noqa: S608  our own name
    rows: list[tuple[Any]] = client.query(sql).result_rows
    return rows
