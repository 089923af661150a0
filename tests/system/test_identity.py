"""Whom later events are of, once a visitor is known, on a running pipeline."""

from itertools import count
from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline

pytestmark = pytest.mark.system

SOURCE = "identity"
KNOWN_SECONDS = 15.0


@pytest.fixture(scope="module")
def key(pipeline: Pipeline) -> str:
    return Admin(pipeline).create(SOURCE, merge_by=["email"])


class Visitor:
    """Sends events of one visitor and tells whose they are."""

    numbers = count(1)

    def __init__(self, pipeline: Pipeline, key: str, device: str) -> None:
        self._pipeline = pipeline
        self._key = key
        self._device = device

    def send(self, kind: str, *, user: str = "", **fields: Any) -> str:
        """Send one event; return its name."""
        name = f"event {next(self.numbers)}"
        event = {"event_type": kind, "event_name": name, "user_id": user, **fields}
        if not user or kind == "identify":
            event["anonymous_id"] = self._device
        answer = self._pipeline.client.post_json(
            "/filum/events", [event], Authorization=f"Bearer {self._key}"
        )
        assert answer.status == 200, answer.body
        return name

    def profiles(self, *names: str) -> list[str]:
        """Wait for the rows of events; return the profiles in them."""
        rows = eventually(
            lambda: self._pipeline.sql(
                "SELECT event_type, profile_id FROM headrace.events"
                " WHERE source_id = {source:String} AND has({names:Array(String)}, event_type)",
                source=SOURCE,
                names=list(names),
            ),
            until=lambda found: len(found) == len(names),
            within=KNOWN_SECONDS,
            what=f"{names} are stored",
        )
        found = {row["event_type"]: str(row["profile_id"]) for row in rows}
        return [found[name] for name in names]

    def becomes(self, profile: str, user: str) -> None:
        """Wait until events of a user are of a profile."""
        eventually(
            lambda: self.profiles(self.send("track", user=user)),
            until=lambda found: found == [profile],
            within=KNOWN_SECONDS,
            what=f"{user} is {profile}",
        )


def test_later_events_of_a_visitor_are_the_users(pipeline: Pipeline, key: str) -> None:
    visitor, other = Visitor(pipeline, key, "device-1"), Visitor(pipeline, key, "device-2")
    sent = [visitor.send("page"), visitor.send("identify", user="ann")]
    before, ann = visitor.profiles(*sent)
    assert before != ann
    later = [visitor.send("page"), other.send("track", user="ann")]
    assert visitor.profiles(*later, visitor.send("identify", user="ben"))[:2] == [ann, ann]
    first, ben = visitor.profiles(visitor.send("page"), visitor.send("track", user="ben"))
    assert first == ann, "a shared device stays with its first user"
    assert ben != ann


def test_addresses_and_aliases_merge(pipeline: Pipeline, key: str) -> None:
    params = [{"key": "email", "value": {"string_value": "Cy@x.example"}}]
    visitor, other = Visitor(pipeline, key, "device-3"), Visitor(pipeline, key, "device-4")
    (first,) = visitor.profiles(visitor.send("identify", user="cy", event_params=params))
    other.send("identify", user="cyrus", event_params=params)
    visitor.send("alias", user="cy", previous_id="c-17")
    visitor.becomes(first, "cyrus")
    visitor.becomes(first, "c-17")
