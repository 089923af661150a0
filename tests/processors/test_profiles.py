"""What the processors write of profiles, and what they need not write again."""

import json
from typing import Any

from processors.work import Outcome, Record
from schemas import merges, profiles
from schemas.profiles import Change
from schemas.sources import Source
from tests.processors.doing import steps
from tests.processors.world import IDS, MINUTE, NOW, Feed, line


class Site:
    """One worker of a source, record by record."""

    def __init__(self, *sources: Source) -> None:
        self.feed = Feed(*sources)
        self._work = steps(self.feed, {}, lambda: NOW)
        self._offset = 0

    def take(self, *lines: bytes) -> Outcome:
        self._offset += 1
        return self._work(Record("shop", "x.raw.shop", 2, self._offset, b"\n".join(lines)))


def profile(kind: str, name: str) -> str:
    return IDS.issue("profile", "shop", kind, name)


def rows(outcome: Outcome) -> list[str]:
    return [json.loads(text)["profile_id"] for text in outcome.lines]


def changes(outcome: Outcome) -> list[Change]:
    found = []
    for key, (profile_id, value) in outcome.changes.items():
        change = profiles.read(value)
        assert isinstance(change, Change)
        assert (change.key, change.profile_id) == (key, profile_id)
        found.append(change)
    return found


def test_the_next_event_of_a_visitor_is_the_user_s() -> None:
    site = Site()
    visitor, ann = profile("anonymous", "d"), profile("user", "ann")
    outcome = site.take(line(device="d"), line(device="d", user="ann"), line(device="d"))
    assert rows(outcome) == [visitor, ann, ann]
    (edge,) = map(merges.read, outcome.merges.values())
    assert edge == (visitor, ann, NOW, "link")
    assert {change.profile_id for change in changes(outcome)} == {visitor, ann}


def test_plain_events_of_known_visitors_write_nothing() -> None:
    site = Site()
    site.take(line(device="d", user="ann", group="g"))
    for outcome in (
        site.take(line(device="d", user="ann", group="g", time=NOW + MINUTE)),
        site.take(line(device="d", user="ann", kind="identify", time=NOW + MINUTE)),
    ):
        assert len(outcome.lines) == 1
        assert (outcome.changes, outcome.merges) == ({}, {})


def test_an_event_that_comes_again_says_the_same() -> None:
    said: dict[str, Any] = {"kind": "identify", "device": "d", "user": "ann", "number": 77}
    sent = line(**said, changes={"increment": {"visits": 1}})
    site, other = Site(), Site()
    first = site.take(sent)
    assert first.changes == other.take(sent).changes
    assert first.merges == Site().take(sent).merges
    again = site.take(sent)
    assert profiles.fold([*changes(first), *changes(again)]).traits == {"visits": 1}


def test_changes_of_one_request_keep_their_order() -> None:
    lines = [
        line(user="ann", number=number, changes={"set": {"n": step}})
        for step, number in enumerate((905, 903, 904))
    ]
    found = changes(Site().take(*lines))
    assert profiles.fold(reversed(found)).traits == {"n": 2}


def test_a_client_may_want_no_profile() -> None:
    outcome = Site().take(line(user="ann", device="d", unsaved=["profile"]))
    assert rows(outcome) == [""]
    assert (outcome.changes, outcome.merges) == ({}, {})


def test_a_source_that_stores_no_events_has_profiles() -> None:
    outcome = Site(Source("shop", transitional=True)).take(line(user="ann"))
    assert outcome.lines == []
    assert [change.ids for change in changes(outcome)] == [{"user": ("ann",)}]


def test_nobody_s_events_tell_of_groups_alone() -> None:
    outcome = Site().take(line(profiled=False, group="c1"))
    assert [(change.kind, change.ids) for change in changes(outcome)] == [
        ("group", {"group": ("c1",)})
    ]


def test_a_session_that_the_client_named_has_a_profile_with_traits() -> None:
    source = Source("shop", merge_by=("phone",))
    said: dict[str, Any] = {"session_id": "s", "rule": "sticky"}
    outcome = Site(source).take(
        line(**said, number=5), line(**said, number=6, changes={"set": {"phone": "+84901234567"}})
    )
    (own,) = set(rows(outcome))
    seen, told = changes(outcome)
    assert {seen.profile_id, told.profile_id} == {own}
    assert told.ids == {"phone": ("+84901234567",)}
    (edge,) = map(merges.read, outcome.merges.values())
    assert edge == (own, profile("phone", "+84901234567"), NOW, "key")
