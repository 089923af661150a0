import asyncio

import pytest

from deploy.local.broker.errors import RefusedError
from deploy.local.broker.maintenance import maintain, maintain_until
from deploy.local.broker.offsets import Committed
from deploy.local.broker.segment import SUMMARY
from deploy.local.broker.server import Broker
from tests.deploy.broker.building import append, batch, names, until


async def test_one_round_expires_compacts_and_summarises(broker: Broker) -> None:
    topics = broker.state.topics
    await topics.create("old", 1, {"retention.ms": "1000"})
    await topics.create("table", 1, {"cleanup.policy": "compact", "segment.bytes": "1024"})
    await topics.create("plain", 1, {"retention.ms": "-1"})
    append(topics.log("old", 0), batch((b"k", b"v"), timestamps=[1]))
    for number in range(100):
        append(topics.log("table", 0), batch((b"k%d" % (number % 3), b"v")))
    append(topics.log("plain", 0), batch())
    topics.log("plain", 0).roll()
    size = topics.log("table", 0).size
    await maintain(broker.state)
    assert topics.log("old", 0).start_offset == 1
    assert topics.log("table", 0).size < size / 2
    assert len(names(topics.log("plain", 0).directory, f"*{SUMMARY}")) == 1
    metrics = broker.metrics()
    assert (metrics["segments_expired"], metrics["compactions"]) == (1, 1)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("a bug")])
async def test_a_failing_log_does_not_stop_the_others(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    topics = broker.state.topics
    for name in ("a", "b"):
        await topics.create(name, 1, {"retention.ms": "1000"})
        append(topics.log(name, 0), batch((b"k", b"v"), timestamps=[1]))
    broken = topics.log("a", 0)

    def fail() -> None:
        raise error

    monkeypatch.setattr(broken, "roll", fail)
    await maintain(broker.state)
    assert topics.log("b", 0).start_offset == 1
    assert broker.metrics()["maintenance_failures"] == 1


async def test_offsets_of_a_group_nobody_uses_expire(broker: Broker) -> None:
    state = broker.state
    old = Committed(1, 0, "", committed_ms=1, topic_identity="x")
    young = Committed(1, 0, "", committed_ms=state.now_ms(), topic_identity="x")
    for name, committed in (("gone", old), ("used", young)):
        state.groups.ensure(name).emptied_ms = 1
        state.offsets.commit(name, {("t", 0): committed})
    await maintain(state)
    assert list(state.offsets.groups()) == ["used"]
    with pytest.raises(RefusedError):
        state.groups.remove("gone")


async def test_rounds_go_on_until_the_end(broker: Broker) -> None:
    object.__setattr__(broker.config, "maintenance_seconds", 0.001)
    await broker.state.topics.create("old", 1, {"retention.ms": "1000"})
    log = broker.state.topics.log("old", 0)
    append(log, batch((b"k", b"v"), timestamps=[1]))
    stopping = asyncio.Event()
    running = asyncio.create_task(maintain_until(broker.state, stopping))
    await until(lambda: log.start_offset == 1)
    append(log, batch((b"k", b"v"), timestamps=[1]))
    await until(lambda: log.start_offset == 2)
    stopping.set()
    await asyncio.wait_for(running, 5)
