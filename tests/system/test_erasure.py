"""A person is erased through the API, and neither a replay nor what is in flight resurrects."""

import json
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import STORED_SECONDS, rows_of
from tests.system.test_dead import letters, publish, replay, through
from tests.system.test_profiles import collect, profile_of

pytestmark = pytest.mark.system

SOURCE = "forgetful"
GONE_SECONDS = 30.0
TOMBSTONES = ["erased_ids", "erasure_states"]


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    return Admin(pipeline)


def tables_with(pipeline: Pipeline, *ids: str) -> dict[str, int]:
    """Count rows in which one of these texts is, in every table that ClickHouse has of ours."""
    columns = pipeline.sql(
        "SELECT table, groupArray((name, type)) AS columns FROM system.columns"
        " WHERE database = 'headrace' AND table NOT IN {not:Array(String)} AND table IN"
        " (SELECT name FROM system.tables WHERE engine LIKE '%MergeTree' AND database = 'headrace')"
        " GROUP BY table",
        **{"not": TOMBSTONES},
    )
    found = {}
    for row in columns:
        texts = ", ".join(_text(*column) for column in row["columns"])
        ((count,),) = [
            counted.values()
            for counted in pipeline.sql(
                f"SELECT count() AS n FROM headrace.{row['table']}"  # noqa: S608 - a test's own
                f" WHERE multiSearchAny(concat({texts}, ''), {{ids:Array(String)}})",
                ids=list(ids),
            )
        ]
        if count:
            found[row["table"]] = count
    return found


def _text(name: str, type_: str) -> str:
    if type_.startswith("AggregateFunction"):
        return f"toString(finalizeAggregation(`{name}`))"
    return (
        f"toJSONString(`{name}`)" if type_.startswith("JSON") else f"ifNull(toString(`{name}`), '')"
    )


def left_by_compaction(pipeline: Pipeline, topic: str, text: str) -> int:
    """Count the keys of a compacted topic whose last record has a text in its value."""
    prefix = pipeline.settings.get("HEADRACE_PREFIX", "headrace")
    consumer = Consumer({"bootstrap.servers": pipeline.kafka, "group.id": str(uuid4())})
    last: dict[bytes, bytes] = {}
    try:
        name = f"{prefix}.{topic}"
        numbers = consumer.list_topics(name, 10).topics[name].partitions
        for number in numbers:
            first, end = consumer.get_watermark_offsets(TopicPartition(name, number), 10)
            consumer.assign([TopicPartition(name, number, first)])
            at = first
            while at < end:
                message = consumer.poll(10)
                assert message is not None, "the broker does not answer"
                assert message.error() is None, message.error()
                at = (message.offset() or 0) + 1
                last[message.key() or b""] = message.value() or b""
    finally:
        consumer.close()
    return sum(text.encode() in value for value in last.values())


def erase(pipeline: Pipeline, admin: Admin, named: str) -> Row:
    answer = admin("DELETE", f"/{SOURCE}/profiles/{named}")
    assert answer.status == 202, answer.body
    erased: Row = answer.json
    return erased


def hidden(pipeline: Pipeline, admin: Admin, erasure_id: str) -> Row:
    def look() -> Row:
        headers = [("Authorization", f"Bearer {admin.key}")]
        answer = pipeline.client.send("GET", "/api/erasures", headers, b"")
        assert answer.status == 200, answer.body
        found: list[Row] = answer.json["erasures"]
        return next(each for each in found if each["erasure_id"] == erasure_id)

    return eventually(
        look,
        until=lambda seen: seen["state"] != "asked",
        within=GONE_SECONDS,
        what="the sinks went through all tables",
    )


def test_nothing_brings_a_person_back(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create(SOURCE)
    user, other = f"anna-{uuid4()}", f"bert-{uuid4()}"
    device = f"device-{user}"
    collect(pipeline, key, "page view", _device_id=device)
    said: dict[str, Any] = {"$set": {"email": f"{user}@example.org"}}
    collect(pipeline, key, "$identify", _device_id=device, _user=user, **said)
    collect(pipeline, key, "order placed", _user=other)
    rows_of(pipeline, SOURCE, 3)
    bad = publish(pipeline, SOURCE, protocol="none-such", body={"properties": {"_user": user}})
    assert [each["event_id"] for each in letters(pipeline, SOURCE, 1)] == [bad]
    eventually(
        lambda: profile_of(pipeline, user),
        until=lambda rows: len(rows) == 1 and rows[0]["anonymous_ids"] == [device],
        within=STORED_SECONDS,
        what="the profile of the user and the visitor",
    )
    shown = pipeline.headrace("profiles", "show", f"{user}@example.org", "--source", SOURCE)
    (person,) = json.loads(shown.stdout)["profiles"]
    assert len(person["members"]) == 2
    before = tables_with(pipeline, user)
    assert before.keys() >= {"events", "profile_changes", "profile_states", "dead_letters"}

    erased = erase(pipeline, admin, user)
    assert (erased["events"], erased["profiles"]) == (2, 2)
    assert profile_of(pipeline, user) == []
    assert tables_with(pipeline, user).keys() <= {"dead_letters"}, "at once"
    hidden(pipeline, admin, erased["erasure_id"])
    ids = (user, *person["members"])
    assert tables_with(pipeline, *ids) == {}
    assert left_by_compaction(pipeline, "profiles", user) == 0
    assert left_by_compaction(pipeline, "profile_overrides", person["profile_id"]) == 0

    assert replay(pipeline, "--source", SOURCE) == "replayed 0"
    again = pipeline.headrace("replay", "--source", SOURCE, "--since", "1h")
    assert again.returncode == 0, again.stderr
    through(pipeline)
    eventually(
        lambda: tables_with(pipeline, *ids),
        until=lambda found: not found,
        within=GONE_SECONDS,
        what="what the replay brought is gone again",
    )
    collect(pipeline, key, "order placed", _device_id=device, _user=user)
    eventually(
        lambda: profile_of(pipeline, user),
        until=lambda rows: len(rows) == 1,
        within=STORED_SECONDS,
        what="the person is somebody new",
    )
    assert len(rows_of(pipeline, SOURCE, 2)) == 2


def test_old_events_go(pipeline: Pipeline, admin: Admin) -> None:
    """Events of a year ago and of today; the source then keeps none that is older than 90 days."""
    key = admin.create("brief", retention_days=0)
    collect(pipeline, key, "seen", _time=1_763_000_000_000, _device_id="d1")
    collect(pipeline, key, "seen", _device_id="d2")
    rows_of(pipeline, "brief", 2)
    done = pipeline.headrace("sources", "update", "brief", "--retention", "90d")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["retention_days"] == 90
    (row,) = eventually(
        lambda: pipeline.sql(
            "SELECT user_id, anonymous_id FROM headrace.events FINAL WHERE source_id = 'brief'"
        ),
        until=lambda rows: len(rows) < 2,
        within=GONE_SECONDS,
        what="the old event is gone",
    )
    assert row["anonymous_id"] == "d2"


def test_the_audit_knows_what_became_of_them(pipeline: Pipeline) -> None:
    """Sources of the tests before this one."""
    audited = json.loads(pipeline.headrace("audit", "--format", "json").stdout)

    def of(source: str, fate: str) -> int:
        found = [each for each in audited["minutes"] if each["source_id"] == source]
        return sum(each[fate] for each in found)

    assert (of(SOURCE, "missing"), of("brief", "missing")) == (0, 0)
    assert of(SOURCE, "erased") >= 2
    assert of("brief", "expired") == 1
