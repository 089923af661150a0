"""What is sent again is stored once; what only looks alike within a request is not lost."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import event_id
from schemas.wire import rakam
from tests.schemas.values import json_objects
from tests.schemas.wire.feeding import Fed, feed, post
from tests.system.captures import recorded

TIME = 1_795_195_786_000


def seen(**more: Any) -> dict[str, Any]:
    return {"collection": "seen", "properties": {"_device_id": "d1", "_time": TIME, **more}}


def sent(*events: Any, path: str = "/event/batch", **api: Any) -> Fed:
    return feed(rakam, post(rakam, path, {"api": {"api_key": "WK", **api}, "events": events}))


def ids(fed: Fed) -> list[str]:
    return [raw.message_id for raw in fed.raws]


def test_the_captured_batches_sent_again() -> None:
    """Later, in one batch, spread over lines: the tracker keeps what was not acknowledged."""
    bodies = [each.json for each in recorded("rakam-browser") if "batch" in each.target]
    apart = [
        name for body in bodies for name in ids(feed(rakam, post(rakam, "/event/batch", body)))
    ]
    assert len(set(apart)) == len(apart) == 2, "no two captured events are taken for one"
    assert all(apart)
    together = copy.deepcopy(bodies[1])
    together["api"]["upload_time"] += 4321
    together["events"] = [event for body in bodies for event in body["events"]]
    spread = json.dumps(together, indent=1).encode()
    assert ids(feed(rakam, post(rakam, "/event/batch", spread))) == apart


def test_identical_events_of_one_request_stay_apart() -> None:
    first = ids(sent(seen(), seen(a=1), seen()))
    assert len(set(first)) == 3
    assert ids(sent(seen(), seen(a=1), seen(), seen()))[:3] == first
    assert first[0] == ids(sent(seen()))[0], "what went before alone comes first again"


def test_another_device_time_collection_or_property_is_another_event() -> None:
    others = [
        seen(_device_id="d2"),
        seen(_time=TIME + 1000),
        {**seen(), "collection": "other"},
        seen(a=1),
        seen(_user="u1"),
    ]
    names = [ids(sent(event))[0] for event in [seen(), *others]]
    assert len(set(names)) == len(names)


def test_how_a_request_was_sent_is_no_part_of_its_events() -> None:
    own = {**seen(), "api": {"api_key": "WK", "upload_time": TIME + 5}}
    alone = feed(rakam, post(rakam, "/event/collect", {**seen(), "api": {"api_key": "WK"}}))
    names = {ids(sent(seen(), upload_time=TIME))[0], ids(sent(own))[0], ids(alone)[0]}
    assert len(names) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"collection": "c", "properties": {"_time": TIME}},
        {"collection": "c", "properties": {"_device_id": "d1"}},
        {"collection": "c", "properties": {"_device_id": "d1", "_time": None}},
        {"collection": "c", "properties": {"_user": "u1", "_time": TIME}},
    ],
)
def test_without_a_device_and_its_time_nothing_is_derived(event: Any) -> None:
    assert ids(sent(event, event)) == ["", ""]


def test_rows_of_a_file_may_be_equal() -> None:
    assert ids(sent(seen(), seen(), path="/event/bulk")) == ["", ""]
    assert ids(sent(seen(_id="a"), path="/event/copy")) == ["a"]


def test_mobile_counters_are_one_per_kind_of_event() -> None:
    """RakamTests.m: ``$$user`` begins at 1, too."""
    event = {**seen(), "event_id": 1}
    user = {**event, "collection": "$$user"}
    names = ids(sent(event, user, {**event, "collection": 5}))
    assert len(set(names)) == 3
    assert ids(sent(event, event, upload_time=5)) == [names[0]] * 2


@given(st.lists(json_objects, min_size=1, max_size=4), st.integers(0, 3))
def test_retries_collapse_and_nothing_else(properties: list[Any], again: int) -> None:
    events = [seen(**{f"x{key}": value for key, value in each.items()}) for each in properties]
    first = ids(sent(*events))
    assert len(set(first)) == len(events)
    tail = events[again:]
    assert set(ids(sent(*events[: again + 1]))) <= set(first)
    if all(event not in events[:again] for event in tail):
        assert ids(sent(*tail, upload_time=7)) == first[again:]


def test_a_long_device_makes_an_id_all_the_same() -> None:
    (name,) = ids(sent(seen(_device_id="d" * 1024)))
    assert len(event_id("shop", name)) == 36
