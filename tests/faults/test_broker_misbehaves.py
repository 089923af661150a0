"""The broker goes away, forgets its coordinator's members, or answers commits with silence."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.declare import declare
from deploy.local.broker.errors import Code
from schemas.topics import Topics
from sinks.clickhouse import ClickHouse
from tests.faults.figures import Report
from tests.faults.measure import Stage
from tests.ingest.kafka import Kafka
from tests.sinks import flow
from tests.sinks.lines import event, poison

pytestmark = pytest.mark.faults

COMMIT, JOIN, BEAT = 8, 11, 12
"""Numbers of Kafka's OffsetCommit, JoinGroup and Heartbeat."""
WAVE = 500
PREFIX = "t"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Kafka]:
    """A broker of its own, in this loop, with all topics."""
    async with Kafka(tmp_path / "kafka") as kafka:
        await declare(kafka.address, Topics(PREFIX, 3).fixed())
        yield kafka


@pytest.fixture
def stage(broker: Kafka, clickhouse: ClickHouse, report: Report) -> Stage:
    return Stage(broker.address, Topics(PREFIX, 3), clickhouse, report)


async def test_commits_and_heartbeats_without_an_answer(
    stage: Stage, broker: Kafka, url: str
) -> None:
    """The rows are stored; that their offsets are not committed yet doubles nothing."""
    async with flow.sinking(stage.kafka, stage.topics, url):
        for keys, what in (
            ({COMMIT}, "commits not answered"),
            ({COMMIT, BEAT, JOIN}, "coordinator gone"),
        ):
            broker.broker.faults.hang_up |= keys
            await stage.send(WAVE)
            await flow.exactly(stage.clickhouse, range(stage.sent))
            assert await flow.committed(stage.kafka, stage.topics) < stage.records
            stage.heal()
            broker.broker.faults.heal()
            await stage.tell("8", what, await stage.recovered())


async def test_the_broker_is_restarted(stage: Stage, broker: Kafka, url: str) -> None:
    async with flow.sinking(stage.kafka, stage.topics, url):
        await stage.send(WAVE)
        await stage.recovered()
        await stage.send(WAVE)
        await broker.stop()
        await broker.start()
        stage.heal()
        await stage.send(WAVE)
        await stage.tell("8", "broker restarted", await stage.recovered())


async def test_nothing_is_committed_while_dead_letters_find_no_place(
    stage: Stage, broker: Kafka, url: str
) -> None:
    """Fault 11: rows are refused while the topic of dead letters takes nothing."""
    bad = [100, 101, 102]
    lines = [poison(number) if number in bad else event(number) for number in range(WAVE)]
    await stage.put(lines, WAVE)
    stage.sent = WAVE
    broker.broker.faults.refuse_produce = Code.UNKNOWN_TOPIC_OR_PARTITION
    async with flow.sinking(stage.kafka, stage.topics, url) as sink:
        await flow.exactly(stage.clickhouse, set(range(WAVE)) - set(bad))

        async def isolated() -> bool:
            name = "headrace_sink_dead_total"
            return sink.metrics.get(name, table="events", code="incorrect-data") == len(bad)

        await flow.eventually(isolated, "the poison is isolated")
        assert await flow.committed(stage.kafka, stage.topics) == 0
        stage.heal()
        broker.broker.faults.heal()
        recovery = await stage.recovered(without=bad)
        await flow.has_stored(stage.clickhouse, len(bad), "dead_letters")
        await stage.tell("11", "poison, dead letters' topic down", recovery)
