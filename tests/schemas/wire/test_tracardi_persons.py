"""Whose events they are: Tracardi's rules of profile and session, as far as the edge decides."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.answers import Ask, Told
from schemas.events import Binding
from schemas.sources import Source
from schemas.wire import tracardi
from tests.schemas.wire.feeding import IDS, SHOP, Fed, drawn, feed, post

STATIC = Source("shop", static_profile_ids=True)
OWN = IDS.issue("profile", "shop", "user", "u1")
OTHER = IDS.issue("profile", "shop", "user", "u2")
OF_S1 = IDS.issue("profile", "shop", "session", "s1")
LATE = "the processors did not answer in time"


def payload(*events: Any, **fields: Any) -> dict[str, Any]:
    return {"source": {"id": "shop"}, "session": {"id": "s1"}, "events": events, **fields}


def track(*events: Any, source: Source = SHOP, told: tuple[Told, ...] = (), **fields: Any) -> Fed:
    return feed(tracardi, post(tracardi, "/track", payload(*events, **fields)), source, told=told)


def told(fed: Fed, position: int = 0, **fields: Any) -> Told:
    return Told("0:a", fed.raws[position].event_id, **fields)


def test_the_answer_is_the_union_of_all_versions() -> None:
    first = track({"type": "e"})
    fed = track({"type": "e"}, told=(told(first, profile_id=OF_S1, session_id="s1"),))
    assert fed.answer == {
        "task": drawn(1),
        "ux": [],
        "response": {},
        "events": [],
        "profile": {"id": OF_S1},
        "session": {"id": "s1"},
        "source": {"consent": False},
        "errors": [],
        "warnings": [],
    }


def test_consent_is_echoed() -> None:
    fed = track({"type": "e"}, source=replace(SHOP, requires_consent=True))
    assert fed.answer["source"] == {"consent": True}


@pytest.mark.parametrize("session", [None, {"id": ""}, {"id": "  "}])
def test_without_a_session_the_edge_draws_one_and_asks_nobody(session: Any) -> None:
    fed = track({"type": "a"}, {"type": "b"}, session=session)
    assert fed.batch.ask is None
    assert fed.answer["session"] == {"id": drawn(1)}
    assert fed.answer["profile"] == {"id": IDS.issue("profile", "shop", "session", drawn(1))}
    assert {(raw.session_id, raw.visitor) for raw in fed.raws} == {(drawn(1), drawn(1))}
    assert {raw.profile_id for raw in fed.raws} == {""}
    assert fed.answer["warnings"] == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [(OWN, True), (f" {OWN.upper()} ", True), ("prof-1", False), (OWN[:-1] + "0", False)],
)
def test_only_a_profile_id_of_headraces_own_reaches_the_processors(given: str, kept: bool) -> None:
    fed = track({"type": "e"}, profile={"id": given})
    assert [raw.profile_id for raw in fed.raws] == [OWN if kept else ""]
    assert fed.event.binding == Binding("sticky")
    assert fed.batch.ask == Ask("profile", "s1")


def test_a_session_that_may_be_known_is_asked_for() -> None:
    first = track({"type": "e"}, profile={"id": OWN})
    fed = track({"type": "e"}, profile={"id": OWN}, told=(told(first, profile_id=OTHER),))
    assert fed.answer["profile"] == {"id": OTHER}


def test_without_an_answer_the_edge_guesses_and_says_so() -> None:
    assert track({"type": "e"}, profile={"id": OWN}).answer["profile"] == {"id": OWN}
    fed = track({"type": "e"}, profile={"id": "prof-1"})
    assert fed.answer["profile"] == {"id": OF_S1}
    assert LATE in fed.answer["warnings"][0]


def test_merged_profiles_resolve_at_the_edge() -> None:
    request = post(tracardi, "/track", payload({"type": "e"}, session=None, profile={"id": OWN}))
    fed = feed(tracardi, request, resolve=lambda profile: OTHER if profile == OWN else profile)
    assert fed.answer["profile"] == {"id": OTHER}
    assert fed.raws[0].profile_id == OWN, "raw means raw: the processors resolve, too"


@pytest.mark.parametrize("profile", [None, {"id": OWN}, {"id": OTHER}, {"id": "prof-1"}])
def test_a_profile_handed_over_survives(profile: Any) -> None:
    context = {"tracardi": {"pass": {"profile": OTHER, "source": "blog"}}}
    fed = track({"type": "e"}, profile=profile, context=context)
    assert fed.event.binding == Binding("sticky", OTHER)
    assert fed.raws[0].profile_id == (OWN if profile == {"id": OWN} else OTHER)
    assert fed.answer["profile"] == {"id": OTHER}
    assert fed.batch.ask == Ask("profile", "s1", anew=True), "what the edge remembered is over"


@pytest.mark.parametrize(
    "handed",
    [
        {"profile": "prof-1", "source": "blog"},
        {"profile": OTHER},
        {"profile": OTHER, "source": " "},
        {"profile": 5, "source": []},
    ],
)
def test_an_unknown_profile_handed_over_is_a_warning_only(handed: Any) -> None:
    context = {"tracardi": {"pass": handed}}
    fed = track({"type": "e"}, session=None, profile={"id": OWN}, context=context)
    assert fed.event.binding == Binding("sticky")
    assert fed.answer["profile"] == {"id": OWN}
    assert "context.tracardi.pass" in fed.answer["warnings"][0]


@pytest.mark.parametrize("handed", ["x", None, [], {}])
def test_nothing_handed_over_is_no_warning(handed: Any) -> None:
    context = {"tracardi": {"pass": handed}}
    assert track({"type": "e"}, session=None, context=context).answer["warnings"] == []


def test_static_profile_ids_are_used_as_sent() -> None:
    fed = track({"type": "e"}, source=STATIC, profile={"id": " p1 "})
    assert fed.raws[0].profile_id == "p1"
    assert (fed.event.binding, fed.batch.ask) == (Binding("static"), None)
    assert fed.answer["profile"] == {"id": "p1"}


def test_static_profile_ids_may_be_handed_over() -> None:
    context = {"tracardi": {"pass": {"profile": OTHER, "source": "blog"}}}
    assert track({"type": "e"}, source=STATIC, context=context).raws[0].profile_id == OTHER


@pytest.mark.parametrize("events", [[{"type": "e"}], []])
@pytest.mark.parametrize("profile", [None, {"id": " "}])
def test_static_profile_ids_must_be_sent(events: list[Any], profile: Any) -> None:
    fed = track(*events, source=STATIC, profile=profile)
    assert fed.reply.status == 422
    assert fed.answer["detail"][0]["loc"] == ["body", "profile", "id"]


@pytest.mark.parametrize("word", ["true", "1", "yes", "ON", "t", "y"])
def test_profile_less(word: str) -> None:
    request = post(tracardi, "/track", payload({"type": "e"}), query={"profile_less": [word]})
    fed = feed(tracardi, request)
    assert fed.answer["profile"] == {"id": None}
    assert fed.answer["session"] == {"id": "s1"}
    assert not fed.event.profiled
    assert (fed.event.binding, fed.batch.ask) == (Binding("nobody"), None)
    assert (fed.raws[0].profile_id, fed.raws[0].session_id) == ("", "s1")


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "f", "n"])
def test_not_profile_less(word: str) -> None:
    body = payload({"type": "e"}, profile_less=True)
    fed = feed(tracardi, post(tracardi, "/track", body, query={"profile_less": ["true", word]}))
    assert fed.event.profiled


def test_profile_less_is_a_boolean() -> None:
    request = post(tracardi, "/track", payload(), query={"profile_less": ["maybe"]})
    (detail,) = feed(tracardi, request).answer["detail"]
    assert (detail["type"], detail["loc"]) == ("bool_parsing", ["query", "profile_less"])
