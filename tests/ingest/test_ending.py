"""Tasks that would go on for ever end, also those that miss their first cancellation."""

import asyncio

import pytest

from ingest.ending import ended, over


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.ending._AGAIN_SECONDS", 0.01)


async def for_ever(missed: int) -> None:
    """Go on through so many cancellations, as a client does that tries to connect again."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not missed:
                raise
            missed -= 1


async def broken() -> None:
    raise LookupError("a defect")


@pytest.mark.parametrize("missed", [0, 1, 2])
async def test_a_task_that_misses_cancellations_ends(missed: int) -> None:
    task = asyncio.create_task(for_ever(missed))
    other = asyncio.create_task(for_ever(0))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await ended(task, None, other)
    assert task.cancelled()
    assert other.cancelled()


async def test_nothing_and_what_is_over_end_at_once() -> None:
    over = asyncio.create_task(asyncio.sleep(0))
    await over
    await ended()
    await ended(None, over)
    await ended(over)


async def test_a_defect_is_told() -> None:
    task, other = asyncio.create_task(broken()), asyncio.create_task(for_ever(0))
    await asyncio.wait({task})
    with pytest.raises(LookupError, match="a defect"):
        await ended(other, task)
    assert other.cancelled()


async def test_what_somebody_else_looks_at_is_not_told_again() -> None:
    task, other = asyncio.create_task(broken()), asyncio.create_task(for_ever(1))
    await asyncio.wait({task, other}, return_when=asyncio.FIRST_COMPLETED)
    await over(task, other)
    assert isinstance(task.exception(), LookupError)
    assert other.cancelled()


async def test_who_waits_for_the_end_can_be_cancelled() -> None:
    task = asyncio.create_task(for_ever(1))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await ended(task)
    await ended(task)
