"""A real broker and a real engine around the sink."""

import asyncio

import pytest

from schemas.events import iso
from schemas.topics import Topics
from sinks.batch import Limits
from sinks.clickhouse import ClickHouse
from sinks.verdict import Stopped
from tests.sinks import flow, lines
from tests.sinks.lines import NOVEMBER, event, event_id, packed, poison

DAY = 86_400_000


async def test_every_row_lands_once(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    sent = [event(number) for number in range(3_000)]
    count = await flow.produce(kafka, topics.events.name, flow.records(sent, 100))
    async with flow.sinking(kafka, topics, url) as sink:
        await flow.exactly(clickhouse, range(3_000))
        await flow.all_committed(kafka, topics, count)
        assert sink.metrics.get("headrace_sink_rows_total", table="events") == 3_000
        assert sink.metrics.get("headrace_sink_last_insert_ms", table="events") > 0

        async def caught_up() -> bool:
            return "headrace_sink_lag_records 0" in sink.metrics.text()

        await flow.eventually(caught_up, "lag 0")
    rows = await flow.ask(
        clickhouse,
        "SELECT kafka_partition, kafka_offset, properties.number::UInt32, message_id, valid"
        " FROM @events WHERE event_id = {id:UUID}",
        id=event_id(2_999),
    )
    assert rows == [(2, 9, 2_999, "2999", True)]


async def test_months_may_be_mixed(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """150 months in one insert would be refused for good (error 252)."""
    sent = [event(number, at=NOVEMBER - number * 15 * DAY) for number in range(160)]
    await flow.produce(kafka, topics.events.name, [(0, packed(*sent))])
    async with flow.sinking(kafka, topics, url):
        await flow.exactly(clickhouse, range(160))


async def test_stopping_writes_and_commits_what_was_read(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    await flow.produce(kafka, topics.events.name, [(0, event(1))])
    patient = Limits(age_ms=3_600_000)
    async with flow.sinking(kafka, topics, url, limits=patient) as sink:

        async def buffered() -> bool:
            return sink.metrics.get("headrace_sink_buffered_rows") == 1

        await flow.eventually(buffered, "one row waiting")
        assert await flow.stored(clickhouse) == []
    await flow.exactly(clickhouse, [1])
    assert await flow.committed(kafka, topics) == 1


async def test_a_retry_of_the_client_is_stored_once(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    async with flow.sinking(kafka, topics, url) as sink:
        await flow.produce(kafka, topics.events.name, [(0, packed(event(1), event(1)))])
        await flow.has_stored(clickhouse, 1)
        again = event(1, at=NOVEMBER + 40 * DAY, received_at=iso(NOVEMBER + 40 * DAY))
        await flow.produce(kafka, topics.events.name, [(0, again), (0, event(2))])
        await flow.exactly(clickhouse, [1, 2])

        async def both_counted() -> bool:
            name = "headrace_sink_duplicates_total"
            return sink.metrics.get(name, table="events", source="shop") == 2

        await flow.eventually(both_counted, "two repeats counted")


@pytest.mark.parametrize("place", [0, 250, 499], ids=["first", "middle", "last"])
async def test_poison_becomes_a_dead_letter(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse, place: int
) -> None:
    sent = [event(number) for number in range(500)]
    sent[place] = poison(place)
    await flow.produce(kafka, topics.events.name, [(1, packed(*sent))])
    async with flow.sinking(kafka, topics, url) as sink:
        await flow.exactly(clickhouse, set(range(500)) - {place})
        await flow.has_stored(clickhouse, 1, "dead_letters")
        assert (
            sink.metrics.get("headrace_sink_dead_total", table="events", code="incorrect-data") == 1
        )
    letters = await flow.ask(
        clickhouse,
        "SELECT stage, code, source_id, event_id, topic, partition, offset, original,"
        " position(reason, 'Cannot parse JSON object') > 0 FROM @dead_letters",
    )
    original = poison(place).decode()
    expected = ("sink", "incorrect-data", "shop", event_id(place), topics.events.name, 1, 0)
    assert letters == [(*expected, original, 1)]


async def test_unreadable_lines_and_empty_records_do_not_stop_the_rest(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    noise = b'{"no":"event"}\n\xff\xfe\nnull\n'
    await flow.produce(kafka, topics.events.name, [(0, b""), (0, noise + event(1)), (0, b"\n")])
    async with flow.sinking(kafka, topics, url):
        await flow.exactly(clickhouse, [1])
        await flow.has_stored(clickhouse, 3, "dead_letters")
        await flow.all_committed(kafka, topics, 3)
    letters = await flow.ask(
        clickhouse, "SELECT code, base64Encode(original_bytes) FROM @dead_letters ORDER BY 1, 2"
    )
    assert letters == [
        ("json-invalid", "//4="),
        ("line-invalid", "bnVsbA=="),
        ("line-invalid", "eyJubyI6ImV2ZW50In0="),
    ]


async def test_dead_letters_keep_every_byte(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    originals = [bytes(range(256)), "ünï\x00cödé \u2028\n".encode(), b'{"a":"\\ud800"}', b""]
    letters = [lines.dead_line(n, original=original) for n, original in enumerate(originals)]
    await flow.produce(kafka, topics.dead.name, [(0, packed(*letters))])
    async with flow.sinking(kafka, topics, url):
        await flow.has_stored(clickhouse, len(originals), "dead_letters")
    found = await flow.ask(
        clickhouse, "SELECT hex(original_bytes) FROM @dead_letters ORDER BY offset"
    )
    assert [bytes.fromhex(row[0]) for row in found] == originals


async def test_what_is_no_dead_letter_does_not_loop(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    refused = lines.dead_line(1).replace(b"2026-11-20T", b"2026-99-99T")
    await flow.produce(kafka, topics.dead.name, [(0, packed(b"junk", refused))])
    async with flow.sinking(kafka, topics, url):
        await flow.has_stored(clickhouse, 2, "dead_letters")
    found = await flow.ask(
        clickhouse,
        "SELECT stage, topic, base64Decode(original), original_encoding"
        " FROM @dead_letters ORDER BY length(original)",
    )
    mine = ("sink", topics.dead.name)
    assert found == [(*mine, "junk", "base64"), (*mine, refused.decode(), "base64")]


async def test_a_missing_column_stops_the_sink_and_blames_no_row(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    await flow.produce(kafka, topics.events.name, [(0, event(1, colour="red"))])
    with pytest.raises(Stopped, match="headrace init"):
        async with flow.sinking(kafka, topics, url) as sink:
            await sink.task
    assert await flow.stored(clickhouse, "dead_letters") == []
    assert await flow.committed(kafka, topics) == 0


async def test_two_sinks_share_the_partitions(
    kafka: str, topics: Topics, url: str, clickhouse: ClickHouse
) -> None:
    """A rebalance in the middle of batches, in and out."""
    numbers = iter(range(10**6))
    sent: list[int] = []

    async def keep_sending(stop: asyncio.Event) -> None:
        while not stop.is_set():
            fresh = [next(numbers) for _ in range(60)]
            await flow.produce(
                kafka, topics.events.name, flow.records([event(n) for n in fresh], 20)
            )
            sent.extend(fresh)

    stop = asyncio.Event()
    async with flow.sinking(kafka, topics, url) as first:
        sending = asyncio.create_task(keep_sending(stop))
        await flow.has_stored(clickhouse, 100)
        async with flow.sinking(kafka, topics, url) as second:

            async def both_write() -> bool:
                name = "headrace_sink_rows_total"
                return bool(second.metrics.get(name, table="events"))

            await flow.eventually(both_write, "the second sink writes")
        before = len(sent)

        async def goes_on() -> bool:
            return len(await flow.stored(clickhouse)) > before + 100

        await flow.eventually(goes_on, "the first sink has all partitions again")
        stop.set()
        await sending
        await flow.exactly(clickhouse, sent)
        assert not first.task.done()
