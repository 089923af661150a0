"""What a request of Tracardi may switch, and what it is told of it."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.answers import Ask, Told
from schemas.wire import tracardi
from tests.schemas.wire.feeding import IDS, SHOP, Fed, drawn, feed, post

OWN = IDS.issue("profile", "shop", "user", "u1")
OF_S1 = IDS.issue("profile", "shop", "session", "s1")
FORTHCOMING = replace(SHOP, returns_profile=True)


def track(options: Any, *events: Any, told: tuple[Told, ...] = (), **fields: Any) -> Fed:
    payload = {
        "source": {"id": "shop"},
        "session": {"id": "s1"},
        "events": events or ({"type": "e"},),
        "options": options,
    }
    source = fields.pop("source", SHOP)
    return feed(tracardi, post(tracardi, "/track", payload | fields), source, told=told)


@pytest.mark.parametrize(
    ("options", "event_options", "event", "session", "profile"),
    [
        ({}, {}, True, True, True),
        (None, None, True, True, True),
        ({"saveEvents": False}, {}, False, True, True),
        ({"saveSession": False}, {}, True, False, True),
        ({"saveProfile": False}, {}, True, True, False),
        ({"saveEvents": "false", "saveSession": 0, "saveProfile": None}, {}, True, True, True),
        ({"saveEvents": True}, {"saveEvent": False}, False, True, True),
        ({}, {"save": False}, False, True, True),
        ({}, {"saveEvent": "false", "save": 0}, True, True, True),
        ({}, {"async": True, "fire": True, "asBeacon": True, "context": {}}, True, True, True),
    ],
)
def test_what_is_saved(
    options: Any, event_options: Any, event: bool, session: bool, profile: bool
) -> None:
    fed = track(options, {"type": "e", "options": event_options})
    assert (fed.event.saves_event, fed.event.saves_session) == (event, session)
    assert fed.event.saves_profile == profile
    assert fed.answer["session"] == {"id": "s1" if session else None}
    assert fed.answer["profile"] == {"id": OF_S1}


def test_a_transitional_source_keeps_no_session() -> None:
    """And no event, which is the processors' business."""
    fed = track({}, source=replace(SHOP, transitional=True))
    assert fed.answer["session"] == {"id": None}


def test_a_switch_that_is_no_boolean_is_named() -> None:
    fed = track({"debugger": "true", "saveEvents": 1}, session=None)
    assert fed.batch.ask is None
    assert [warning.split()[0] for warning in fed.answer["warnings"]] == [
        "options.saveEvents",
        "options.debugger",
    ]
    assert "debugging" not in fed.answer


@pytest.mark.parametrize("options", [{"scheduledFlowId": "f"}, {"scheduledNodeId": "n"}])
def test_a_scheduled_flow_is_an_error_and_the_events_are_taken(options: Any) -> None:
    fed = track(options)
    assert fed.reply.status == 200
    assert "scheduledFlowId" in fed.answer["errors"][0]
    assert len(fed.events) == 1


@pytest.mark.parametrize("wanted", [True, False, "true"])
@pytest.mark.parametrize("source", [SHOP, FORTHCOMING])
def test_a_whole_profile(wanted: Any, source: Any) -> None:
    """Only where the source permits it, and no more than is known."""
    first = track({"profile": wanted})
    told = (Told("0:a", first.raws[0].event_id, profile_id=OF_S1),)
    fed = track({"profile": wanted}, source=source, profile={"id": OWN}, told=told)
    if source is FORTHCOMING and wanted is True:
        assert fed.answer["profile"] == {"id": OF_S1, "ids": [OWN, OF_S1]}
    else:
        assert fed.answer["profile"] == {"id": OF_S1}


def test_nobody_has_no_whole_profile() -> None:
    body = {"source": {"id": "shop"}, "events": [{"type": "e"}], "options": {"profile": True}}
    request = post(tracardi, "/track", body, query={"profile_less": ["1"]})
    assert feed(tracardi, request, FORTHCOMING).answer["profile"] == {"id": None}


def test_the_debugger_tells_what_became_of_each_event() -> None:
    events = ({"type": "a"}, {"type": "b"})
    ids = (drawn(2), drawn(3))
    told = (
        Told("0:a", ids[1], "b", OF_S1, "s1", saved=False, errors=("e1",)),
        Told("0:a", ids[0], "a", OF_S1, "s1"),
        Told("0:a", drawn(9), "z", "p9"),
    )
    fed = track({"debugger": True}, *events, told=told)
    assert fed.batch.ask == Ask("debug", "s1")
    assert fed.answer["events"] == list(ids)
    assert fed.answer["warnings"] == []
    assert fed.answer["debugging"] == {
        "session": {"saved": 1, "errors": [], "ids": ["s1"], "types": []},
        "events": {"saved": 1, "errors": ["e1"], "ids": list(ids), "types": ["a", "b"]},
        "profile": {"saved": 1, "errors": [], "ids": [OF_S1], "types": []},
        "execution": {},
        "segmentation": {"errors": [], "ids": []},
        "logs": [],
    }


def test_the_debugger_does_not_claim_what_it_was_not_told() -> None:
    fed = track({"debugger": True, "saveProfile": False}, session=None)
    assert "did not answer in time" in fed.answer["warnings"][0]
    assert fed.answer["events"] == [fed.raws[0].event_id]
    for name in ("session", "events", "profile"):
        assert fed.answer["debugging"][name] == {"saved": 0, "errors": [], "ids": [], "types": []}


def test_the_debugger_of_what_is_not_saved() -> None:
    told = (Told("0:a", drawn(2), "e", OF_S1, saved=False),)
    off = {"saveSession": False, "saveEvents": False, "saveProfile": False, "debugger": True}
    fed = track(off, told=told)
    saved = {name: fed.answer["debugging"][name]["saved"] for name in ("session", "profile")}
    assert saved == {"session": 0, "profile": 0}
