"""SIGTERM: what was accepted is in ClickHouse before the process ends."""

import time

import pytest

from tests.faults.conftest import MakePipeline
from tests.faults.figures import Figures, Report
from tests.faults.found import dead
from tests.system.pipeline import Pipeline, ask
from tests.system.tier import clickhouse_alone

pytestmark = pytest.mark.faults

EVENTS = 2_000
PER_REQUEST = 20
SOURCE = "drained"
KEY = "drained-key"


def send(pipeline: Pipeline, first: int) -> int:
    events = [
        {
            "event_id": f"drained-{number}",
            "event_name": "Drained",
            "event_type": "track",
            "anonymous_id": f"visitor-{number % 7}",
        }
        for number in range(first, first + PER_REQUEST)
    ]
    return pipeline.client.post_json("/events", events, Authorization=f"Bearer {KEY}").status


def test_sigterm_right_after_the_last_200_loses_nothing(
    make_pipeline: MakePipeline, report: Report
) -> None:
    pipeline = make_pipeline().start()
    pipeline.create_source(SOURCE, "--write-key", KEY)
    statuses = {send(pipeline, first) for first in range(0, EVENTS, PER_REQUEST)}
    began = time.monotonic()
    exit_status = pipeline.stop()
    took = time.monotonic() - began
    assert statuses == {200}
    assert exit_status == 0, pipeline.output
    with clickhouse_alone(pipeline.data) as url:
        (row,) = ask(
            url,
            "SELECT count() AS stored, uniqExact(message_id) AS distinct "
            "FROM headrace.events FINAL WHERE source_id = {source:String}",
            source=SOURCE,
        )
        letters = dead(url)
    report(
        Figures(
            fault="23",
            what="SIGTERM to the whole pipeline",
            sent=EVENTS,
            accepted=EVENTS,
            stored=row["distinct"],
            doubled=row["stored"] - row["distinct"],
            dead=letters,
            recovery=took,
            note="until it had ended",
        )
    )
    assert row == {"stored": EVENTS, "distinct": EVENTS}
