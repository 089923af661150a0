"""Frames come back as they were written, or are told from what was not written whole."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.spool.frames import DRAINED, Contents, Lane, encode, sound_frames

LANES = st.tuples(st.text(max_size=20), st.integers(0, 2**32 - 1))
RECORDS = st.lists(st.tuples(LANES, st.binary(max_size=60), st.integers(0, 2**63)), max_size=6)


def written(records: list[tuple[Lane, bytes, int]]) -> bytes:
    return b"".join(encode(lane, value, at) for lane, value, at in records)


def read(data: bytes) -> list[tuple[Lane, bytes, int]]:
    return [(f.lane, data[f.value_at : f.end], f.at) for f in sound_frames(data)]


@given(RECORDS)
def test_what_was_written_is_read(records: list[tuple[Lane, bytes, int]]) -> None:
    assert read(written(records)) == records


@given(RECORDS, st.data())
def test_of_a_torn_file_the_whole_frames_are_read(
    records: list[tuple[Lane, bytes, int]], data: st.DataObject
) -> None:
    whole = written(records)
    cut = data.draw(st.integers(0, len(whole)))
    tail = data.draw(st.sampled_from([b"", bytes(40), b"\xff" * 40]))
    left = whole[:cut] + tail
    ends = [len(written(records[: n + 1])) for n in range(len(records))]
    # what follows the tear may be the very bytes that were torn off
    assert read(left) == records[: sum(left[:end] == whole[:end] for end in ends)]


@given(RECORDS.filter(bool), st.data())
def test_no_flipped_bit_makes_another_record(
    records: list[tuple[Lane, bytes, int]], data: st.DataObject
) -> None:
    damaged = bytearray(written(records))
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    found = read(bytes(damaged))
    assert found == records[: len(found)]


def test_a_frame_is_drained_by_its_first_byte() -> None:
    data = bytearray(encode(("t", 1), b"a", 5) + encode(("t", 2), b"b", 6))
    first, second = sound_frames(bytes(data))
    data[first.start : first.start + 1] = DRAINED
    assert [frame.waiting for frame in sound_frames(bytes(data))] == [False, True]
    assert second.start == first.end == first.size


def test_contents_forget_a_lane_with_its_last_frame() -> None:
    contents = Contents()
    for frame in sound_frames(encode(("t", 1), b"a", 5) + encode(("t", 1), b"b", 4)):
        contents.note(frame)
    other = Contents()
    other.merge(contents)
    assert other == contents
    ((lane, (frames, size)),) = other.lanes.items()
    assert (lane, frames, other.oldest) == (("t", 1), 2, 4)
    other.add(lane, -2, -size)
    assert other == Contents()
