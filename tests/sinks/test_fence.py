from hypothesis import given
from hypothesis import strategies as st

from sinks import fence, rows
from tests.sinks.lines import event

Place = tuple[int, int, int]
PLACES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 5)), unique=True)


@given(PLACES, PLACES)
def test_only_what_landed_is_left_out(read: list[Place], landed: list[Place]) -> None:
    def row(place: Place) -> rows.Row:
        return rows.events(event(place[2]), place[0], place[1])

    marks = {fence.mark(row(place)) for place in landed}
    left = fence.missing([row(place) for place in read], marks)
    assert left == [row(place) for place in read if place not in landed]


@given(PLACES)
def test_spans_hold_every_offset_and_no_more(read: list[Place]) -> None:
    found = fence.spans(rows.events(event(n), p, o) for p, o, n in read)
    for partition in range(3):
        offsets = [o for p, o, _ in read if p == partition]
        assert found.get(partition) == ((min(offsets), max(offsets)) if offsets else None)
