import asyncio
import json
import logging
from pathlib import Path

import pytest

from processors.app import run
from processors.parts import LINES
from processors.subscribe import TopicsUnfit
from schemas.events import iso
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.topics import Topic, Topics, partition_of
from tests.processors.conftest import Running
from tests.processors.world import (
    IDS,
    MINUTE,
    NOW,
    PARTITIONS,
    Feed,
    Reader,
    Tracker,
    declare,
    eventually,
    line,
    worker,
)

VISITORS = [f"visitor {number}" for number in range(20)]


async def test_every_event_comes_out_once_in_its_own_partition(
    running: Running, tracker: Tracker, reader: Reader, metrics: Metrics
) -> None:
    sent = 0
    async with running():
        for record in range(100):
            visitor = VISITORS[record % len(VISITORS)]
            size = record % 7
            await tracker.send(
                visitor, *(line(visitor, number=sent + step) for step in range(size))
            )
            sent += size
        await reader.until(lambda: len(reader.events) >= sent)
    assert sorted(reader.numbers()) == list(range(sent))
    assert reader.dead == []
    for event in reader.events:
        visitor = VISITORS[partition_index(event)]
        assert reader.partitions[event["event_id"]] == partition_of(visitor, PARTITIONS)
    assert metrics.get("headrace_process_events_total") == sent
    assert metrics.get("headrace_process_records_total") == 100


def partition_index(event: dict[str, object]) -> int:
    """Find the visitor of an event by its session, which is derived from the visitor."""
    sessions = [IDS.issue("session", "shop", visitor, str(NOW)) for visitor in VISITORS]
    return sessions.index(str(event["session_id"]))


async def test_a_record_of_many_parts_comes_out_once_in_its_order(
    running: Running, tracker: Tracker, reader: Reader, metrics: Metrics
) -> None:
    lines = [line("v", number=number) for number in range(5 * LINES // 2)]
    async with running():
        await tracker.send("v", *lines[:LINES], b"garbage", *lines[LINES:])
        await tracker.send("v", line("v", number=len(lines)))
        await reader.until(lambda: len(reader.events) > len(lines))
    assert reader.numbers() == list(range(len(lines) + 1))
    assert len(reader.dead) == 1
    assert "headrace_process_records_total 2\n" in metrics.text()


async def test_poison_goes_to_the_dead_letters_with_its_bytes(
    running: Running, tracker: Tracker, reader: Reader, metrics: Metrics
) -> None:
    buggy = line("v", number=2, bug="a step fails")
    async with running():
        partition, offset = await tracker.send(
            "v", b"garbage", line("v", number=1), buggy, line("v", number=3)
        )
        await reader.until(lambda: len(reader.dead) >= 2 and len(reader.events) >= 2)
    assert reader.numbers() == [1, 3]
    garbage, bug = reader.dead
    where = {
        "topic": f"{tracker.prefix}.raw.shop",
        "partition": partition,
        "offset": offset,
        "failed_at": iso(NOW),
    }
    assert garbage | where == garbage
    assert (garbage["code"], garbage["original"]) == ("json-invalid", "garbage")
    assert bug | where == bug
    assert (bug["code"], bug["reason"]) == ("process-bug", "LookupError: a step fails")
    assert json.loads(bug["original"]) == json.loads(buggy)
    assert metrics.get("headrace_process_dead_total", code="process-bug") == 1


async def test_a_source_made_while_running_is_consumed_within_five_seconds(
    kafka: str, topics: Topics, running: Running, tracker: Tracker, reader: Reader, feed: Feed
) -> None:
    async with running():
        await tracker.send("v", line("v", number=1))
        await reader.until(lambda: len(reader.events) == 1)
        await declare(kafka, [topics.raw("late")])
        await feed.put(Source("late"))
        await tracker.send("v", line("v", number=2, source_id="late"), source="late")
        await reader.until(lambda: len(reader.events) >= 2, seconds=5)
        await tracker.send("v", line("v", number=3))
        await reader.until(lambda: len(reader.events) >= 3)
    assert reader.numbers() == [1, 2, 3]
    assert [event["source_id"] for event in reader.events] == ["shop", "late", "shop"]


async def test_a_session_goes_on_across_a_restart(
    running: Running, tracker: Tracker, reader: Reader
) -> None:
    async with running():
        await tracker.send("v", line("v", number=1, time=NOW))
        await reader.until(lambda: len(reader.events) == 1)
    async with running():
        await tracker.send(
            "v",
            line("v", number=2, time=NOW + 29 * MINUTE),
            line("v", number=3, time=NOW + 90 * MINUTE),
        )
        await reader.until(lambda: len(reader.events) >= 3)
    first, same, other = reader.sessions(1, 2, 3)
    assert first == same == IDS.issue("session", "shop", "v", str(NOW))
    assert other == IDS.issue("session", "shop", "v", str(NOW + 90 * MINUTE))


async def test_sessions_go_on_across_rebalances(
    running: Running, tracker: Tracker, reader: Reader
) -> None:
    """A second worker takes over some partitions, and gives them back."""

    async def visit(minute: int) -> None:
        sent = {minute * 100 + number for number in range(len(VISITORS))}
        for number, visitor in enumerate(VISITORS):
            event = line(visitor, number=minute * 100 + number, time=NOW + minute * MINUTE)
            await tracker.send(visitor, event)
        await reader.until(lambda: sent <= set(reader.numbers()))

    async with running() as first:
        await visit(0)
        async with running(6067) as second:
            await eventually(
                lambda: not first.rebalancing and not second.rebalancing, "the rebalance ended"
            )
            assert {tp.partition for tp in first.consumer.assignment()} | {
                tp.partition for tp in second.consumer.assignment()
            } == set(range(PARTITIONS))
            await visit(25)
        await eventually(
            lambda: {tp.partition for tp in first.consumer.assignment()} == set(range(PARTITIONS)),
            "all back",
        )
        await visit(50)
    for number in range(len(VISITORS)):
        assert len(set(reader.sessions(number, 2500 + number, 5000 + number))) == 1


@pytest.mark.parametrize("wrong", ["missing", "narrow"])
async def test_topics_written_to_must_fit(
    kafka: str, topics: Topics, feed: Feed, wrong: str, tmp_path: Path
) -> None:
    unfit = Topics(f"{topics.prefix}u", PARTITIONS)
    if wrong == "narrow":
        await declare(kafka, [Topic(unfit.events.name, 1), Topic(unfit.dead.name, 1)])
    app = worker(kafka, unfit, feed, tmp_path, Metrics())
    with pytest.raises(TopicsUnfit) as caught:
        await run(app, stop=asyncio.Event(), ready=lambda: None)
    assert unfit.events.name in caught.value.message
    assert unfit.dead.name in caught.value.message


async def test_an_unfit_raw_topic_is_told_once_and_harms_nobody(
    kafka: str,
    topics: Topics,
    running: Running,
    tracker: Tracker,
    reader: Reader,
    feed: Feed,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await declare(kafka, [Topic(topics.raw("narrow").name, 1)])
    await feed.put(Source("narrow"))
    await feed.put(Source("missing"))

    def told() -> list[str]:
        return [
            entry.getMessage() for entry in caplog.records if entry.name == "processors.subscribe"
        ]

    with caplog.at_level(logging.ERROR, "processors.subscribe"):
        async with running():
            await tracker.send("v", line("v", number=1))
            await reader.until(lambda: len(reader.events) == 1)
            await eventually(lambda: len(told()) >= 2, "both are told")
            await declare(kafka, [topics.raw("missing")])
            await tracker.send("v", line("v", number=2, source_id="missing"), source="missing")
            await reader.until(lambda: len(reader.events) == 2)
    assert len(set(told())) == len(told()) == 2
    assert all("events of a source are not processed" in message for message in told())


async def test_the_changelog_is_made_when_nobody_made_it(
    kafka: str, feed: Feed, topics: Topics, tmp_path: Path
) -> None:
    fresh = Topics(f"{topics.prefix}c", PARTITIONS)
    await declare(kafka, fresh.all(["shop"]))
    app = worker(kafka, fresh, feed, tmp_path, Metrics())
    stop = asyncio.Event()
    await run(app, stop=stop, ready=stop.set)
    async with Tracker(kafka, fresh) as tracker:
        assert await tracker.partitions(fresh.sessions(f"{fresh.prefix}-processors").name) == 4


async def test_what_faust_is_about_to_subscribe_to_needs_no_second_rebalance(
    kafka: str, topics: Topics, metrics: Metrics, tmp_path: Path
) -> None:
    app = worker(kafka, topics, Feed(), tmp_path, metrics)
    conductor = app.conductor
    changed = conductor._subscription_changed = asyncio.Event()
    shop = topics.raw("shop").name
    async with conductor._tp_to_callback_lock:
        assert not app.reads([shop])
        assert not changed.is_set(), "the index is only being written"
    conductor._topic_name_index[shop] = set()
    assert app.reads([shop])
    assert not changed.is_set()
    assert not app.reads([shop, topics.raw("late").name])
    assert changed.is_set(), "Faust forgot a topic, so it has to subscribe anew"
