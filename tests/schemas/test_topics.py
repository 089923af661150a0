import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import MAX_RECORD_BYTES, Topic, Topics, partition_of

TOPICS = Topics("headrace", 12)


def test_names_and_partitions() -> None:
    assert [topic.name for topic in TOPICS.all(["shop", "app"])] == [
        "headrace.sources",
        "headrace.schemas",
        "headrace.profile_overrides",
        "headrace.profiles",
        "headrace.events",
        "headrace.dead",
        "headrace.answers",
        "headrace.ledger",
        "headrace.limits",
        "headrace.raw._heartbeat",
        "headrace.tasks",
        "headrace.task_runs",
        "headrace.task_turns",
        "headrace.webhooks",
        "headrace.raw.shop",
        "headrace.raw.app",
    ]
    assert [topic.partitions for topic in TOPICS.all(["shop"])] == [
        *(1, 1, 1),
        *(12, 12, 12, 12),
        *(1, 1, 12),
        *(1, 1, 12),
        *(1, 12),
    ]


def test_what_is_known_and_state_are_compacted_and_nothing_else() -> None:
    state = TOPICS.sessions("headrace-processors")
    assert (state.name, state.partitions) == ("headrace-processors-sessions-changelog", 12)
    for topic in (*TOPICS.all(["shop"]), state):
        known = {TOPICS.sources, TOPICS.schemas, TOPICS.overrides, TOPICS.profiles}
        known |= {TOPICS.tasks, TOPICS.task_runs, TOPICS.webhooks}
        compacted = topic in known | {state}
        assert topic.configs["cleanup.policy"] == ("compact" if compacted else "delete")
        assert ("retention.ms" in topic.configs) is not compacted
        assert topic.configs["max.message.bytes"] == str(MAX_RECORD_BYTES)


def test_dead_letters_stay_longer_than_what_they_came_from() -> None:
    assert TOPICS.dead.retention_ms > TOPICS.raw("shop").retention_ms


def test_retention_is_written_in_ms() -> None:
    assert Topic("t", 1, retention_ms=5).configs["retention.ms"] == "5"


@given(st.text(), st.integers(1, 64))
def test_a_visitor_has_one_partition(visitor: str, partitions: int) -> None:
    assert 0 <= partition_of(visitor, partitions) < partitions
    assert partition_of(visitor, partitions) == partition_of(visitor, partitions)


@pytest.mark.parametrize(
    ("visitor", "crc"), [("", 0), ("a", 0xE8B7BE43), ("123456789", 0xCBF43926)]
)
def test_the_choice_is_librdkafkas_consistent_one(visitor: str, crc: int) -> None:
    assert partition_of(visitor, 12) == crc % 12


def test_a_lone_surrogate_has_a_partition_too() -> None:
    assert 0 <= partition_of("\ud800", 12) < 12
