import asyncio
from dataclasses import dataclass
from typing import Any, cast

from mode.utils.queues import FlowControlEvent

from processors.agents import BUFFER_BYTES, BUFFER_RECORDS, Buffer


@dataclass
class Arrived:
    value: bytes | None


def buffer() -> Buffer:
    return Buffer(FlowControlEvent(initially_suspended=False))


def fill(queue: Buffer, value: bytes | None) -> None:
    def never() -> None:
        raise AssertionError("Faust must not pause a partition")

    paused = queue.put_nowait_enhanced(
        cast("Any", Arrived(value)), on_pressure_high=never, on_pressure_drop=never
    )
    assert paused is False


async def test_it_is_full_by_bytes() -> None:
    queue = buffer()
    fill(queue, b"x" * (BUFFER_BYTES - 1))
    assert not queue.full()
    fill(queue, b"y")
    assert queue.full()
    queue.get_nowait()
    assert not queue.full()


async def test_it_is_full_by_number() -> None:
    queue = buffer()
    for _ in range(BUFFER_RECORDS):
        fill(queue, None)
    assert queue.full()


async def test_a_fetcher_waits_for_room() -> None:
    queue = buffer()
    fill(queue, b"x" * BUFFER_BYTES)
    waiting = asyncio.create_task(queue.put(cast("Any", Arrived(b"z"))))
    await asyncio.sleep(0)
    assert not waiting.done()
    await queue.get()
    await asyncio.wait_for(waiting, 5)
    assert (await queue.get()).value == b"z"


async def test_what_waits_when_a_rebalance_begins_is_dropped() -> None:
    flow = FlowControlEvent(initially_suspended=False)
    queue = Buffer(flow)
    fill(queue, b"x" * BUFFER_BYTES)
    flow.suspend()
    flow.clear()
    assert queue.empty()
    assert not queue.full()


async def test_what_arrived_stays_when_the_flow_is_resumed_once_more() -> None:
    """Faust resumes twice after a rebalance, and clears its queues each time."""
    flow = FlowControlEvent()
    queue = Buffer(flow)
    flow.resume()
    fill(queue, b"first record after the rebalance")
    flow.resume()
    assert queue.qsize() == 1
