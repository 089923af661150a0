"""What events say of profiles, as it leaves the processors; and what it adds up to."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.known import Known
from processors.steps.relate import NOBODY, Relate, Told, as_email, as_phone, contacts
from schemas.events import Event
from schemas.merges import Edge, Merges
from schemas.profiles import Change, State, fold
from tests.processors.world import IDS, NOW, raw

USERS, VISITORS = ("ann", "bob"), ("phone", "desk", "kiosk")


def profile(kind: str, name: str) -> str:
    return IDS.issue("profile", "shop", kind, name)


def own(user: str, device: str) -> str:
    return profile("user", user) if user else profile("anonymous", device)


def told(
    kind: Any = "track",
    *,
    user: str = "",
    device: str = "",
    number: int = 1,
    merge_by: tuple[str, ...] = (),
    **fields: Any,
) -> Told:
    event = Event(kind, "e", user_id=user, anonymous_id=device, **fields)
    at = NOW + number
    sent = raw(number=number, received_at=at)
    return Relate(sent, event, own(user, device), at, number, merge_by, IDS.issue).told()


def test_identify_links_the_visitor_and_sets_traits() -> None:
    found = told("identify", user="ann", device="phone", changes={"set": {"email": " A@X.example"}})
    ann, visitor = profile("user", "ann"), profile("anonymous", "phone")
    assert found.edges == [Edge(visitor, ann, NOW + 1, "link")]
    said, seen = found.changes
    assert (said.profile_id, said.event_id) == (ann, raw(number=1).event_id)
    assert said.ids == {"user": ("ann",), "email": ("a@x.example",)}
    assert said.set == {"email": " A@X.example"}
    assert (seen.profile_id, seen.ids) == (visitor, {"anonymous": ("phone",)})


def test_what_is_only_seen_is_the_same_however_often() -> None:
    first, again = told(device="desk", number=1), told(device="desk", number=2)
    assert first.changes[0].key == again.changes[0].key
    assert fold(again.changes + first.changes) == fold(first.changes)
    assert first.edges == []


@pytest.mark.parametrize("name", sorted(NOBODY))
def test_an_id_that_means_nobody_links_nobody(name: str) -> None:
    for spelt in (name, name.upper()):
        assert told("identify", user=spelt, device="desk").edges == []
        assert told("identify", user="ann", device=spelt).edges == []
        assert told("alias", user="ann", previous_id=spelt).edges == []


def test_an_alias_names_a_user_or_a_visitor() -> None:
    edges = told("alias", user="ann", device="old", previous_id="old").edges
    assert Edge(profile("user", "old"), profile("user", "ann"), NOW + 1, "alias") in edges
    assert Edge(profile("anonymous", "old"), profile("user", "ann"), NOW + 1, "link") in edges


def test_a_group_has_traits_of_its_own() -> None:
    found = told("group", user="ann", group_id="acme", changes={"set": {"seats": 5}})
    member, group = found.changes
    assert (member.kind, member.groups, member.set) == ("profile", {"group": "acme"}, {})
    assert (group.kind, group.ids, group.set) == ("group", {"group": ("acme",)}, {"seats": 5})
    assert member.key != group.key


def test_addresses_merge_where_a_source_says_so() -> None:
    said: dict[str, Any] = {"set": {"email": "a@x.example", "phone": "+84 90-123.4567"}}
    assert told("identify", user="ann", changes=said).edges == []
    edges = told("identify", user="ann", changes=said, merge_by=("email",)).edges
    assert edges == [Edge(profile("user", "ann"), profile("email", "a@x.example"), NOW + 1, "key")]


@pytest.mark.parametrize(
    ("value", "email"),
    [
        (" A@X.example ", "a@x.example"),
        ("none", ""),
        ("a b@x", ""),
        (5, ""),
        ("a@" + "x" * 320, ""),
    ],
)
def test_an_email_address_as_it_is_compared(value: Any, email: str) -> None:
    assert as_email(value) == email


@pytest.mark.parametrize(
    ("value", "phone"),
    [
        ("+84 (90) 123-4567", "+84901234567"),
        ("0084901234567", "+84901234567"),
        (84901234567, "84901234567"),
        ("call me", ""),
        ("1" * 41, ""),
        (True, ""),
    ],
)
def test_a_phone_number_as_it_is_compared(value: Any, phone: str) -> None:
    assert as_phone(value) == phone


def test_an_object_of_addresses_has_several() -> None:
    said = {"set": {"Email": {"main": "A@x.example", "business": "b@x.example", "n": 5}, "a": 1}}
    assert contacts(said) == {"email": ("a@x.example", "b@x.example")}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_a_thing_is_news_until_it_is_known_from_then_on(seen: list[tuple[int, int]]) -> None:
    known, earliest = Known(most=1_000), dict[int, int]()
    for what, at in seen:
        assert known.is_news(what, at) is (at < earliest.get(what, 10))
        earliest[what] = min(at, earliest.get(what, 10))


def test_what_was_not_met_for_long_is_forgotten() -> None:
    known = Known(most=10)
    assert known.is_news(-1, 5)
    for what in range(9):
        known.is_news(what, 5)
    assert not known.is_news(-1, 5)
    for what in range(30):
        known.is_news(what, 5)
    assert known.is_news(-1, 5)


IDENTITY: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    kind=st.sampled_from(["track", "identify", "alias", "group"]),
    user=st.sampled_from(("", *USERS)),
    device=st.sampled_from(VISITORS),
    email=st.sampled_from(["", "one@x.example", "two@x.example"]),
    previous=st.sampled_from(["", *USERS, *VISITORS]),
    operation=st.sampled_from(["set", "set_once", "increment", "append", "prepend", "union"]),
    value=st.one_of(st.integers(-3, 3), st.sampled_from(["text", 1.5, True, ["a", "b"]])),
)


def everything(number: int, one: dict[str, Any]) -> Told:
    said: dict[str, Any] = {one["operation"]: {"t": one["value"]}}
    if one["email"]:
        said["set"] = said.get("set", {}) | {"email": one["email"]}
    previous = one["previous"] if one["kind"] == "alias" and one["user"] else ""
    return told(
        one["kind"],
        user=one["user"],
        device=one["device"],
        number=number,
        merge_by=("email",),
        group_id="acme" if one["kind"] == "group" else "",
        changes=None if one["kind"] in {"track", "alias"} else said,
        previous_id=previous,
    )


def profiles_of(stream: list[Told]) -> dict[str, State]:
    """The profiles that a store has at last, each by its survivor."""
    merges, changes = Merges(), dict[str, list[Change]]()
    for each in stream:
        for edge in each.edges:
            merges.put(*edge)
        for change in each.changes:
            changes.setdefault(change.profile_id, []).append(change)
    families: dict[str, list[Change]] = {}
    for name, said in changes.items():
        families.setdefault(merges.resolve(name), []).extend(said)
    return {name: fold(said) for name, said in families.items()}


@given(st.lists(IDENTITY, max_size=12), st.randoms(use_true_random=False), st.integers(0, 12))
def test_any_interleaving_ends_in_the_same_profiles(
    events: list[dict[str, Any]], chance: Random, again: int
) -> None:
    stream = [everything(number, one) for number, one in enumerate(events, 1)]
    other = [*stream, *stream[:again]]
    chance.shuffle(other)
    found = profiles_of(stream)
    assert found == profiles_of(other)
    kept = {address for state in found.values() for address in state.ids.get("email", ())}
    spoken = [one for one in events if one["kind"] == "identify"]
    assert kept == {one["email"] for one in spoken if one["email"]}, "no address is lost"
    users = {name for state in found.values() for name in state.ids.get("user", ())}
    assert users == {one["user"] for one in events if one["user"]}, "no user id is lost"
