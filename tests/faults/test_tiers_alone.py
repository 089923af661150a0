"""Each tier runs by itself: as a container would run it, and beside a Kafka of somebody else."""

import json
import re
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.real_kafka import RealKafka
from tests.faults.conftest import MakePipeline
from tests.system.client import Answer, Client
from tests.system.demo import count_events, post_event
from tests.system.eventually import eventually
from tests.system.pipeline import ask, headrace
from tests.system.tier import Tier, running

pytestmark = pytest.mark.faults

VISIBLE_SECONDS = 60.0


@pytest.fixture(params=["stand-in", "apache-kafka"])
def other_kafka(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a Kafka that `headrace up` did not start."""
    if request.param == "apache-kafka":
        kafka: RealKafka = request.getfixturevalue("real_kafka")
        yield kafka.address
        return
    data = tmp_path / "other"
    with running(tmp_path, {}, "broker", "--data", str(data), "--port", "0") as broker:
        yield f"127.0.0.1:{broker.wait_ready()}"


def test_up_beside_a_given_kafka_starts_no_broker(
    other_kafka: str, make_pipeline: MakePipeline
) -> None:
    prefix = f"given-{secrets.token_hex(4)}"
    pipeline = make_pipeline(HEADRACE_KAFKA=other_kafka, HEADRACE_PREFIX=prefix).start()
    assert pipeline.kafka == other_kafka
    assert "broker" not in pipeline.tiers()
    assert post_event(pipeline, "through_the_other").status == 200
    eventually(
        lambda: count_events(pipeline, "through_the_other"),
        within=VISIBLE_SECONDS,
        what="the event is stored",
    )
    assert pipeline.stop() == 0


def test_every_tier_alone_end_to_end(tmp_path: Path) -> None:
    settings = {
        "HEADRACE_SECRET": secrets.token_hex(16),
        "HEADRACE_DATA": str(tmp_path / "data"),
        "HEADRACE_PARTITIONS": "3",
        "HEADRACE_HEARTBEAT": "1",
        "HEADRACE_CLICKHOUSE": "http://writer:pass%2Fword@127.0.0.1:0/headrace",
    }
    with ExitStack() as stack:
        broker = stack.enter_context(running(tmp_path, settings, "broker", "--port", "0"))
        database = stack.enter_context(running(tmp_path, settings, "clickhouse", "--port", "0"))
        settings["HEADRACE_KAFKA"] = f"127.0.0.1:{broker.wait_ready()}"
        sql = f"127.0.0.1:{database.wait_ready()}"
        settings["HEADRACE_CLICKHOUSE"] = f"http://writer:pass%2Fword@{sql}/headrace"
        first, again = (headrace("init", **settings) for _ in range(2))
        assert first.returncode == 0, first.stderr
        assert "topic headrace.events" in first.stdout
        assert again.stdout.startswith("0 topics and 0 migrations were new"), again.stdout
        created = headrace("sources", "create", "alone", **settings)
        assert created.returncode == 0, created.stderr
        key = json.loads(created.stdout)["keys"][0]["key"]
        tiers = [
            stack.enter_context(running(tmp_path, settings, *command))
            for command in (
                ("process",),
                ("sink", "--metrics-port", "0"),
                ("ingest", "--port", "0"),
            )
        ]
        port = [tier.wait_ready() for tier in tiers][-1]
        client = Client(f"http://127.0.0.1:{port}")
        stack.callback(client.close)
        answer = client.post_json("/post", {"event_name": "alone"}, x_eventbunker_write_key=key)
        assert answer.status == 200, answer.body
        eventually(
            lambda: ask(f"http://{sql}", "SELECT event_type FROM headrace.events"),
            until=lambda rows: rows == [{"event_type": "alone"}],
            within=VISIBLE_SECONDS,
            what="the event is stored",
        )
        check_that_the_sink_doubts_while_the_processors_stand_still(tiers[1], tiers[0])
        for tier in [tiers[2], tiers[0], tiers[1], database, broker]:
            assert tier.stop() == 0, tier.log


def check_that_the_sink_doubts_while_the_processors_stand_still(sink: Tier, process: Tier) -> None:
    found = re.search(r"probes and metrics on \('127\.0\.0\.1', (\d+)\)", sink.log)
    assert found is not None, sink.log
    probes = Client(f"http://127.0.0.1:{found[1]}")

    def readiness(status: int) -> Answer:
        return eventually(
            lambda: probes.send("GET", "/readyz"),
            until=lambda answer: answer.status == status,
            within=VISIBLE_SECONDS,
            what=f"the sink's readyz is {status}",
        )

    readiness(200)
    process.signal(signal.SIGSTOP)
    try:
        message = readiness(503).json["error"]["message"]
    finally:
        process.signal(signal.SIGCONT)
    assert re.search(r"no heartbeat came through for \d+ s \(last: 20", message), message
    assert "process is behind: " in message
    readiness(200)
    probes.close()
