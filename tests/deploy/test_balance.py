"""The audit's arithmetic on a pipeline that crashes, repeats and loses."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.reckoning import Findings
from deploy.sheet import Fate, Key
from tests.deploy.losing import EVENTS, TOPICS, World

CRASHES = ("", "", "before the ledger", "before the commit", "of the ledger alone")
HISTORIES = st.lists(
    st.tuples(st.sampled_from(("accept", "accept", "process", "sink")), st.sampled_from(CRASHES)),
    max_size=40,
)
RANDOMS = st.integers(0, 1 << 32).map(Random)


def lived(random: Random, history: list[tuple[str, str]]) -> World:
    world = World(random)
    for what, crash in history:
        match what:
            case "accept":
                world.accept(counted=not crash)
            case "process":
                world.process(crash)
            case _:
                world.sink(crash)
    return world


def named(findings: Findings) -> set[str]:
    return {event_id for each in findings.all() for event_id in each.sample}


def total(fates: dict[Key, Counter[Fate]]) -> Counter[Fate]:
    return sum(fates.values(), Counter[Fate]())


@given(RANDOMS, HISTORIES)
def test_whatever_crashes_and_repeats_nothing_is_said_to_be_missing(
    random: Random, history: list[tuple[str, str]]
) -> None:
    world = lived(random, history)
    fates, findings = world.audit()
    assert (total(fates)["missing"], findings.all()) == (0, [])
    assert total(fates).total() == len(world.sent)
    world.drain()
    fates, findings = world.audit()
    found = total(fates)
    assert (found["missing"], found["in_flight"], findings.all()) == (0, 0, [])
    accepted = Counter((event.source_id, event.minute) for event in world.sent)
    assert {key: each.total() for key, each in fates.items() if each.total()} == accepted
    kinds = Counter(event.kind for event in world.sent)
    assert found["dead"] == kinds["dead"]
    assert found["unsaved"] == kinds["unsaved"]
    assert found["stored"] >= len(world.table)
    assert all(count >= 0 for each in fates.values() for count in each.values())


@given(RANDOMS, HISTORIES, st.sampled_from(("row", "raw", "events")))
def test_any_event_that_is_lost_is_found_and_named(
    random: Random, history: list[tuple[str, str]], way: str
) -> None:
    world = lived(random, history)
    for _ in range(3):
        world.accept()
    if way == "row":
        world.drain()
        if world.table:
            del world.table[random.choice(sorted(world.table))]
    elif way == "raw":
        topic = random.choice(TOPICS)
        world.done[topic] = min(world.done[topic] + 1, len(world.raw[topic]))
    else:
        world.process()
        world.done[EVENTS] = min(world.done[EVENTS] + 1, len(world.events))
    world.memory.clear()
    world.drain()
    fates, findings = world.audit()
    lost = world.lost()
    assert named(findings) == lost if len(lost) <= 3 else named(findings) <= lost
    assert sum(each.events for each in findings.all()) == len(lost)
    assert (total(fates)["missing"] > 0) is bool(lost)
    assert total(fates).total() == len(world.sent)


@pytest.mark.parametrize("way", ["row", "raw", "events"])
def test_a_loss_is_named_by_partition_and_offset(way: str) -> None:
    world = World(Random(5))  # noqa: S311 - any history will do
    for _ in range(6):
        world.accept()
    if way == "raw":
        world.done[TOPICS[0]] = 1
    world.drain()
    if way == "row":
        event_id = min(world.table)
        expected = (EVENTS, {world.table.pop(event_id)}, "rows-missing")
    elif way == "events":
        for event in world.events[1]:
            del world.table[event.event_id]
        world.entries = [e for e in world.entries if (e.tier, e.offset) != ("sink", 1)]
        expected = (EVENTS, {1}, "skipped")
    else:
        expected = (TOPICS[0], {0}, "skipped")
    _, findings = world.audit()
    assert {(each.topic, each.partition, each.why) for each in findings.all()} == {
        (expected[0], 0, expected[2])
    }
    assert set().union(*(each.offsets for each in findings.all())) == expected[1]
