"""Every tier is killed in turn while events stream in: each event is found exactly once."""

import http.client
import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.contracts.real_kafka import RealKafka
from tests.faults.conftest import MakePipeline
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, ask
from tests.system.tier import clickhouse_alone

pytestmark = pytest.mark.faults

EVENTS = 20_000
TIERS = ("broker", "clickhouse", "ingest", "process", "sink")
INTO_PHASE = 800
RECOVERY_SECONDS = 60.0
ACCEPT_SECONDS = 60.0

Kill = Callable[[], None]


@dataclass
class Stack:
    """A pipeline, and how to kill each of its tiers."""

    name: str
    pipeline: Pipeline
    kill: dict[str, Kill]
    recovery: dict[str, float] = field(default_factory=dict)


def _kill_tier(pipeline: Pipeline, tier: str) -> None:
    pids = [pid for name, pid in pipeline.tiers().items() if name.startswith(tier)]
    assert pids, f"no {tier} runs"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


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
    kill: dict[str, Kill] = {tier: lambda tier=tier: _kill_tier(pipeline, tier) for tier in TIERS}  # type: ignore[misc]
    if kafka is not None and kafka.restartable:
        kill["broker"] = lambda: _restart(kafka)
    elif kafka is not None:
        del kill["broker"]
    return Stack(request.param, pipeline, kill)


def test_every_event_is_found_exactly_once(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    with Clients(stack.pipeline.url, EVENTS) as clients:
        _kill_each(stack, clients)
        clients.allow(EVENTS)
        _wait_accepted(clients, EVENTS)
    stored_by_then = _seen(stack.pipeline.clickhouse, "FINAL")
    audit = stack.pipeline.headrace("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert stack.pipeline.stop() == 0, stack.pipeline.output
    with clickhouse_alone(stack.pipeline.data) as url:
        figures = _figures(url, clients, stack) | {"stored before the drain": len(stored_by_then)}
        with capsys.disabled():
            print(f"\n{stack.name}: {figures}")  # noqa: T201 - the report this test is for
        final = _seen(url, "FINAL")
        assert not clients.figures.refusals
        assert sorted(set(range(EVENTS)) - final.keys()) == [], "missing"
        assert {number: times for number, times in final.items() if times > 1} == {}, "doubled"
        assert figures["dead"] == 0
        assert _broken_sessions(url) == []


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

    def visible() -> bool:
        number = clients.accepted_since(since)
        try:
            return number is not None and _is_stored(pipeline.clickhouse, number)
        except (OSError, http.client.HTTPException, AssertionError):
            # a question to a database that was just killed may fail in any way
            return False

    eventually(visible, within=RECOVERY_SECONDS, what=f"events flow again after {tier} was killed")


def _is_stored(url: str, number: int) -> bool:
    found = ask(
        url,
        "SELECT 1 FROM headrace.events WHERE source_id LIKE 'numbered-%' "
        "AND properties.number::Int64 = {number:Int64} LIMIT 1",
        number=number,
    )
    return bool(found)


_SEEN = (
    "SELECT properties.number::Int64 AS number, count() AS times FROM headrace.events {final} "
    "WHERE source_id LIKE 'numbered-%' GROUP BY number"
)


def _seen(url: str, final: str = "") -> dict[int, int]:
    """How often each number is in the table."""
    return {row["number"]: row["times"] for row in ask(url, _SEEN.format(final=final))}


def _figures(url: str, clients: Clients, stack: Stack) -> dict[str, object]:
    plain = _seen(url)
    (dead,) = ask(url, "SELECT count() AS dead FROM headrace.dead_letters FINAL")
    (sessions,) = ask(url, "SELECT uniqExact(session_id) AS sessions FROM headrace.events")
    return {
        "sent": EVENTS,
        "accepted": clients.accepted(),
        "requests": clients.figures.requests,
        "retried": dict(clients.figures.retries),
        "stored": sum(_seen(url, "FINAL").values()),
        "doubled without FINAL": sum(times - 1 for times in plain.values()),
        "sessions": sessions["sessions"],
        "recovery in s": stack.recovery,
        **dead,
    }


def _broken_sessions(url: str) -> list[dict[str, object]]:
    """Visitors whose events, seconds apart, were not put into one session."""
    return ask(
        url,
        "SELECT anonymous_id, uniqExact(session_id) AS sessions, any(session_id) AS one "
        "FROM headrace.events FINAL WHERE source_id = {source:String} "
        "GROUP BY anonymous_id HAVING sessions != 1 OR one = ''",
        source=FILUM_SOURCE,
    )
