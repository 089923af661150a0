from hypothesis import given
from hypothesis import strategies as st

from schemas.merges import Merges, key, read, write

PAIRS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=30)


def folded(pairs: list[tuple[str, str]]) -> Merges:
    merges = Merges()
    for loser, survivor in pairs:
        merges.put(loser, survivor)
    return merges


@given(PAIRS)
def test_everybody_in_a_group_has_the_same_survivor(pairs: list[tuple[str, str]]) -> None:
    merges = folded(pairs)
    for loser, survivor in pairs:
        assert merges.resolve(loser) == merges.resolve(survivor)


@given(PAIRS, st.integers(0, 30))
def test_a_record_may_come_again(pairs: list[tuple[str, str]], position: int) -> None:
    again = folded([*pairs, *pairs[:position]])
    assert all(folded(pairs).resolve(name) == again.resolve(name) for name in "abcdefgh")


def test_the_one_merged_into_survives() -> None:
    merges = folded([("a", "b"), ("b", "c"), ("d", "a")])
    assert [merges.resolve(name) for name in "abcdx"] == ["c", "c", "c", "c", "x"]
    assert len(merges) == 3


def test_a_record_is_read_as_it_was_written() -> None:
    assert read(write("a", "b", 5)) == ("a", "b")
    assert key("a", "b") != key("a", "c")
