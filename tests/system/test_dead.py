"""Dead letters and raw topics sent through again: every event once, each row as it should be."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.system.admin import Admin
from tests.system.client import Answer
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import STORED_SECONDS, rows_of
from tests.system.topics import lines, undelivered

pytestmark = pytest.mark.system

NEW_EACH_TIME = {"stored_at", "kafka_offset"}


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    return Admin(pipeline)


def sent(pipeline: Pipeline, key: str, **event: Any) -> Answer:
    value = {"event_name": "sent", **event}
    return pipeline.client.post_json("/post", value, x_eventbunker_write_key=key)


def new_source(pipeline: Pipeline, admin: Admin, source_id: str, **fields: Any) -> str:
    """Create a source with one event in it; return its key."""
    key = admin.create(source_id, **fields)
    eventually(
        lambda: sent(pipeline, key, price=1.5).status == 200,
        within=30,
        what=f"{source_id} takes events",
    )
    rows_of(pipeline, source_id, 1)
    return key


def publish(pipeline: Pipeline, source_id: str, **changes: Any) -> str:
    """Write another raw event to a source's topic, as an edge would; return its id."""
    event_id = str(uuid4())
    (first, *_) = lines(pipeline, source_id)
    raw = json.loads(first)
    body = raw["body"] | changes.pop("body", {})
    line = json.dumps(raw | changes | {"event_id": event_id, "body": body})
    prefix = pipeline.settings.get("HEADRACE_PREFIX", "headrace")
    producer = Producer({"bootstrap.servers": pipeline.kafka, "message.max.bytes": 8 << 20})
    failed: list[Any] = []
    producer.produce(
        f"{prefix}.raw.{source_id}",
        line.encode(),
        partition=0,
        on_delivery=lambda error, _: failed.extend([error] if error else []),
    )
    assert (producer.flush(10), failed) == (0, [])
    return event_id


def letters(pipeline: Pipeline, source_id: str, count: int) -> list[Row]:
    """Wait for dead letters of a source; the newest first."""
    return eventually(
        lambda: said(pipeline, "list", "--source", source_id, "--format", "JSONEachRow"),
        until=lambda found: len(found) >= count,
        within=STORED_SECONDS,
        what=f"{count} dead letters of {source_id}",
    )


def said(pipeline: Pipeline, *arguments: str) -> list[Row]:
    done = pipeline.headrace("dead", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def replay(pipeline: Pipeline, *arguments: str) -> str:
    done = pipeline.headrace("dead", "replay", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def through(pipeline: Pipeline) -> None:
    """Wait until whatever was written is where it ends up."""
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=STORED_SECONDS,
        what="everything is through",
    )


def known_to_the_processors(pipeline: Pipeline, source_id: str, *, frozen: bool) -> None:
    """Wait until the processors refuse the property that is not declared, or take it."""

    def known() -> bool:
        event_id = publish(pipeline, source_id, body={"colour": "red"})
        through(pipeline)
        table = "dead_letters" if frozen else "events"
        sql = f"SELECT count() AS n FROM headrace.{table} WHERE toString(event_id) = {{id:String}}"  # noqa: S608
        return bool(pipeline.sql(sql, id=event_id)[0]["n"])

    eventually(known, within=STORED_SECONDS, what=f"the processors know that frozen is {frozen}")


def test_letters_of_a_frozen_schema_are_replayed_once_it_was_extended(
    pipeline: Pipeline, admin: Admin
) -> None:
    for source_id in ("dead-frozen", "dead-probe"):
        new_source(pipeline, admin, source_id)
        declared = {"collection": "sent", "properties": {"price": "double"}}
        assert admin("POST", f"/{source_id}/schema", declared).status == 200
        admin.change(source_id, dynamic_schema=False)
    known_to_the_processors(pipeline, "dead-probe", frozen=True)
    wanted = {publish(pipeline, "dead-frozen", body={"colour": c}) for c in ("red", "blue")}
    found = letters(pipeline, "dead-frozen", 2)
    assert {each["event_id"] for each in found} == wanted
    assert {each["code"] for each in found} == {"schema-frozen"}
    shown = pipeline.headrace("dead", "show", found[0]["letter_id"]).stdout
    assert json.loads(shown.partition("original:\n")[2])["event_id"] == found[0]["event_id"]
    assert "reason: Schema is invalid: property 'colour'" in shown

    declared = {"collection": "sent", "properties": {"colour": "string"}}
    for source_id in ("dead-frozen", "dead-probe"):
        assert admin("POST", f"/{source_id}/schema", declared).status == 200
    known_to_the_processors(pipeline, "dead-probe", frozen=False)

    chosen = ("--reason", "schema-frozen", "--source", "dead-frozen", "--since", "1h")
    assert replay(pipeline, *chosen, "--dry-run").endswith("would replay 2")
    assert replay(pipeline, *chosen) == "replayed 2"
    rows = rows_of(pipeline, "dead-frozen", 3)
    assert {row["event_id"] for row in rows if "colour" in row["properties"]} == wanted
    assert replay(pipeline, *chosen) == "replayed 0"
    assert replay(pipeline, found[0]["letter_id"], "--again") == "replayed 1"
    through(pipeline)
    assert len(rows_of(pipeline, "dead-frozen", 3)) == 3
    assert all(each["replayed_at"] for each in letters(pipeline, "dead-frozen", 2))


def test_a_letter_that_fails_again_is_a_new_one(pipeline: Pipeline, admin: Admin) -> None:
    new_source(pipeline, admin, "dead-morse")
    event_id = publish(pipeline, "dead-morse", protocol="morse")
    (first,) = letters(pipeline, "dead-morse", 1)
    assert (first["code"], first["event_id"]) == ("protocol-unknown", event_id)
    assert replay(pipeline, "--source", "dead-morse") == "replayed 1"
    second, _ = letters(pipeline, "dead-morse", 2)
    assert (second["event_id"], second["replayed_at"]) == (event_id, "")
    table = pipeline.headrace("dead", "list", "--source", "dead-morse", "--stage", "process")
    assert len(re.findall("protocol-unknown", table.stdout)) == 2
    assert pipeline.headrace("dead", "show", event_id).returncode == 1


def test_a_letter_that_only_points_at_its_record_is_read_from_there(
    pipeline: Pipeline, admin: Admin
) -> None:
    new_source(pipeline, admin, "dead-long")
    event_id = publish(pipeline, "dead-long", body={"text": '"' * ((2 << 20) - (32 << 10))})
    (letter,) = letters(pipeline, "dead-long", 1)
    assert (letter["code"], letter["bytes"]) == ("event-too-large", 0)
    assert replay(pipeline, letter["letter_id"]) == "replayed 1"
    first, second = (line for line in lines(pipeline, "dead-long") if event_id.encode() in line)
    assert first == second
    letters(pipeline, "dead-long", 2)
    prefix = pipeline.settings.get("HEADRACE_PREFIX", "headrace")
    everything = [TopicPartition(f"{prefix}.raw.dead-long", n, OFFSET_END) for n in range(4)]
    kafka = AdminClient({"bootstrap.servers": pipeline.kafka})
    assert all(each.result(10) for each in kafka.delete_records(everything).values())
    done = pipeline.headrace("dead", "replay", letter["letter_id"], "--again")
    assert (done.returncode, done.stdout.split(" (")[0]) == (1, "replayed 0, 1 could not be")
    assert "record-expired" in done.stdout


def test_letters_of_a_deleted_source_are_counted_as_not_sent(
    pipeline: Pipeline, admin: Admin
) -> None:
    new_source(pipeline, admin, "dead-gone")
    publish(pipeline, "dead-gone", protocol="morse")
    letters(pipeline, "dead-gone", 1)
    assert admin("DELETE", "/dead-gone").status == 204
    done = pipeline.headrace("dead", "replay", "--source", "dead-gone")
    assert done.returncode == 1
    assert done.stdout == (
        "replayed 0, 1 could not be (1 source-deleted: their source was deleted)\n"
    )


def test_a_raw_topic_replayed_gives_the_same_rows(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("raw-again")
    minute, begin = 60_000, 1_790_000_000_000
    # two visitors, sessions of 30 minutes, one event late, one sent twice by its client
    times = [0, 10, 25, 50, 120, 40, 121, 400]
    for number, at in enumerate([*times, times[-1]]):
        for visitor in ("ann", "bob"):
            event = {
                "api": {"api_key": key},
                "collection": "seen",
                "properties": {
                    "_user": visitor,
                    "_time": begin + at * minute,
                    "_id": f"{visitor}-{min(number, len(times) - 1)}",
                },
            }
            eventually(
                lambda event=event: pipeline.client.post_json("/event/collect", event).status,  # type: ignore[misc]
                until=lambda status: status == 200,
                within=30,
                what="the key is let in",
            )
    through(pipeline)
    before = stored(pipeline)
    for _ in range(2):
        done = pipeline.headrace("replay", "--source", "raw-again", "--since", "1h")
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"replayed 18 events in \d+ records\n", done.stdout)
        through(pipeline)
        assert stored(pipeline) == before
    nothing = pipeline.headrace("replay", "--source", "raw-again", "--since", "0s")
    assert nothing.stdout == "replayed 0 events in 0 records\n"
    assert pipeline.headrace("replay", "--source", "nobody", "--since", "1h").returncode == 1


def stored(pipeline: Pipeline) -> list[Row]:
    """All rows of the source, but for what is new in each."""
    rows = pipeline.sql(
        "SELECT * FROM headrace.events FINAL WHERE source_id = 'raw-again' ORDER BY event_id"
    )
    return [{k: v for k, v in row.items() if k not in NEW_EACH_TIME} for row in rows]
