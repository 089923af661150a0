"""``headrace bench pipeline``: each tier alone beside its bare baseline, then all together."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from deploy.bench.figures import Figures
from deploy.bench.loading import Load, loading_process
from deploy.bench.plan import Plan, Say, Step
from deploy.bench.report import Table
from deploy.bench.run import Taken, cpu_seconds, pipeline, resident_mb
from deploy.bench.tiers import POLL_SECONDS, Dose, Tiers
from deploy.declare import end_offsets, lag
from deploy.demo import DEMO
from deploy.settings import Settings

_WARM_UP_SECONDS: Final = 3.0
_START_SECONDS: Final = 12.0
_NOT_TIMED: Final = float("nan")


async def measure(dose: Dose, rounds: int, workers: int, say: Say) -> Table:
    """Run every stage; the whole pipeline has ``workers`` processors."""
    figures = Figures()
    async with AsyncExitStack() as stack:
        bed = Tiers()
        steps = [Step("starting stand-ins", 5, lambda: stack.enter_async_context(bed))]
        steps += [
            Step(f"tiers alone, round {n + 1}", dose.expected, lambda: bed.round(dose, figures))
            for n in range(rounds)
        ]
        steps.append(Step("stopping them", 1, stack.aclose))
        steps += [
            Step(
                f"whole pipeline, {batch or 1} per request, round {n + 1}",
                _START_SECONDS + 3 * dose.seconds,
                partial(whole, batch, dose, workers, figures),
            )
            for n in range(rounds)
            for batch in dose.batches
        ]
        await Plan(tuple(steps)).run(say)
    return figures.table("stages", "each tier alone, then the whole pipeline")


async def whole(batch: int, dose: Dose, workers: int, figures: Figures) -> Taken:
    """Time from the first request until the last row is committed; and what each tier took.

    Nobody is refused for the processors' backlog: what they can do is what is asked.
    """
    with (
        pipeline("--workers", str(workers), HEADRACE_BACKLOG_SECONDS="0") as running,
        loading_process() as apply,
    ):
        sender = running.sender(1, batch=batch, **dose.sent)
        await apply(Load(sender, seconds=_WARM_UP_SECONDS))
        tiers, settings = running.tiers(), running.settings
        await caught_up(settings)
        before, began = _busy(tiers), time.monotonic()
        again = running.sender(2, batch=batch, **dose.sent)
        outcome = await apply(Load(again, seconds=dose.seconds))
        await caught_up(settings)
        took = time.monotonic() - began
        after = _busy(tiers)
        events = len(outcome.acknowledged) * sender.size
        resident = {name: max(map(resident_mb, pids)) for name, pids in tiers.items()}
    name = f"whole pipeline, {sender.size} per request"
    cpu = sum(after.values()) - sum(before.values())
    together = Taken(events, took, cpu, sum(resident.values()))
    figures.add(name, together)
    for tier in tiers:
        taken = Taken(events, _NOT_TIMED, after[tier] - before[tier], resident[tier])
        figures.add(f"  its {tier}, {sender.size} per request", taken)
    return together


async def caught_up(settings: Settings) -> None:
    """Return when both groups have committed all that is there at the call."""
    raw = settings.topics.raw(DEMO).name
    for group, topic in (
        (settings.process_group, raw),
        (settings.sink_group, settings.topics.events.name),
    ):
        ends = await end_offsets(settings.kafka, [topic])
        async with lag(settings.kafka, group, ends) as left_of:
            while await left_of():  # noqa: ASYNC110  Kafka has no event for it
                await asyncio.sleep(POLL_SECONDS)


def _busy(tiers: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: sum(map(cpu_seconds, pids)) for name, pids in tiers.items()}
