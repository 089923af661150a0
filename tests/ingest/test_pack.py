from hypothesis import given
from hypothesis import strategies as st

from ingest.pack import Lane
from schemas.topics import PACK_BYTES

sizes = st.integers(0, 2000) | st.integers(PACK_BYTES // 3, PACK_BYTES + 9)


def line(number: int, size: int) -> bytes:
    return str(number).encode().ljust(size, b".")


@given(requests=st.lists(st.lists(sizes, max_size=6), max_size=12))
def test_packs_hold_every_line_once_and_in_order(requests: list[list[int]]) -> None:
    lane: Lane[int] = Lane()
    sent: list[bytes] = []
    touched: dict[int, int] = {}
    for waiter, wanted in enumerate(requests):
        lines = [line(len(sent) + n, size) for n, size in enumerate(wanted)]
        touched[waiter] = lane.add(lines, waiter)
        sent += lines
    packs = lane.clear()
    assert [one for pack in packs for one in pack.lines] == sent
    for pack in packs:
        assert pack.size == sum(len(one) + 1 for one in pack.lines)
        assert pack.size <= PACK_BYTES or len(pack.lines) == 1
    for waiter, count in touched.items():
        assert sum(pack.waiters.count(waiter) for pack in packs) == count


@given(wanted=st.lists(sizes, max_size=12))
def test_whoever_waits_is_in_each_pack_that_carries_a_line_of_theirs(wanted: list[int]) -> None:
    lane: Lane[bytes] = Lane()
    for number, size in enumerate(wanted):
        one = line(number, size)
        lane.add([one], one)
    for pack in lane.clear():
        assert pack.waiters == pack.lines


def test_a_pack_waits_until_it_is_due() -> None:
    lane: Lane[str] = Lane()
    assert lane.add([b"a"], "first") == 1
    assert lane.take() is None
    lane.due = True
    pack = lane.take()
    assert pack is not None
    assert (pack.lines, pack.waiters) == ([b"a"], ["first"])
    assert lane.take() is None
    lane.add([b"b"], "second")
    assert lane.take() is None


def test_a_full_pack_is_due_at_once_and_takes_the_rest_along() -> None:
    lane: Lane[str] = Lane()
    half = b"x" * (PACK_BYTES // 2)
    assert lane.add([half, half, half], "w") == 3
    assert [pack.lines for pack in iter(lane.take, None) if pack] == [[half], [half], [half]]
    assert not lane.due


def test_a_request_without_lines_waits_for_nothing() -> None:
    lane: Lane[str] = Lane()
    assert lane.add([], "w") == 0
    assert lane.clear() == []
