from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.broker.errors import Code, RefusedError
from deploy.local.broker.topic_config import LogSettings, checked, log_settings
from deploy.local.broker.topics import Topics
from tests.deploy.broker.building import append, batch, names, open_log


def _open(path: Path) -> Topics:
    return Topics(path, {"retention.bytes": "1000"}, lambda: 1_000)


async def test_topics_survive(tmp_path: Path) -> None:
    topics = _open(tmp_path)
    await topics.create("t", 3, {"cleanup.policy": "compact"})
    append(topics.log("t", 2), batch((b"k", b"v")))
    await topics.add_partitions("t", 5)
    await topics.alter("t", {"segment.bytes": "2048"})
    assert topics.log("t", 4).settings.segment_bytes == 2048
    again = _open(tmp_path)
    (topic,) = again
    assert (topic.name, len(topic.partitions)) == ("t", 5)
    assert topic.overrides == {"segment.bytes": "2048"}
    assert topic.identity == topics.get("t").identity
    assert again.log("t", 2).end_offset == 1
    assert again.settings(topic) == LogSettings(segment_bytes=2048, retention_bytes=1000)


async def test_a_topic_made_again_has_nothing_of_the_old_one(tmp_path: Path) -> None:
    topics = _open(tmp_path)
    await topics.create("t", 1, {})
    old = topics.get("t")
    append(topics.log("t", 0), batch())
    await topics.delete("t")
    assert old.partitions[0].deleted
    assert names(tmp_path) == []
    await topics.create("t", 1, {})
    assert topics.log("t", 0).end_offset == 0
    assert topics.get("t").identity != old.identity


async def test_what_a_crash_left_half_made_or_half_deleted_is_swept_away(tmp_path: Path) -> None:
    open_log(tmp_path / "half.abcd" / "0").close()
    assert list(_open(tmp_path)) == []
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "partitions", "configs", "code"),
    [
        ("", 1, {}, Code.INVALID_TOPIC_EXCEPTION),
        ("..", 1, {}, Code.INVALID_TOPIC_EXCEPTION),
        ("a/b", 1, {}, Code.INVALID_TOPIC_EXCEPTION),
        ("x" * 250, 1, {}, Code.INVALID_TOPIC_EXCEPTION),
        ("there", 1, {}, Code.TOPIC_ALREADY_EXISTS),
        ("t", 0, {}, Code.INVALID_PARTITIONS),
        ("t", 1_000_000, {}, Code.INVALID_PARTITIONS),
        ("t", 1, {"no.such": "1"}, Code.INVALID_CONFIG),
        ("t", 1, {"retention.ms": "soon"}, Code.INVALID_CONFIG),
        ("t", 1, {"cleanup.policy": "shred"}, Code.INVALID_CONFIG),
        ("t", 1, {"compression.type": "zstd"}, Code.INVALID_CONFIG),
        ("t", 1, {"min.cleanable.dirty.ratio": "much"}, Code.INVALID_CONFIG),
    ],
)
async def test_topics_that_are_refused(
    tmp_path: Path, name: str, partitions: int, configs: Mapping[str, str], code: Code
) -> None:
    topics = _open(tmp_path)
    await topics.create("there", 1, {})
    with pytest.raises(RefusedError) as refused:
        await topics.create(name, partitions, configs)
    assert refused.value.code is code
    assert len(list(topics)) == 1


async def test_the_longest_name_fits_the_file_system(tmp_path: Path) -> None:
    await _open(tmp_path).create("x" * 249, 1, {})
    assert _open(tmp_path).find("x" * 249)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    topics = _open(tmp_path)
    assert await topics.create("t", 1, {}, dry=True) is None
    assert names(tmp_path) == []


async def test_a_full_disk_leaves_no_topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = _open(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deploy.local.broker.topics.replace_file", full)
    with pytest.raises(RefusedError) as refused:
        await topics.create("t", 2, {})
    assert refused.value.code is Code.KAFKA_STORAGE_ERROR
    assert names(tmp_path) == []


def test_settings_resolve_topic_then_broker_then_kafka() -> None:
    resolved = log_settings(
        {"retention.ms": "5", "cleanup.policy": "compact,delete"},
        {"retention.ms": "6", "retention.bytes": "7"},
    )
    assert (resolved.retention_ms, resolved.retention_bytes) == (5, 7)
    assert resolved.compact
    assert resolved.delete
    assert log_settings({}, {}) == LogSettings()


def test_an_empty_value_resets_a_setting() -> None:
    assert checked({"retention.ms": None}) == {}
