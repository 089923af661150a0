"""Dead letters in ClickHouse: chosen, shown, handed out in order, noted."""

import json
from typing import Any

import pytest

from schemas import dead
from schemas.metrics import Metrics
from sinks import letters, rows
from sinks.batch import Batch
from sinks.clickhouse import ClickHouse
from sinks.letters import Kept, Letters, Wanted
from sinks.rows import Poison
from sinks.tables import DEAD_LETTERS
from sinks.write import Writer
from tests.sinks import flow
from tests.sinks.lines import NOVEMBER, event_id, letter

MINUTE = 60_000


async def bury(clickhouse: ClickHouse, *made: dead.DeadLetter) -> None:
    async def refuse(poison: Any) -> None:
        found: list[Poison] = list(poison)
        assert not found

    metrics = Metrics()
    writer = Writer(clickhouse, DEAD_LETTERS, refuse, metrics, flow.clock, chance=lambda: 0.0)
    lines = [rows.letters(dead.write(each), 0, 7) for each in made]
    await writer.write(Batch(lines, offsets={0: 8}))


async def taken(kept: Letters, wanted: Wanted, *, again: bool = False) -> list[Kept]:
    parts = kept.parts(wanted, await kept.now(), again=again)
    return [each async for part in parts for each in part]


LETTERS = (
    letter(3, offset=3, original=b'{"a":1}'),
    letter(1, offset=1, failed_at=NOVEMBER + MINUTE, original=b"\xff\xfe"),
    letter(2, offset=2, code="schema-frozen", source_id="other", topic="t.raw.other"),
    letter(4, stage="sink", topic="t.events", failed_at=NOVEMBER + 2 * MINUTE),
)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), [4, 2, 1, 3]),
        (Wanted(code="schema-frozen"), [2]),
        (Wanted(source_id="shop"), [4, 1, 3]),
        (Wanted(source_id="shop", stage="process"), [1, 3]),
        (Wanted(since=NOVEMBER + MINUTE), [4, 1]),
        (Wanted(until=NOVEMBER + MINUTE), [2, 3]),
        (Wanted(since=NOVEMBER + MINUTE, until=NOVEMBER + 2 * MINUTE), [1]),
        (Wanted(code="it's {nobody:String}"), []),
    ],
    ids=str,
)
async def test_letters_are_chosen(
    clickhouse: ClickHouse, wanted: Wanted, numbers: list[int]
) -> None:
    await bury(clickhouse, *LETTERS)
    kept = Letters(clickhouse)
    found = await taken(kept, wanted)
    assert [each.event_id for each in found] == [event_id(number) for number in numbers]
    groups = await kept.groups(wanted, await kept.now())
    assert sum(group.letters for group in groups) == len(numbers)
    sql, parameters = letters.listing(clickhouse.database, wanted, 10)
    listed = {str(row[5]): row for row in await clickhouse.query(sql, parameters)}
    assert set(listed) == {event_id(number) for number in numbers}
    named = Wanted(ids=tuple(each.letter_id for each in found))
    if numbers:
        assert await taken(kept, named) == found


async def test_letters_keep_their_bytes_and_are_handed_out_by_place(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "PAGE", 3)
    monkeypatch.setattr(letters, "PART_LETTERS", 2)
    many = [letter(n, offset=n // 4, partition=n % 3, original=b"\xff%d" % n) for n in range(25)]
    await bury(clickhouse, *many)
    kept = Letters(clickhouse)
    parts = [part async for part in kept.parts(Wanted(), await kept.now(), again=False)]
    assert max(map(len, parts)) == 2
    found = [each for part in parts for each in part]
    places = [(each.topic, each.partition, each.offset) for each in found]
    assert places == sorted(places)
    assert sorted(each.original for each in found) == sorted(each.original for each in many)


async def test_a_letter_noted_is_left_out_the_next_time(clickhouse: ClickHouse) -> None:
    await bury(clickhouse, *LETTERS)
    kept = Letters(clickhouse)
    first = (await taken(kept, Wanted()))[0]
    await kept.note([(first, 41)])
    assert first not in await taken(kept, Wanted())
    assert first in await taken(kept, Wanted(), again=True)
    assert sum(group.replayed for group in await kept.groups(Wanted(), await kept.now())) == 1
    await kept.note([(first, 42)])
    assert len(await taken(kept, Wanted())) == 3
    sql, parameters = letters.listing(clickhouse.database, Wanted(), 10)
    replayed = [row[7] for row in await clickhouse.query(sql, parameters)]
    assert sorted(map(bool, replayed)) == [False, False, False, True]
    shown = await kept.show(first.letter_id)
    assert shown is not None
    assert shown["replayed_at"] is not None


async def test_a_letter_is_shown_whole(clickhouse: ClickHouse) -> None:
    await bury(clickhouse, *LETTERS)
    kept = Letters(clickhouse)
    (first,) = await taken(kept, Wanted(source_id="other"))
    shown = await kept.show(first.letter_id)
    assert shown is not None
    assert shown.pop("stored_at") > "2026"
    assert json.loads(json.dumps(shown)) == {
        "letter_id": first.letter_id,
        "stage": "process",
        "code": "schema-frozen",
        "reason": "not JSON",
        "source_id": "other",
        "event_id": event_id(2),
        "topic": "t.raw.other",
        "partition": 0,
        "offset": 2,
        "failed_at": "2026-11-20 18:00:00.000",
        "original": "{}",
        "original_encoding": "utf8",
        "replayed_at": None,
    }
    assert await kept.show(event_id(9)) is None


async def test_what_is_stored_later_is_left_for_another_time(clickhouse: ClickHouse) -> None:
    await bury(clickhouse, LETTERS[0])
    kept = Letters(clickhouse)
    before = await kept.now()

    async def passed() -> bool:
        return await kept.now() > before

    await flow.eventually(passed, "ClickHouse's clock goes on")
    await bury(clickhouse, LETTERS[1])
    parts = [part async for part in kept.parts(Wanted(), before, again=False)]
    assert [len(part) for part in parts] == [1]
