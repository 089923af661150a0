"""Two visitors turn out to be one user: one profile, that all of their events resolve to."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row

pytestmark = pytest.mark.system

SHOWN_SECONDS = 15.0


@pytest.fixture(scope="module")
def keys(pipeline: Pipeline) -> dict[str, str]:
    """Keys of a source of this module's own, by type."""
    admin = Admin(pipeline)
    return {"write": admin.create("people"), "query": admin.add_key("people", type="query")}


def collect(pipeline: Pipeline, key: str, collection: str, **properties: Any) -> None:
    event = {"api": {"api_key": key}, "collection": collection, "properties": properties}
    answer = pipeline.client.post_json("/event/collect", event)
    assert answer.status == 200, answer.body


def profile_of(pipeline: Pipeline, user: str) -> list[Row]:
    return pipeline.sql(
        "SELECT source_id, user_ids, anonymous_ids, traits_text, traits.plan AS plan, profile_id"
        " FROM headrace.profiles WHERE has(user_ids, {user:String})"
        " OR hasAny(anonymous_ids, [concat('one-', {user:String}), concat('two-', {user:String})])",
        user=user,
    )


def resolved(pipeline: Pipeline, user: str) -> list[Row]:
    return pipeline.sql(
        "SELECT profile_id, count() AS events, uniqExact(first_profile_id) AS profiles"
        " FROM headrace.events_resolved WHERE source_id = 'people'"
        " AND (user_id = {user:String} OR anonymous_id LIKE concat('%', {user:String}))"
        " GROUP BY profile_id",
        user=user,
    )


def test_two_visitors_become_one_user(pipeline: Pipeline, keys: dict[str, str]) -> None:
    user = f"anna-{uuid4()}"
    one, two = f"one-{user}", f"two-{user}"
    for device in (one, two):
        collect(pipeline, keys["write"], "page view", _device_id=device)
    said: dict[str, Any] = {"$set": {"plan": "pro"}, "$add": {"visits": 1}}
    collect(pipeline, keys["write"], "$identify", _device_id=one, _user=user, **said)
    said = {"$set": {"city": "Oslo"}, "$add": {"visits": 2}}
    collect(pipeline, keys["write"], "$identify", _device_id=two, _user=user, **said)
    (profile,) = eventually(
        lambda: profile_of(pipeline, user),
        until=lambda rows: len(rows) == 1 and len(rows[0]["anonymous_ids"]) == 2,
        within=SHOWN_SECONDS,
        what="one profile of both visitors",
    )
    assert profile["source_id"] == "people"
    assert profile["user_ids"] == [user]
    assert profile["anonymous_ids"] == [one, two]
    assert profile["plan"] == "pro"
    assert json.loads(profile["traits_text"]) == {"plan": "pro", "visits": 3, "city": "Oslo"}
    eventually(
        lambda: resolved(pipeline, user),
        until=lambda rows: (
            rows == [{"profile_id": profile["profile_id"], "events": 4, "profiles": 3}]
        ),
        within=SHOWN_SECONDS,
        what="all events are of that profile",
    )


def test_rakam_knows_the_user(pipeline: Pipeline, keys: dict[str, str]) -> None:
    user = f"bert-{uuid4()}"
    said = {"id": user, "properties": {"plan": "free", "visits": 2}}
    said["api"] = {"api_key": keys["write"]}
    assert pipeline.client.post_json("/user/set_properties", said).status == 200
    read = {"api": {"api_key": keys["query"]}}
    asked = {**read, "user": user}
    found = eventually(
        lambda: pipeline.client.post_json("/user/get", asked),
        until=lambda answer: answer.status == 200,
        within=SHOWN_SECONDS,
        what="the user is there",
    )
    assert found.json == {"id": user, "properties": {"plan": "free", "visits": 2}}
    rows = pipeline.client.post_json("/user/search", {**read, "columns": ["visits"]}).json
    assert [user, 2] in rows["result"]
    path, beside = "/user/metadata", [("read_key", keys["query"])]
    metadata = pipeline.client.send("GET", path, beside, b"").json
    assert {"name": "plan", "type": "STRING"} in metadata["columns"]
    refused = {"api": {"api_key": keys["write"]}, "user": user}
    assert pipeline.client.post_json("/user/get", refused).status == 403
