"""`headrace trace` and `headrace tail` beside a running pipeline, while events pass."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.contracts.leash import Leashed
from tests.system.admin import Admin
from tests.system.client import Client
from tests.system.eventually import eventually
from tests.system.pipeline import HEADRACE, Pipeline, Row, environment
from tests.system.rows import STORED_SECONDS, rows_of

pytestmark = pytest.mark.system

SOURCE = "watched"
STAGES = ("raw", "events", "dead", "stored")


class Tail:
    """A running `headrace tail --format json`."""

    def __init__(self, pipeline: Pipeline, log: Path, *options: str) -> None:
        self._log = log
        settings = {"HEADRACE_DATA": str(pipeline.data), **pipeline.settings}
        self.process = Leashed([HEADRACE, "tail", *options], log, env=environment(settings))

    def text(self) -> str:
        return self._log.read_text()

    def lines(self) -> list[Row]:
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def of(self, event_id: str) -> list[str]:
        return [line["stage"] for line in self.lines() if line["event_id"] == event_id]

    def interrupt(self) -> int:
        os.kill(self.process.pid, signal.SIGINT)
        return self.process.wait(10.0)


@pytest.fixture(scope="module")
def key(pipeline: Pipeline) -> str:
    write_key = Admin(pipeline).create(SOURCE)
    eventually(
        lambda: send(pipeline, write_key, []) != 401,
        within=STORED_SECONDS,
        what="the source is known",
    )
    return write_key


@pytest.fixture(scope="module")
def tail(pipeline: Pipeline, key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tail]:
    log = tmp_path_factory.mktemp("tail") / "all.txt"
    running = Tail(pipeline, log, "--source", SOURCE, "--since", "1m", "--format", "json")
    try:
        yield running
    finally:
        running.process.kill()


def send(pipeline: Pipeline, key: str, events: list[Row]) -> int:
    return pipeline.client.post_json("/events", events, authorization=f"Bearer {key}").status


def event(event_id: str, **fields: Any) -> Row:
    return {
        "event_id": event_id,
        "event_name": "seen",
        "event_type": "track",
        "user_id": "u",
        **fields,
    }


def traced(pipeline: Pipeline, event_id: str, *options: str) -> tuple[int, Any]:
    done = pipeline.headrace("trace", event_id, "--format", "json", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def shown(tail: Tail, event_id: str, *stages: str) -> None:
    eventually(
        lambda: set(tail.of(event_id)),
        until=lambda seen: seen >= set(stages),
        within=STORED_SECONDS,
        what=f"{event_id} is shown at {stages}",
    )


def test_an_event_sent_twice_is_stored_once_and_traced_with_both(
    pipeline: Pipeline, key: str, tail: Tail
) -> None:
    event_id = str(uuid4())
    assert send(pipeline, key, [event(event_id)]) == 200
    assert send(pipeline, key, [event(event_id)]) == 200
    row = next(row for row in rows_of(pipeline, SOURCE, 1) if row["event_id"] == event_id)
    status, way = traced(pipeline, event_id)
    assert (status, way["state"]) == (0, "stored")
    first, again = way["received"]
    assert (first["source_id"], first["protocol"]) == (SOURCE, "filum")
    assert first["topic"].endswith(f".raw.{SOURCE}")
    assert (first["partition"], first["offset"]) < (again["partition"], again["offset"])
    assert len(way["processed"]) == 2
    assert (row["kafka_partition"], row["kafka_offset"]) in [
        (record["partition"], record["offset"]) for record in way["processed"]
    ]
    (stored,) = way["stored"]
    assert stored["profile_id"] == row["profile_id"] != ""
    assert stored["session_id"] == row["session_id"] != ""
    shown(tail, event_id, "raw", "events", "stored")
    assert tail.of(event_id).count("raw") == 2
    assert tail.of(event_id).count("stored") == 1


def test_a_dead_event_tells_its_reason_and_letter(pipeline: Pipeline, key: str, tail: Tail) -> None:
    dead = str(uuid4())
    nameless = event(dead)
    del nameless["event_name"]
    assert send(pipeline, key, [event(str(uuid4())), nameless]) == 200
    shown(tail, dead, "raw", "dead")
    (passed,) = [
        line for line in tail.lines() if line["event_id"] == dead and line["stage"] == "dead"
    ]
    eventually(
        lambda: pipeline.sql(
            "SELECT letter_id FROM headrace.dead_letters WHERE event_id = {id:String}", id=dead
        ),
        within=STORED_SECONDS,
        what="the letter is stored",
    )
    status, way = traced(pipeline, dead)
    assert (status, way["state"]) == (0, "dead")
    (letter,) = way["dead"]
    assert letter["code"] == passed["event_type"]
    assert letter["reason"] == passed["reason"]
    assert (letter["topic"], letter["offset"]) == (
        way["received"][0]["topic"],
        way["received"][0]["offset"],
    )
    assert not way["stored"]


def test_an_event_in_flight_says_what_it_waits_for(
    pipeline: Pipeline, key: str, tail: Tail
) -> None:
    sink, event_id = pipeline.tiers()["sink"], str(uuid4())
    os.kill(sink, signal.SIGSTOP)
    try:
        assert send(pipeline, key, [event(event_id)]) == 200
        shown(tail, event_id, "events")
        status, way = traced(pipeline, event_id, "--source", SOURCE, "--since", "1m")
    finally:
        os.kill(sink, signal.SIGCONT)
    assert (status, way["state"]) == (0, "storing")
    assert way["processed"][0]["waits"] is True
    shown(tail, event_id, "stored")


def test_an_event_that_nobody_sent_is_unknown(pipeline: Pipeline, key: str) -> None:
    status, way = traced(pipeline, str(uuid4()), "--source", SOURCE)
    assert (status, way["state"], way["received"]) == (1, "unknown", [])


def test_ctrl_c_ends_it_and_no_group_was_joined(pipeline: Pipeline, tail: Tail) -> None:
    assert {line["source_id"] for line in tail.lines()} == {SOURCE}
    assert {line["stage"] for line in tail.lines()} == set(STAGES)
    assert tail.interrupt() == 0
    assert "Traceback" not in tail.text()


def test_the_sink_measures_the_time_to_query(pipeline: Pipeline) -> None:
    (line,) = [line for line in pipeline.output.splitlines() if "/readyz" in line]
    probes = Client(line.split()[1].removesuffix("/readyz"))
    answer = eventually(
        lambda: probes.send("GET", "/metrics"),
        until=lambda answer: b"\nheadrace_heartbeats_total " in answer.body,
        within=STORED_SECONDS,
        what="a heartbeat was stored and seen",
    )
    assert probes.send("GET", "/readyz").status == 200
    probes.close()
    text = answer.body.decode()
    assert "\nheadrace_heartbeat_seconds " in text
    assert '\nheadrace_lag_records{tier="process"} ' in text
    rows = pipeline.sql("SELECT count() AS n FROM headrace.events WHERE startsWith(source_id, '_')")
    assert rows == [{"n": 0}]
