import base64

import pytest

from schemas import codec
from schemas.topics import PACK_BYTES
from sinks import bury
from sinks.rows import Poison
from tests.sinks.lines import NOVEMBER, event, event_id


def item(number: int, *, partition: int = 0, line: bytes = b"{") -> Poison:
    return Poison("json-invalid", "no", partition, 17, line, event_id(number), "shop")


def test_a_letter_says_what_failed_where_and_why() -> None:
    letter = bury.letter(item(1, line=event(1)), "t.events", NOVEMBER)
    assert (letter.stage, letter.code, letter.reason) == ("sink", "json-invalid", "no")
    assert (letter.topic, letter.partition, letter.offset) == ("t.events", 0, 17)
    assert (letter.event_id, letter.source_id) == (event_id(1), "shop")
    assert (letter.original, letter.failed_at) == (event(1), NOVEMBER)


def test_letters_are_packed_by_partition_and_bounded() -> None:
    big = b"x" * (PACK_BYTES // 3)
    items = [item(number, partition=number % 2, line=big) for number in range(10)]
    packs = list(bury.records(bury.letter(item, "t.events", NOVEMBER) for item in items))
    found = [
        (partition, codec.loads(line)["event_id"])
        for partition, value in packs
        for line in codec.split_lines(value)
    ]
    assert sorted(found) == sorted((number % 2, event_id(number)) for number in range(10))
    assert len(packs) > 2
    assert all(len(value) <= PACK_BYTES for _, value in packs)


def test_one_letter_larger_than_a_pack_goes_alone() -> None:
    items = [item(1), item(2, line=b"x" * PACK_BYTES), item(3)]
    packs = list(bury.records(bury.letter(item, "t.events", NOVEMBER) for item in items))
    assert [len(codec.split_lines(value)) for _, value in packs] == [1, 1, 1]


def test_a_refused_letter_is_quoted_whole() -> None:
    line = codec.loads(bury.in_base64(bury.letter(item(1, line=b"plain"), "t.dead", NOVEMBER)))
    assert (line["original"], line["original_encoding"]) == ("cGxhaW4=", "base64")


async def test_the_last_place_is_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await bury.in_log([item(1, line=b"\x00\xff")])
    assert caplog.records[0].getMessage() == (
        "no table takes this letter (json-invalid, no): " + base64.b64encode(b"\x00\xff").decode()
    )
