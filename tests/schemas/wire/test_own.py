"""headrace's own protocol: what its cases cannot show."""

import json
from dataclasses import replace

import pytest

from schemas.errors import Refused
from schemas.sources import Key, Source
from schemas.vendor import Edge, Grant
from schemas.wire import own
from tests.schemas.wire.feeding import IDS, drawing, feed, post

DAY_MS = 86_400_000
COOKIELESS = {"cookieless": True, "write_key": "WK", "events": [{"name": "e"}]}


def test_the_key_is_not_stored() -> None:
    fed = feed(own, post(own, "/v1/events", {**COOKIELESS, "sent_at": 5, "context": {"a": 1}}))
    assert json.loads(fed.batch.shared) == {"sent_at": 5, "cookieless": True, "context": {"a": 1}}


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({"authorization": "Bearer  H "}, {"write_key": ["Q"]}, "H"),
        ({"authorization": "Basic H"}, {"write_key": ["Q"]}, "Q"),
        ({}, {"write_key": [" "]}, "WK"),
        ({}, {}, "WK"),
    ],
)
def test_where_the_key_may_be(
    headers: dict[str, str], query: dict[str, list[str]], key: str
) -> None:
    assert own.read(post(own, "/v1/events", COOKIELESS, headers, query)).credential == key


def test_who_keeps_nothing_is_somebody_else_tomorrow_elsewhere_and_with_another_browser() -> None:
    today = post(own, "/v1/events", COOKIELESS, {"user-agent": "A"})
    others = [
        replace(today, ip="203.0.113.9"),
        replace(today, received_at=today.received_at + DAY_MS),
        replace(today, headers={"user-agent": "B"}),
    ]
    (raw,) = feed(own, today).raws
    assert raw.profile_id == raw.visitor
    assert IDS.is_own(raw.profile_id)
    assert feed(own, replace(today, received_at=today.received_at + 1)).raws[0].visitor == (
        raw.visitor
    )
    found = {feed(own, each).raws[0].profile_id for each in others}
    assert len(found | {raw.profile_id}) == 4


@pytest.mark.parametrize("name", ["user_id", "anonymous_id"])
def test_who_says_an_id_is_known_by_it_without_cookies_too(name: str) -> None:
    batch = {**COOKIELESS, "events": [{"name": "e", name: "ann"}]}
    (raw,) = feed(own, post(own, "/v1/events", batch)).raws
    assert (raw.profile_id, raw.visitor) == ("", "ann")


def test_a_key_of_one_customer_is_refused() -> None:
    request = post(own, "/v1/events", COOKIELESS)
    key = Key("k", "write", "hash", customer="acme")
    with pytest.raises(Refused) as caught:
        own.split(own.read(request), request, Grant(Source("shop"), key), Edge(drawing(), IDS))
    assert caught.value.code == "key-scoped"


def test_what_is_to_be_done_to_traits() -> None:
    event = {
        "type": "identify",
        "user_id": "ann",
        "traits": {"plan": "gold", "age": 5},
        "properties": {"plan": "shown"},
        "changes": {
            "set": {"age": 6},
            "set_once": {"a": 1},
            "increment": {"n": 1},
            "unset": ["b"],
            "clear": True,
            "other": 1,
        },
    }
    decoded = feed(own, post(own, "/v1/events", {"write_key": "WK", "events": [event]})).event
    assert decoded.changes == {
        "set": {"plan": "gold", "age": 6},
        "set_once": {"a": 1},
        "increment": {"n": 1},
        "unset": ("b",),
        "clear": True,
    }
    assert decoded.properties == {"plan": "shown", "age": 5}
