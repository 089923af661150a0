"""Each tier runs by itself: as a container would run it, and beside a Kafka of somebody else."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.real_kafka import RealKafka
from tests.faults.conftest import MakePipeline
from tests.system.client import Client
from tests.system.demo import count_events, post_event
from tests.system.eventually import eventually
from tests.system.pipeline import ask, headrace
from tests.system.tier import running

pytestmark = pytest.mark.faults

VISIBLE_SECONDS = 30.0


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
            for command in (("process",), ("sink",), ("ingest", "--port", "0"))
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
        for tier in [tiers[2], tiers[0], tiers[1], database, broker]:
            assert tier.stop() == 0, tier.log
