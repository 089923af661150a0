"""``/api``: people looked for and erased."""

import json

import pytest

from schemas.commands import Command
from schemas.people import EraseProfile, Erasure, FindProfiles, ListErasures, Person
from schemas.wire import manage
from tests.schemas.wire.test_manage import CLAIM, ask

ANNA = Person("p1", ("shop",), ("p1", "p2"), {"user": ("anna",)}, {}, {"plan": "pro"}, 1, 2)
ERASURE = Erasure("e1", 1_795_196_900_000, profiles=2, events=3)


@pytest.mark.parametrize(
    ("endpoint", "method", "command"),
    [
        ("profile", "GET", FindProfiles("anna", "shop")),
        ("profile", "DELETE", EraseProfile("shop", "anna")),
        ("erasures", "GET", ListErasures()),
    ],
)
def test_people_are_asked_for(endpoint: str, method: str, command: Command) -> None:
    assert manage.command(CLAIM, ask(endpoint, method), None) == command


def test_people_and_erasures_are_worded() -> None:
    found = manage.answer((ANNA,), CLAIM, ask("profile", "GET"))
    (shown,) = json.loads(found.body)["profiles"]
    assert shown == {
        "profile_id": "p1",
        "source_ids": ["shop"],
        "members": ["p1", "p2"],
        "ids": {"user": ["anna"]},
        "groups": {},
        "traits": {"plan": "pro"},
        "first_seen": "1970-01-01T00:00:00.001Z",
        "last_seen": "1970-01-01T00:00:00.002Z",
    }
    gone = manage.answer(ERASURE, CLAIM, ask("profile", "DELETE"))
    expected = {
        "erasure_id": "e1",
        "asked_at": "2026-11-20T17:48:20.000Z",
        "profiles": 2,
        "events": 3,
        "state": "asked",
        "hidden_at": None,
        "verified_at": None,
        "survivors": 0,
    }
    assert (gone.status, json.loads(gone.body)) == (202, expected)
    listed = manage.answer((ERASURE,), CLAIM, ask("erasures", "GET"))
    assert json.loads(listed.body) == {"erasures": [expected]}
