import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.outbox import Outbox
from processors.pack import Items, Names, chunks
from processors.shelves import MemoryShelf
from schemas.codec import join_lines
from schemas.topics import PACK_BYTES
from tests.processors.world import eventually

TOPICS = Names("events", "dead", "changelog", "overrides", "profiles", "answers")


class Broker:
    """Takes batches; answers them when and how a test wants."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, Items]] = []
        self.answers: list[asyncio.Future[int]] = []
        self.refuse: BaseException | None = None
        self.hold = False

    async def send(self, topic: str, partition: int, items: Items) -> Awaitable[int]:
        if self.refuse is not None:
            raise self.refuse
        self.taken.append((topic, partition, items))
        answer = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        if not self.hold:
            answer.set_result(0)
        return answer

    def values(self, topic: str) -> list[bytes | None]:
        return [value for name, _, items in self.taken if name == topic for _, value in items]


class Desk:
    """An outbox, and what it called."""

    def __init__(self, *, room: int = 1 << 20, linger: float = 0.001) -> None:
        self.broker = Broker()
        self.state = MemoryShelf()
        self.done: list[int] = []
        self.broken: list[BaseException] = []
        self.outbox = Outbox(
            self.broker.send,
            topics=TOPICS,
            states=lambda _: self.state,
            temporary=lambda error: isinstance(error, TimeoutError),
            broken=self._break,
            linger=linger,
            room=room,
        )

    async def _break(self, error: BaseException) -> None:
        self.broken.append(error)

    def put(self, number: int, partition: int = 0, **output: Any) -> None:
        self.outbox.put(partition, **output, done=partial(self.done.append, number))

    async def finished(self, *numbers: int) -> None:
        await eventually(lambda: sorted(self.done) == sorted(numbers), f"done is {self.done}", 5)


async def test_small_records_share_one_output_record() -> None:
    desk = Desk()
    desk.put(1, lines=[b"a", b"b"], dead=[b"x"], keys=[b"k"])
    desk.put(2, lines=[b"c"], keys=[b"k"])
    desk.put(3, partition=1, lines=[b"d"])
    desk.state[b"k"] = b"as it is when it is written"
    await desk.finished(1, 2, 3)
    assert sorted(desk.broker.taken) == [
        ("changelog", 0, [(b"k", b"as it is when it is written")]),
        ("dead", 0, [(None, b"x")]),
        ("events", 0, [(None, b"a\nb\nc")]),
        ("events", 1, [(None, b"d")]),
    ]


async def test_merges_go_to_their_one_partition() -> None:
    desk = Desk()
    desk.put(1, partition=3, merges={b"a>b": b"1"})
    desk.put(2, partition=3, merges={b"a>b": b"2"})
    await desk.finished(1, 2)
    assert desk.broker.taken == [("overrides", 0, [(b"a>b", b"2")])]


async def test_changes_go_to_the_partitions_of_their_profiles() -> None:
    desk = Desk()
    desk.put(1, partition=3, changes={b"e1": (0, b"1"), b"e2": (2, b"2")})
    desk.put(2, partition=3, changes={b"e3": (0, b"3"), b"e1": (0, b"1")})
    await desk.finished(1, 2)
    assert desk.broker.taken == [
        ("profiles", 0, [(b"e1", b"1"), (b"e3", b"3")]),
        ("profiles", 2, [(b"e2", b"2")]),
    ]


async def test_an_answer_is_given_when_what_it_tells_is_safe() -> None:
    desk = Desk()
    desk.broker.hold = True
    desk.put(1, lines=[b"a"], keys=[b"k"], answers=[(2, b"x"), (0, b"y"), (2, b"z")])
    await eventually(lambda: len(desk.broker.answers) == 2, "events and states sent", 5)
    assert desk.broker.values("answers") == []
    desk.broker.hold = False
    for answer in desk.broker.answers:
        answer.set_result(0)
    await desk.finished(1)
    assert sorted(desk.broker.taken[2:]) == [
        ("answers", 0, [(None, b"y")]),
        ("answers", 2, [(None, b"x\nz")]),
    ]


async def test_a_forgotten_visitor_becomes_a_tombstone() -> None:
    desk = Desk()
    desk.put(1, keys=[b"gone"])
    await desk.finished(1)
    assert desk.broker.taken == [("changelog", 0, [(b"gone", None)])]


async def test_a_record_without_output_is_done_in_its_turn() -> None:
    desk = Desk()
    desk.put(1)
    await desk.finished(1)
    assert desk.broker.taken == []


async def test_nothing_is_done_before_the_broker_has_it() -> None:
    desk = Desk()
    desk.broker.hold = True
    desk.put(1, lines=[b"a"], dead=[b"x"])
    await eventually(lambda: len(desk.broker.answers) == 2, "both parts sent", 5)
    desk.broker.answers[0].set_result(0)
    await asyncio.sleep(0)
    assert desk.done == []
    desk.broker.answers[1].set_result(0)
    await desk.finished(1)


@given(st.permutations(range(6)))
async def test_done_comes_in_the_order_of_the_records(order: list[int]) -> None:
    desk = Desk(linger=0)
    desk.broker.hold = True
    for number in range(6):
        desk.put(number, lines=[b"%d" % number])
        await eventually(lambda: len(desk.broker.answers) > number, "sent", 5)  # noqa: B023
    for number in order:
        desk.broker.answers[number].set_result(0)
        await asyncio.sleep(0)
    await desk.finished(*range(6))
    assert desk.done == list(range(6))


async def test_one_partition_does_not_wait_for_another() -> None:
    desk = Desk()
    desk.broker.hold = True
    desk.put(1, partition=0, lines=[b"a"])
    desk.put(2, partition=1, lines=[b"b"])
    await eventually(lambda: len(desk.broker.answers) == 2, "both sent", 5)
    desk.broker.answers[1].set_result(0)
    await desk.finished(2)


@pytest.mark.parametrize("late", [False, True])
async def test_an_outage_is_waited_for_and_nothing_dropped(late: bool) -> None:
    desk = Desk()
    if late:
        desk.broker.hold = True
    else:
        desk.broker.refuse = TimeoutError("away")
    desk.put(1, lines=[b"a"], keys=[b"k"])
    if late:
        await eventually(lambda: len(desk.broker.answers) == 2, "sent", 5)
        desk.broker.hold = False
        for answer in desk.broker.answers:
            answer.set_exception(TimeoutError("away"))
    await asyncio.sleep(0)
    assert desk.done == []
    desk.state[b"k"] = b"newer"
    desk.broker.refuse = None
    await desk.finished(1)
    assert desk.broker.values("changelog")[-1] == b"newer"
    assert desk.broker.values("events")[-1] == b"a"
    assert desk.broken == []


@pytest.mark.parametrize("late", [False, True])
async def test_a_failure_that_stays_breaks_it_and_nothing_more_is_done(late: bool) -> None:
    desk = Desk()
    error = ValueError("fenced")
    if late:
        desk.broker.hold = True
    else:
        desk.broker.refuse = error
    desk.put(1, lines=[b"a"])
    if late:
        await eventually(lambda: len(desk.broker.answers) == 1, "sent", 5)
        desk.broker.answers[0].set_exception(error)
    await eventually(lambda: desk.broken == [error], "broken", 5)
    desk.broker.refuse, desk.broker.hold = None, False
    desk.put(2, lines=[b"b"])
    await asyncio.sleep(0.01)
    assert desk.done == []


async def test_states_of_a_partition_are_written_in_order() -> None:
    """The second pack waits for its turn while the first is being handed over."""
    desk = Desk(linger=0)
    gate = asyncio.Event()
    order: list[bytes | None] = []

    async def slow(topic: str, partition: int, items: Items) -> Awaitable[int]:
        if not order:
            order.append(items[0][1])
            await gate.wait()
        else:
            order.append(items[0][1])
        return asyncio.sleep(0, 0)

    desk.outbox._send = slow
    desk.state[b"k"] = b"1"
    desk.put(1, keys=[b"k"])
    await eventually(lambda: order == [b"1"], "first under way", 5)
    desk.state[b"k"] = b"2"
    desk.put(2, keys=[b"k"])
    await asyncio.sleep(0.01)
    assert order == [b"1"]
    gate.set()
    await desk.finished(1, 2)
    assert order == [b"1", b"2"]


async def test_too_much_under_way_makes_the_reader_wait() -> None:
    desk = Desk(room=10)
    desk.broker.hold = True
    desk.put(1, lines=[b"x" * 10])
    waiting = asyncio.create_task(desk.outbox.room())
    await eventually(lambda: len(desk.broker.answers) == 1, "sent", 5)
    assert not waiting.done()
    desk.broker.answers[0].set_result(0)
    await asyncio.wait_for(waiting, 5)


async def test_a_full_pack_does_not_linger() -> None:
    desk = Desk(linger=3600)
    desk.put(1, lines=[b"x" * PACK_BYTES])
    await desk.finished(1)


async def test_an_answer_has_the_pack_leave_soon() -> None:
    desk = Desk(linger=3600)
    desk.put(1, lines=[b"a"])
    desk.put(2, lines=[b"b"], answers=[(0, b"told")])
    await desk.finished(1, 2)


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda line: b"\n" not in line)))
def test_chunks_hold_every_line_once_within_the_limit(lines: list[bytes]) -> None:
    found = chunks(lines, 20)
    assert join_lines(found).split(b"\n") == (lines or [b""])
    assert all(len(chunk) <= 20 for chunk in found)


def test_a_line_beyond_the_limit_goes_alone() -> None:
    assert chunks([b"a", b"x" * 30, b"b"], 20) == [b"a", b"x" * 30, b"b"]
