"""Killed between two steps that cannot be one, in a rebalance, and under clocks that jump."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from tests.faults.figures import Figures, Report
from tests.faults.found import broken_sessions, dead, seen
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.system.admin import Admin
from tests.system.client import Client
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import now_ms
from tests.system.test_dead import publish
from tests.system.tier import Tier, running
from tests.system.topics import undelivered

pytestmark = [pytest.mark.faults, pytest.mark.slow_fault]

EVENTS = 3_000
SECONDS = 90.0
HOUR_MS = 3_600_000

Start = Callable[..., Tier]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(tmp_path).start()
    made.create_source(FILUM_SOURCE, "--write-key", FILUM_KEY)
    made.create_source(TRACARDI_SOURCE)
    yield made
    made.close()


@pytest.fixture
def mortal(pipeline: Pipeline, tmp_path: Path) -> Iterator[Start]:
    """Run another tier of the pipeline, which may die at a point, for the so-manieth time."""
    settings = {"HEADRACE_DATA": str(pipeline.data)}
    with ExitStack() as stack:

        def start(*arguments: str, dies: tuple[str, int] | None = None) -> Tier:
            wrapper = (sys.executable, "-m", "tests.faults.mortal")
            under = (*wrapper, dies[0], str(dies[1])) if dies else ()
            return stack.enter_context(running(tmp_path, settings, *arguments, under=under))

        yield start


def finish(pipeline: Pipeline, clients: Clients) -> None:
    clients.allow(clients.total)
    eventually(
        clients.accepted,
        until=lambda count: count >= clients.total or clients.figures.refusals,
        within=SECONDS,
        what="all events are accepted",
    )
    all_through(pipeline)


def all_through(pipeline: Pipeline) -> None:
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=SECONDS,
        what="everything is processed and stored",
    )


def tell(
    report: Report, pipeline: Pipeline, what: str, sent: int, recovery: float, note: str = ""
) -> None:
    final, plain = seen(pipeline.clickhouse, "FINAL"), seen(pipeline.clickhouse)
    twice = sum(plain.values()) - len(final)
    figures = Figures(
        fault="24",
        what=what,
        sent=sent,
        accepted=sent,
        stored=len(final),
        doubled=sum(final.values()) - len(final),
        dead=dead(pipeline.clickhouse),
        recovery=recovery,
        note=", ".join(filter(None, (note, f"{twice} doubled without FINAL"))),
    )
    report(figures)
    assert (figures.stored, figures.dead) == (sent, 0)
    assert broken_sessions(pipeline.clickhouse) == []
    audit = pipeline.headrace("audit", "--since", "24h", "--format", "json")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_ingest_dies_between_publishing_and_answering(
    pipeline: Pipeline, mortal: Start, report: Report
) -> None:
    """The client repeats its request elsewhere; its events keep their ids."""
    tier = mortal("ingest", "--port", "0", dies=("published", 40))
    dying = Client(f"http://127.0.0.1:{tier.wait_ready()}")
    headers = {"Authorization": f"Bearer {FILUM_KEY}"}
    requests = 0
    began = time.monotonic()
    for number in range(60):
        events = [_event(number * 5 + step) for step in range(5)]
        try:
            status = dying.post_json("/events", events, **headers).status
        except OSError:
            began = began if requests < number else time.monotonic()
            status = pipeline.client.post_json("/events", events, **headers).status
        else:
            requests += 1
        assert status == 200
    dying.close()
    assert requests == 39
    all_through(pipeline)
    tell(report, pipeline, "ingest dies after publishing", 300, time.monotonic() - began)


def _event(number: int) -> dict[str, Any]:
    return {
        "event_id": f"between-{number}",
        "event_name": "Numbered",
        "event_type": "track",
        "anonymous_id": f"visitor-{number % 7}",
        "event_params": [{"key": "number", "value": {"int_value": number}}],
    }


def test_a_worker_dies_between_output_and_commit(
    pipeline: Pipeline, mortal: Start, report: Report
) -> None:
    tier = mortal("process", "--worker", "7", dies=("written", 60))
    tier.wait_ready()
    with Clients(pipeline.url, EVENTS) as clients:
        clients.allow(EVENTS)
        eventually(lambda: not tier.running, within=SECONDS, what="the worker has died")
        began = time.monotonic()
        finish(pipeline, clients)
    tell(report, pipeline, "worker dies before committing", EVENTS, time.monotonic() - began)


def test_the_broker_is_killed_in_a_rebalance(
    pipeline: Pipeline, mortal: Start, report: Report
) -> None:
    admin = AdminClient({"bootstrap.servers": pipeline.kafka})
    with Clients(pipeline.url, EVENTS) as clients:
        clients.allow(EVENTS // 2)
        mortal("process", "--worker", "7")
        eventually(
            lambda: _state(admin, "headrace-processors"),
            until=lambda state: (
                state
                in {
                    ConsumerGroupState.PREPARING_REBALANCING,
                    ConsumerGroupState.COMPLETING_REBALANCING,
                }
            ),
            within=SECONDS,
            what="the group rebalances",
        )
        os.kill(pipeline.tiers()["broker"], signal.SIGKILL)
        began = time.monotonic()
        finish(pipeline, clients)
    tell(report, pipeline, "broker killed in a rebalance", EVENTS, time.monotonic() - began)


def _state(admin: AdminClient, group: str) -> ConsumerGroupState:
    found = admin.describe_consumer_groups([group])[group].result(10)
    state: ConsumerGroupState = found.state
    return state


def test_clocks_of_edges_jump(pipeline: Pipeline, report: Report) -> None:
    """Raw events whose time of receipt goes back and forth by hours, as edges' clocks were set."""
    source = "jumping"
    key = Admin(pipeline).create(source)
    eventually(
        lambda: (
            (
                pipeline.client.post_json("/post", {"event_name": "a"}, x_eventbunker_write_key=key)
            ).status
            == 200
        ),
        within=SECONDS,
        what="the source is known",
    )
    began, now = time.monotonic(), now_ms()
    jumps = [0, -HOUR_MS, HOUR_MS, -1, -12 * HOUR_MS, 1]
    ids = {
        publish(pipeline, source, received_at=now + jump + turn, message_id=str(uuid4()))
        for turn in range(10)
        for jump in jumps
    }
    all_through(pipeline)
    rows = pipeline.sql(
        "SELECT event_id, count() AS times FROM headrace.events FINAL "
        "WHERE source_id = {source:String} GROUP BY event_id",
        source=source,
    )
    figures = Figures(
        fault="24",
        what="clocks of edges jump by hours",
        sent=len(ids),
        accepted=len(ids),
        stored=len(ids & {row["event_id"] for row in rows}),
        doubled=sum(row["times"] - 1 for row in rows),
        dead=dead(pipeline.clickhouse),
        recovery=time.monotonic() - began,
    )
    report(figures)
    assert (figures.stored, figures.dead) == (len(ids), 0)
    audit = pipeline.headrace("audit", "--since", "24h", "--source", source, "--format", "json")
    assert json.loads(audit.stdout)["missing"] == 0
