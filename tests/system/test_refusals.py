"""What is refused gets the vendor's own words and is stored nowhere; what fails later is kept."""

import json
from typing import Any

import pytest

from tests.system.client import Answer
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import STORED_SECONDS, rows_of
from tests.system.topics import end_offsets

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("sources")]

JSON = [("Content-Type", "application/json")]
SOURCES = ("src1", "rakam", "filum", "hook", "closed")
EVENT = {"type": "refused"}
FILUM_EVENT = {"event_name": "Refused", "event_type": "track", "user_id": "u"}
RAKAM_EVENT = {"collection": "refused", "properties": {"_user": "u"}}


def send(pipeline: Pipeline, target: str, value: Any, *headers: tuple[str, str]) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return pipeline.client.send("POST", target, [*JSON, *headers], body)


def tracardi(source: str, **fields: Any) -> dict[str, Any]:
    return {"source": {"id": source}, "events": [EVENT], **fields}


def rakam(key: str) -> dict[str, Any]:
    return {"api": {"api_key": key}, "events": [RAKAM_EVENT]}


REFUSED: dict[str, tuple[str, Any, tuple[tuple[str, str], ...], int, Any]] = {
    "tracardi, unknown source": (
        "/track", tracardi("nobody"), (), 401,
        lambda body: "Invalid event source `nobody`" in body["detail"],
    ),
    "tracardi, disabled source": (
        "/track", tracardi("closed"), (), 401,
        lambda body: body == {"detail": "Event source disabled."},
    ),
    "tracardi, wrong bridge": (
        "/track", tracardi("hook"), (), 401,
        lambda body: "allows only bridges of types ['rest']" in body["detail"],
    ),
    "tracardi, internal source": (
        "/track", tracardi("@internal"), (), 401, lambda body: "Internal" in body["detail"],
    ),
    "tracardi, broken JSON": (
        "/track", b'{"source": ', (), 422,
        lambda body: body["detail"][0]["type"] == "json_invalid",
    ),
    "tracardi, no source": (
        "/track", {"events": [EVENT]}, (), 422,
        lambda body: body["detail"][0]["loc"] == ["body", "source"],
    ),
    "tracardi, no type": (
        "/track", tracardi("src1", events=[{}]), (), 422,
        lambda body: body["detail"][0]["loc"] == ["body", "events", 0, "type"],
    ),
    "tracardi, session without id": (
        "/track", tracardi("src1", session={}), (), 422,
        lambda body: body["detail"][0]["loc"] == ["body", "session", "id"],
    ),
    "tracardi, webhook of a rest source": (
        "/collect/order/src1", {}, (), 401,
        lambda body: "allows only bridges of types ['webhook']" in body["detail"],
    ),
    "tracardi, webhook with a list": (
        "/collect/order/hook", [1], (), 422, lambda body: bool(body["detail"]),
    ),
    "rakam, unknown key": ("/event/batch", rakam("nobody"), (), 403, lambda body: body["error"]),
    "rakam, disabled source": (
        "/event/batch", rakam("closed-key"), (), 403, lambda body: body["error"],
    ),
    "rakam, broken JSON": (
        "/event/batch", b"[", (), 400,
        lambda body: body["error"].startswith("JSON couldn't parsed:"),
    ),
    "rakam, unknown field": (
        "/event/batch", {**rakam("WK"), "x": 1}, (), 400,
        lambda body: body["error"] == "Invalid property 'x'",
    ),
    "rakam, too large": (
        "/event/batch", {**rakam("WK"), "x": "x" * 500_000}, (), 413, lambda body: body["error"],
    ),
    "filum, unknown key": (
        "/events", [FILUM_EVENT], (("Authorization", "Bearer nobody"),), 401,
        lambda body: body["message"][0].startswith("Invalid API key: ") and body["code"],
    ),
    "filum, no key": ("/events", [FILUM_EVENT], (), 401, lambda body: body["statusCode"] == 401),
    "filum, disabled source": (
        "/events", [FILUM_EVENT], (("Authorization", "Bearer closed-key"),), 401,
        lambda body: body["error_code"] == 40101,
    ),
    "filum, nobody's event": (
        "/events", {**FILUM_EVENT, "user_id": ""}, (("Authorization", "Bearer eyJWRITEKEY"),),
        400, lambda body: body["statusCode"] == 400,
    ),
    "filum, broken JSON": (
        "/events", b"{", (("Authorization", "Bearer eyJWRITEKEY"),), 400,
        lambda body: isinstance(body["message"], list),
    ),
    "eventbunker, disabled source": (
        "/post", {"event_name": "e"}, (("x-eventbunker-write-key", "closed-key"),), 401,
        lambda body: body["error"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_the_vendors_own_and_stores_nothing(pipeline: Pipeline, name: str) -> None:
    target, value, headers, status, is_the_vendors = REFUSED[name]
    before = [end_offsets(pipeline, source) for source in SOURCES]
    answer = send(pipeline, target, value, *headers)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert is_the_vendors(answer.json), answer.body
    assert [end_offsets(pipeline, source) for source in SOURCES] == before


def test_no_events_are_answered_null(pipeline: Pipeline) -> None:
    before = end_offsets(pipeline, "src1")
    answer = send(pipeline, "/track", tracardi("src1", events=[]))
    assert (answer.status, answer.json) == (200, None)
    assert end_offsets(pipeline, "src1") == before


def test_what_cannot_be_decoded_is_a_dead_letter_and_its_neighbours_live(
    pipeline: Pipeline,
) -> None:
    pipeline.create_source("mixed", "--write-key", "mixed-key")
    good = {"collection": "good", "properties": {"_user": "u", "number": 1}}
    bad = {"collection": "bad", "properties": {"_user": "u", "_time": "no time at all"}}
    batch = {"api": {"api_key": "mixed-key"}, "events": [bad, good, bad]}
    answer = eventually(
        lambda: send(pipeline, "/event/batch", batch),
        until=lambda answer: answer.status != 403,
        within=30,
        what="the new key is known",
    )
    assert (answer.status, answer.body) == (200, b"1")
    (row,) = rows_of(pipeline, "mixed", 1)
    assert row["event_type"] == "good"
    letters = eventually(
        lambda: pipeline.sql(
            "SELECT *, original_bytes FROM headrace.dead_letters FINAL "
            "WHERE source_id = 'mixed' ORDER BY event_id"
        ),
        until=lambda letters: len(letters) >= 2,
        within=STORED_SECONDS,
        what="both bad events are in the dead letters",
    )
    assert len(letters) == 2
    for letter in letters:
        assert (letter["stage"], letter["code"]) == ("process", "property-invalid")
        assert "_time" in letter["reason"]
        assert letter["topic"].endswith(".raw.mixed")
        assert sum(end_offsets(pipeline, "mixed").values()) > letter["offset"] >= 0
        original = json.loads(letter["original_bytes"])
        assert original["body"] == bad
        assert original["event_id"] == letter["event_id"]
        assert "mixed-key" not in letter["original_bytes"]
