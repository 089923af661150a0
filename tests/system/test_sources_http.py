"""`/api/sources`: what is managed over HTTP takes effect within seconds, without a restart."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.system.admin import SHOWN, Admin
from tests.system.client import Answer
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import rows_of

pytestmark = pytest.mark.system

EFFECT_SECONDS = 30.0
JSON = [("Content-Type", "application/json")]


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    return Admin(pipeline)


def eventbunker(pipeline: Pipeline, key: str, **event: Any) -> Answer:
    value = {"event_name": "sent", **event}
    return pipeline.client.post_json("/post", value, x_eventbunker_write_key=key)


def filum(pipeline: Pipeline, key: str) -> Answer:
    event = {"event_name": "Sent", "event_type": "track", "user_id": "u"}
    return pipeline.client.post_json("/events", event, authorization=f"Bearer {key}")


def rakam(pipeline: Pipeline, key: str) -> Answer:
    event = {"api": {"api_key": key}, "collection": "sent", "properties": {"_user": "u"}}
    return pipeline.client.post_json("/event/collect", event)


def tracardi(pipeline: Pipeline, source_id: str, events: int = 1, **headers: str) -> Answer:
    body = {"source": {"id": source_id}, "events": [{"type": "sent"}] * events}
    return pipeline.client.post_json("/track", body, **headers)


def status_becomes(look: Callable[[], Answer], status: int, what: str) -> Answer:
    return eventually(
        look, until=lambda answer: answer.status == status, within=EFFECT_SECONDS, what=what
    )


def test_a_source_made_over_http_takes_events_at_once(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("http-fresh", name="Fresh", channel="Web")
    status_becomes(lambda: eventbunker(pipeline, key, number=1), 200, "the key is let in")
    (row,) = rows_of(pipeline, "http-fresh", 1)
    assert row["properties"] == {"number": 1}
    shown = admin("GET", "/http-fresh").json
    assert (shown["name"], shown["channel"]) == ("Fresh", "Web")
    assert key not in json.dumps(shown)
    assert "hash" not in json.dumps(shown)
    assert "http-fresh" in [each["id"] for each in admin("GET", "").json["sources"]]
    by_command = pipeline.headrace("sources", "show", "http-fresh")
    # over HTTP the snippet has the address that was asked
    assert json.loads(by_command.stdout) == {**shown, "snippet": ANY}


def test_what_the_command_line_does_is_seen_over_http(pipeline: Pipeline, admin: Admin) -> None:
    admin.create("http-both")
    link = {"id": "both-sale", "url": "https://s.example/", "event_type": "sale"}
    options = (
        *("--name", "Both", "--protocol", "tracardi", "--bridge", "redirect", "--transitional"),
        *("--static-profile-ids", "--session-timeout", "1h", "--limit-events", "9"),
        *("--redirect", json.dumps(link), "--origin", "https://a.example"),
    )
    updated = pipeline.headrace("sources", "update", "http-both", *options)
    assert updated.returncode == 0, updated.stderr
    seen = eventually(
        lambda: admin("GET", "/http-both").json,
        until=lambda source: source["name"] == "Both",
        within=EFFECT_SECONDS,
        what="the change of the command line is seen",
    )
    assert seen == json.loads(updated.stdout)
    assert seen["redirects"] == [{**link, "name": "", "props": {}}]
    assert (seen["transitional"], seen["static_profile_ids"]) == (True, True)
    assert (seen["session_timeout"], seen["limits"]["events_per_request"]) == (3600, 9)
    added = pipeline.headrace("sources", "add-key", "http-both", "--type", "query")
    (key,) = json.loads(added.stdout)["keys"]
    revoked = pipeline.headrace("sources", "revoke-key", "http-both", key["id"])
    assert key["id"] not in revoked.stdout
    assert json.loads(pipeline.headrace("sources", "delete", "http-both").stdout)
    status_becomes(lambda: admin("GET", "/http-both"), 404, "the source is gone")


def test_a_disabled_source_is_refused_and_let_in_again(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("http-switch")
    status_becomes(lambda: eventbunker(pipeline, key), 200, "the key is let in")
    assert admin.change("http-switch", enabled=False)["enabled"] is False
    status_becomes(lambda: eventbunker(pipeline, key), 401, "the source is disabled")
    admin.change("http-switch", enabled=True)
    status_becomes(lambda: eventbunker(pipeline, key), 200, "the source is enabled")


def test_what_was_accepted_before_a_source_was_deleted_is_stored(
    pipeline: Pipeline, admin: Admin
) -> None:
    key = admin.create("http-gone")
    status_becomes(lambda: eventbunker(pipeline, key, number=1), 200, "the key is let in")
    assert admin("DELETE", "/http-gone").status == 204
    status_becomes(lambda: eventbunker(pipeline, key, number=2), 401, "the key has ended")
    assert len(rows_of(pipeline, "http-gone", 1)) == 1
    again = admin.create("http-gone")
    status_becomes(lambda: eventbunker(pipeline, again, number=3), 200, "the new key is let in")
    numbers = [row["properties"]["number"] for row in rows_of(pipeline, "http-gone", 2)]
    assert numbers == [1, 3]


def rotate(admin: Admin, source_id: str, overlap: int) -> str:
    answer = admin("POST", f"/{source_id}/keys/rotate", {"type": "write", "overlap": overlap})
    assert answer.status == 201, answer.body
    (key,) = answer.json["keys"]
    return str(key["key"])


def test_with_an_overlap_both_keys_are_good_then_the_new_one(
    pipeline: Pipeline, admin: Admin
) -> None:
    first = admin.create("http-rotated")
    second = rotate(admin, "http-rotated", overlap=3600)
    status_becomes(lambda: eventbunker(pipeline, second), 200, "the new key is let in")
    assert eventbunker(pipeline, first).status == 200
    third = rotate(admin, "http-rotated", overlap=1)
    for ended in (first, second):
        status_becomes(lambda key=ended: eventbunker(pipeline, key), 401, "an old key has ended")  # type: ignore[misc]
    assert eventbunker(pipeline, third).status == 200


def test_a_key_of_the_wrong_type_gets_its_own_message(pipeline: Pipeline, admin: Admin) -> None:
    write = admin.create("http-typed")
    query = admin.add_key("http-typed", type="query")
    assert query.startswith("hrq_")
    for send in (eventbunker, filum, rakam):
        status_becomes(lambda send=send: send(pipeline, write), 200, "the key is let in")  # type: ignore[misc]
        wrong, unknown = send(pipeline, query), send(pipeline, "hrw_unknown")
        assert 400 <= wrong.status < 500
        assert 400 <= unknown.status < 500
        assert wrong.body != unknown.body
        assert b"query" in wrong.body.lower(), (send.__name__, wrong.body)
    assert eventbunker(pipeline, query).json["error"].startswith("This key is no write key")


def test_only_allowed_origins_may_send(pipeline: Pipeline, admin: Admin) -> None:
    admin.create("http-origin", origins=["https://good.example"])
    allowed = status_becomes(
        lambda: tracardi(pipeline, "http-origin", Origin="https://good.example"),
        200,
        "the allowed origin is let in",
    )
    assert allowed.headers["access-control-allow-origin"] == "https://good.example"
    denied = tracardi(pipeline, "http-origin", Origin="https://bad.example")
    assert 400 <= denied.status < 500
    assert "access-control-allow-origin" not in denied.headers
    assert tracardi(pipeline, "http-origin").status == 200


def test_limits_of_a_source_are_enforced(pipeline: Pipeline, admin: Admin) -> None:
    limits = {"body_bytes": 2000, "events_per_request": 3}
    admin.create("http-limits", limits=limits)
    status_becomes(lambda: tracardi(pipeline, "http-limits", 3), 200, "the source is known")
    assert tracardi(pipeline, "http-limits", 4).status == 413
    key = admin.add_key("http-limits", type="write")
    assert eventbunker(pipeline, key, text="x" * 3000).status == 413
    admin.change("http-limits", limits={"requests_per_second": 1})
    refused = status_becomes(lambda: tracardi(pipeline, "http-limits"), 429, "the rate is limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert admin("GET", "/http-limits").json["limits"] == {**limits, "requests_per_second": 1}


def test_a_frozen_schema_takes_what_it_knows(pipeline: Pipeline, admin: Admin) -> None:
    key = admin.create("http-frozen")
    status_becomes(lambda: eventbunker(pipeline, key, price=1.5), 200, "the key is let in")
    rows_of(pipeline, "http-frozen", 1)
    seen = admin("GET", "/http-frozen/schema").json["collections"]
    assert [each["name"] for each in seen] == ["sent"]
    admin.change("http-frozen", dynamic_schema=False)
    frozen = lambda: eventbunker(pipeline, key, price=2.5, colour="red")  # noqa: E731
    status_becomes(frozen, 400, "a new property is refused")
    assert eventbunker(pipeline, key, price=2.5).status == 200
    declared = {"collection": "sent", "properties": {"colour": "string"}}
    assert admin("POST", "/http-frozen/schema", declared).status == 200
    status_becomes(frozen, 200, "the declared property is taken")


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "a typo": ("POST", "", {"id": "http-no", "nmae": "x"}, 400, "source-invalid"),
    "a wrong type": ("POST", "", {"id": "http-no", "enabled": "yes"}, 400, "source-invalid"),
    "an unknown protocol": ("POST", "", {"id": "http-no", "protocol": "x"}, 400, "source-invalid"),
    "a taken id": ("POST", "", {"id": "demo"}, 409, "source-exists"),
    "no such source": ("GET", "/nobody", None, 404, "source-unknown"),
    "no such key": ("DELETE", "/demo/keys/none", None, 404, "key-unknown"),
    "an id to change": ("PATCH", "/demo", {"id": "x"}, 400, "source-invalid"),
    "a method": ("PUT", "/demo", {}, 405, "method-not-allowed"),
    "an empty body": ("POST", "", None, 400, "missing"),
    "a large body": ("POST", "", {"id": "x", "name": "n" * (2 << 20)}, 413, "body-too-large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(admin: Admin, case: str) -> None:
    method, path, value, status, code = REFUSED[case]
    answer = admin(method, path, value)
    assert answer.status == status, answer.body
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"]


@pytest.mark.parametrize("key", ["", "hra_wrong", "demo"])
def test_without_the_admin_key_nothing_is_told(pipeline: Pipeline, key: str) -> None:
    headers = [("Authorization", f"Bearer {key}")] if key else []
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/demo"), ("DELETE", "/demo")):
        answer = pipeline.client.send(method, f"/api/sources{path}", headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "HEADRACE_ADMIN_KEY" in answer.json["error"]["message"]


def test_sources_and_the_admin_key_survive_a_restart(
    kafka_settings: dict[str, str], tmp_path: Path
) -> None:
    prefix = f"restarted-{secrets.token_hex(4)}"
    pipeline = Pipeline(tmp_path, **{**kafka_settings, "HEADRACE_PREFIX": prefix})
    try:
        pipeline.start()
        admin = Admin(pipeline)
        key = admin.create("kept", channel="Web")
        query = admin.add_key("kept", type="query", customer="acme")
        before = admin("GET", "/kept").json
        schema = {"event_type": "e", "name": "n", "schema": {"required": ["price"]}}
        assert admin("POST", "/kept/validations", schema).status == 200
        assert pipeline.stop() == 0
        pipeline.start()
        assert SHOWN.search(pipeline.output) is None
        assert "headrace admin-key --new" in pipeline.output
        assert admin("GET", "/kept").json == {**before, "snippet": ANY}, "but for the new port"
        assert admin("GET", "/kept/validations").json == {"validations": [schema]}
        assert eventbunker(pipeline, key).status == 200
        assert eventbunker(pipeline, query).status == 401
        new = pipeline.headrace("admin-key", "--new").stdout.strip()
        assert admin("GET", "/kept").status == 401
        assert Admin(pipeline, new)("GET", "/kept").status == 200
        hidden = (key, query, admin.key, new)
        for log in (pipeline.data / "logs").glob("*.log"):
            assert not [secret for secret in hidden if secret in log.read_text()], log
        assert pipeline.stop() == 0
    finally:
        pipeline.close()
