from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.profiles import MAX_IDS, MAX_NOTES, Change, State, fold, read, write
from schemas.traits import MAX_ITEMS, MAX_TRAITS
from tests.schemas.values import json_values

TRAITS = st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)
NAMES = st.lists(st.sampled_from(["x", "y", "z"]), max_size=3, unique=True).map(tuple)
CHANGES = st.builds(
    Change,
    st.sampled_from([f"e{number}" for number in range(9)]),
    st.just("shop"),
    st.sampled_from("pq"),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 3),
    ids=st.fixed_dictionaries({}, optional={"user": NAMES, "email": NAMES}),
    groups=st.dictionaries(st.just("group"), st.sampled_from(["g", "h"])),
    set=TRAITS,
    set_once=TRAITS,
    increment=TRAITS,
    append=TRAITS,
    prepend=TRAITS,
    union=TRAITS,
    unset=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
    clear=st.booleans(),
)


def change(number: int, *, at: int = 0, **said: Any) -> Change:
    return Change(f"e{number:05}", "shop", "p", at, at, number, **said)


def folded(*said: dict[str, Any]) -> State:
    return fold([change(number, at=number, **each) for number, each in enumerate(said, 1)])


@given(CHANGES)
def test_a_record_is_read_as_it_was_written(one: Change) -> None:
    again = read(write(one))
    assert isinstance(again, Change)
    assert write(again) == write(one)
    assert (again.key, again.order) == (one.key, one.order)


@settings(max_examples=60)
@given(st.lists(CHANGES, max_size=6), st.randoms(use_true_random=False), st.integers(0, 6))
def test_the_set_decides_not_the_order_nor_how_often(
    changes: list[Change], chance: Random, again: int
) -> None:
    other = [*changes, *changes[:again]]
    chance.shuffle(other)
    assert fold(changes) == fold(other)
    ids = fold(changes).ids
    earliest: dict[str, Change] = {}
    for each in sorted(changes, key=lambda one: (*one.order[:3], one.profile_id, write(one))):
        earliest.setdefault(each.event_id, each)
    for kind in ("user", "email"):
        spoken = {name for each in earliest.values() for name in each.ids.get(kind, ())}
        assert set(ids.get(kind, ())) == spoken, "no id is lost"


@given(st.lists(TRAITS, max_size=6))
def test_what_is_set_keeps_its_type(values: list[dict[str, Any]]) -> None:
    last: dict[str, Any] = {}
    for each in values:
        last |= each
    state = folded(*({"set": each} for each in values))
    assert state.traits == last
    assert {name: type(value) for name, value in state.traits.items()} == {
        name: type(value) for name, value in last.items()
    }


def test_the_order_within_one_event() -> None:
    before = {"set": {"a": 1, "b": [1], "c": "old", "n": 5}}
    assert folded(before, {"clear": True, "set": {"a": 2}}).traits == {"a": 2}
    assert folded(before, {"unset": ("a",), "set_once": {"a": 3, "c": 9}}).traits["a"] == 3
    after = {"set": {"n": 1}, "increment": {"n": 2}, "append": {"b": 2}, "prepend": {"b": 0}}
    assert folded(before, after).traits == {"a": 1, "b": [0, 1, 2], "c": "old", "n": 3}
    assert folded({"union": {"u": [1, 1.0, True]}}, {"union": {"u": [1, "x"]}}).traits == {
        "u": [1, 1.0, True, "x"]
    }


def test_a_value_that_is_appended_to_becomes_the_first_of_a_list() -> None:
    assert folded({"set": {"a": "x"}}, {"append": {"a": ["y", "z"]}}).traits == {
        "a": ["x", "y", "z"]
    }


@pytest.mark.parametrize(
    ("value", "amount", "kept"),
    [
        ("5", 1, "5"),
        (True, 1, True),
        (1, "1", 1),
        (1 << 63, 1 << 63, 1 << 63),
        (1e308, 1e308, 1e308),
    ],
)
def test_an_increment_that_cannot_be_is_noted(value: Any, amount: Any, kept: Any) -> None:
    state = folded({"set": {"a": value}}, {"increment": {"a": amount}})
    assert state.traits["a"] is kept or state.traits["a"] == kept
    assert len(state.notes) == 1
    assert state.notes[0].startswith("increment: 'a'")


def test_increments_count_from_nothing() -> None:
    assert folded({"increment": {"a": 2}}, {"increment": {"a": 0.5}}).traits == {"a": 2.5}
    assert folded({"set": {"a": None}}, {"increment": {"a": 2}}).traits == {"a": 2}


def test_lists_traits_ids_and_notes_are_bounded() -> None:
    state = folded({"set": {"a": list(range(MAX_ITEMS))}}, {"append": {"a": "new"}})
    assert len(state.traits["a"]) == MAX_ITEMS
    assert state.traits["a"][-1] == "new"
    state = fold([change(n, at=n, set={f"t{n}": n}) for n in range(MAX_TRAITS + 1)])
    assert len(state.traits) == MAX_TRAITS
    assert "t0" not in state.traits
    many = [change(n, at=n, ids={"user": (f"u{n}",)}) for n in range(MAX_IDS + 1)]
    assert len(fold(many).ids["user"]) == MAX_IDS
    assert fold(many).notes
    assert len(folded(*[{"increment": {"a": "x"}}] * 50).notes) == MAX_NOTES


def test_the_times_and_the_groups_are_of_the_events() -> None:
    state = fold(
        [change(2, at=9, groups={"group": "new"}), change(1, at=4, groups={"group": "old"})]
    )
    assert (state.first_seen, state.last_seen, state.changes) == (4, 9, 2)
    assert state.groups == {"group": "new"}
    assert fold([]) == State()


def test_changes_of_one_moment_go_in_the_order_in_which_they_came() -> None:
    last = Change("a", "shop", "p", 5, 5, seq=2, set={"t": "last"})
    first = Change("b", "shop", "p", 5, 5, seq=1, set={"t": "first"})
    assert fold([last, first]).traits == {"t": "last"}


def test_an_event_may_change_a_profile_and_a_group() -> None:
    assert change(1).key == b"e00001"
    assert change(1, kind="group").key == b"e00001:p"


@pytest.mark.parametrize(
    "record",
    [
        b"[]",
        b'{"profile_id":"p"}',
        b'{"profile_id":""}',
        b'{"profile_id":"p","event_id":5,"source_id":"s","at":1,"received_at":1}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":"1","received_at":1}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":1,"received_at":1,"kind":"x"}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":1,"received_at":1,"set":[]}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":1,"received_at":1,"unset":[5]}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":1,"received_at":1,"ids":{"user":5}}',
        b'{"profile_id":"p","event_id":"e","source_id":"s","at":1,"received_at":1,"groups":{"a":1}}',
    ],
)
def test_what_is_no_change_is_refused(record: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(record)
    assert caught.value.code == "change-invalid"


def test_whole_numbers_stay_whole() -> None:
    assert type(folded({"increment": {"a": 1}}).traits["a"]) is int
