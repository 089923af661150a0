"""Every tier is killed in turn while events stream in: each event is found exactly once."""

import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from tests.contracts.real_kafka import RealKafka
from tests.faults.conftest import MakePipeline
from tests.faults.figures import Figures, Report
from tests.faults.found import broken_sessions, dead, is_visible_since, seen, signal_tier
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.tier import clickhouse_alone

pytestmark = pytest.mark.faults

EVENTS = 20_000
TIERS = ("broker", "clickhouse", "ingest", "process", "sink")
INTO_PHASE = 800
RECOVERY_SECONDS = 60.0
ACCEPT_SECONDS = 60.0

Kill = Callable[[], object]


@dataclass
class Stack:
    """A pipeline, and how to kill each of its tiers."""

    name: str
    pipeline: Pipeline
    kill: dict[str, Kill]
    recovery: dict[str, float] = field(default_factory=dict)


def _restart(kafka: RealKafka) -> None:
    kafka.kill()
    kafka.start()


@pytest.fixture(params=["stand-in", "apache-kafka"])
def stack(request: pytest.FixtureRequest, make_pipeline: MakePipeline) -> Stack:
    settings: dict[str, str] = {}
    kafka: RealKafka | None = None
    if request.param == "apache-kafka":
        kafka = request.getfixturevalue("real_kafka")
        settings = {
            "HEADRACE_KAFKA": kafka.address,
            "HEADRACE_PREFIX": f"faults-{secrets.token_hex(4)}",
        }
    pipeline = make_pipeline(**settings).start()
    pipeline.create_source(FILUM_SOURCE, "--write-key", FILUM_KEY)
    pipeline.create_source(TRACARDI_SOURCE)
    kill: dict[str, Kill] = {
        tier: partial(signal_tier, pipeline, tier, signal.SIGKILL) for tier in TIERS
    }
    if kafka is not None and kafka.restartable:
        kill["broker"] = lambda: _restart(kafka)
    elif kafka is not None:
        del kill["broker"]
    return Stack(request.param, pipeline, kill)


def test_every_event_is_found_exactly_once(stack: Stack, report: Report) -> None:
    with Clients(stack.pipeline.url, EVENTS) as clients:
        _kill_each(stack, clients)
        clients.allow(EVENTS)
        _wait_accepted(clients, EVENTS)
    stored_by_then = seen(stack.pipeline.clickhouse, "FINAL")
    assert stack.pipeline.stop() == 0, stack.pipeline.output
    with clickhouse_alone(stack.pipeline.data) as url:
        final = seen(url, "FINAL")
        for tier, recovery in stack.recovery.items():
            report(
                Figures(
                    fault="1",
                    what=f"{tier} killed, {stack.name}",
                    sent=EVENTS,
                    accepted=clients.accepted(),
                    stored=len(final),
                    doubled=sum(final.values()) - len(final),
                    dead=dead(url),
                    recovery=recovery,
                    note=f"{len(stored_by_then)} stored before the drain, "
                    f"{sum(seen(url).values()) - len(final)} doubled without FINAL",
                )
            )
        assert not clients.figures.refusals
        assert sorted(set(range(EVENTS)) - final.keys()) == [], "missing"
        assert dead(url) == 0
        assert broken_sessions(url) == []


def _kill_each(stack: Stack, clients: Clients) -> None:
    phase = EVENTS // len(stack.kill)
    for number, (tier, kill) in enumerate(stack.kill.items()):
        clients.allow((number + 1) * phase)
        _wait_accepted(clients, number * phase + INTO_PHASE)
        began = time.monotonic()
        kill()
        _wait_visible(stack.pipeline, clients, began, tier)
        stack.recovery[tier] = round(time.monotonic() - began, 1)


def _wait_accepted(clients: Clients, count: int) -> None:
    eventually(
        clients.accepted,
        until=lambda accepted: accepted >= count or clients.figures.refusals,
        within=ACCEPT_SECONDS,
        what=f"{count} events are accepted",
    )


def _wait_visible(pipeline: Pipeline, clients: Clients, since: float, tier: str) -> None:
    """Wait until an event that was accepted after the kill is in the table."""
    eventually(
        lambda: is_visible_since(pipeline, clients, since),
        within=RECOVERY_SECONDS,
        what=f"events flow again after {tier} was killed",
    )
