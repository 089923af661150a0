from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.merges import Edge, Kind, Merges, erasure, key, named, read, write

NAMES = "abcdefgh"
KINDS: tuple[Kind, ...] = ("handover", "link", "alias", "key")
EDGES = st.builds(
    Edge,
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.integers(1, 12),
    st.sampled_from(KINDS),
)
SETS = st.lists(EDGES, max_size=25)
VISITORS, USERS = "vwxyz", "ABC"
LINKS = st.lists(
    st.builds(
        Edge, st.sampled_from(VISITORS), st.sampled_from(USERS), st.integers(1, 9), st.just("link")
    ),
    max_size=20,
)


def folded(edges: list[Edge]) -> Merges:
    merges = Merges()
    for edge in edges:
        merges.put(*edge)
    return merges


def survivors(merges: Merges, names: str = NAMES) -> dict[str, str]:
    return {name: merges.resolve(name) for name in names}


@given(SETS, st.randoms(use_true_random=False), st.integers(0, 25))
def test_the_set_decides_not_the_order_nor_how_often(
    edges: list[Edge], chance: Random, again: int
) -> None:
    other = [*edges, *edges[:again]]
    chance.shuffle(other)
    assert survivors(folded(edges)) == survivors(folded(other))


@given(SETS)
def test_families_are_who_resolves_to_the_same(edges: list[Edge]) -> None:
    merges = folded(edges)
    resolved = survivors(merges)
    for name, root in resolved.items():
        assert set(merges.family(name)) == {each for each in NAMES if resolved[each] == root}
        assert merges.resolve(root) == root
    assert set(merges) == {name for name, root in resolved.items() if name != root}
    assert len(merges) == len(set(merges))


@given(SETS)
def test_all_edges_but_later_links_make_one_of_two(edges: list[Edge]) -> None:
    merges = folded(edges)
    for edge in edges:
        if edge.kind != "link":
            assert merges.resolve(edge.profile_id) == merges.resolve(edge.merged_into)


@given(LINKS)
def test_a_shared_device_never_merges_two_users(links: list[Edge]) -> None:
    merges = folded(links)
    for one, other in combinations(USERS, 2):
        assert merges.resolve(one) != merges.resolve(other)
    for visitor in VISITORS:
        own = sorted((it.at, it.merged_into) for it in links if it.profile_id == visitor)
        assert merges.resolve(visitor) == (own[0][1] if own else visitor)


@given(SETS, st.randoms(use_true_random=False))
def test_a_listener_is_told_whatever_resolves_differently(
    edges: list[Edge], chance: Random
) -> None:
    chance.shuffle(edges)
    merges, known = Merges(), dict(zip(NAMES, NAMES, strict=True))
    merges.listen(lambda moved: known.update((each, merges.resolve(each)) for each in moved))
    for edge in edges:
        merges.put(*edge)
        assert known == survivors(merges)


@given(SETS)
def test_what_is_known_is_no_news(edges: list[Edge]) -> None:
    merges = folded(edges)
    assert not any(merges.is_news(*edge) for edge in edges)
    before = survivors(merges)
    for edge in edges:
        merges.put(edge.profile_id, edge.merged_into, edge.at + 1, edge.kind)
    assert survivors(merges) == before


def test_the_one_merged_into_survives() -> None:
    merges = folded([Edge("a", "b"), Edge("b", "c"), Edge("d", "a")])
    assert [merges.resolve(name) for name in "abcdx"] == ["c", "c", "c", "c", "x"]
    assert len(merges) == 3


def test_a_chain_that_grew_backwards_is_followed_to_its_end() -> None:
    chain = [Edge(f"p{at}", f"p{at + 1}", at + 1) for at in range(100)]
    for merges in (folded(chain), folded(chain[::-1])):
        assert {merges.resolve(edge.profile_id) for edge in chain} == {"p100"}


def test_who_had_an_address_first_survives() -> None:
    merges = folded([Edge("a", "k", 1, "key"), Edge("b", "k", 2, "key"), Edge("c", "k", 3, "key")])
    assert [merges.resolve(name) for name in "abck"] == ["a", "a", "a", "a"]
    merges.put("z", "b", 0, "link")
    assert merges.resolve("a") == "b"


def test_an_earlier_link_takes_a_visitor_away_from_a_user() -> None:
    merges = folded([Edge("v", "A", 5, "link"), Edge("w", "A", 6, "link")])
    merges.put("v", "B", 3, "link")
    assert survivors(merges, "vwAB") == {"v": "B", "w": "A", "A": "A", "B": "B"}


@given(EDGES)
def test_a_record_is_read_as_it_was_written(edge: Edge) -> None:
    assert read(write(*edge)) == edge


@given(EDGES, EDGES)
def test_edges_have_different_keys(one: Edge, other: Edge) -> None:
    assert (key(*one) == key(*other)) is (one == other)


def test_a_record_of_an_earlier_version_is_a_handover() -> None:
    value = b'{"profile_id":"a","merged_into":"b","merged_at":7}'
    assert read(value) == Edge("a", "b", 7, "handover")


@pytest.mark.parametrize(
    "value",
    [
        b"[]",
        b"{}",
        b'{"profile_id":"a","merged_into":""}',
        b'{"profile_id":"a","merged_into":"b","merged_at":"x"}',
        b'{"profile_id":"a","merged_into":"b","merged_at":1,"kind":"other"}',
        b'{"profile_id":"a","merged_into":"b","merged_at":1,"kind":["link"]}',
    ],
)
def test_what_is_no_merge_is_refused(value: bytes) -> None:
    with pytest.raises(Malformed, match="a merge names"):
        read(value)


@given(SETS, st.sets(st.integers(0, 24)))
def test_what_is_forgotten_was_never_there(edges: list[Edge], taken: set[int]) -> None:
    """Of edges that say the same only one is known, so every edge says something of its own."""
    own: dict[tuple[str, str, str], Edge] = {}
    for each in edges:
        if each.profile_id != each.merged_into:
            into = "" if each.kind == "link" else each.merged_into
            own[each.profile_id, into, each.kind] = each
    known = list(own.values())
    merges = folded(known)
    moved: set[str] = set()
    merges.listen(moved.update)
    before = survivors(merges)
    for number, edge in enumerate(known):
        if number in taken:
            merges.forget(edge)
    left = [each for number, each in enumerate(known) if number not in taken]
    assert survivors(merges) == survivors(folded(left))
    assert {name for name in NAMES if before[name] != merges.resolve(name)} <= moved
    assert all(merges.is_news(*known[number]) for number in taken if number < len(known))
    assert {each for name in NAMES for each in merges.edges(name)} <= set(known)


def test_a_key_names_its_edge() -> None:
    edge = Edge("a", "b", 7, "link")
    assert named(key(*edge)) == edge
    assert named(b"a\x00b\x00other\x007") is None
    assert named(b"a\x00b") is None
    assert named(erasure(7)) is None
    Merges().forget(edge)
