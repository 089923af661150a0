from processors.subscribe import unfit, wanted_topics
from schemas.topics import Topics

TOPICS = Topics("x", 4)


def test_fit_topics_have_no_faults() -> None:
    there = {topic.name: topic.partitions for topic in TOPICS.fixed()}
    assert unfit(TOPICS.fixed(), there | {"y": 9}) == {}


def test_a_missing_topic_is_told_with_its_remedy() -> None:
    assert unfit([TOPICS.events], {}) == {
        "x.events": "topic x.events is missing: run `headrace init`"
    }


def test_a_wrong_count_is_told_with_both_counts() -> None:
    assert unfit([TOPICS.raw("shop")], {"x.raw.shop": 1}) == {
        "x.raw.shop": "topic x.raw.shop has 1 partitions, not 4: set HEADRACE_PARTITIONS=1 for "
        "every tier if all topics have that many, else create it anew"
    }


def test_what_a_deleted_source_left_behind_is_read_too() -> None:
    found = ["x.raw.gone", "x.raw.shop", "x.events", "xx.raw.other"]
    wanted = wanted_topics(TOPICS, ["shop", "new"], found)
    assert [topic.name for topic in wanted] == ["x.raw.gone", "x.raw.new", "x.raw.shop"]
