"""How many statements at once, and what becomes of the others."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.engine_handle import Outcome
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.runner import Runner
from deploy.local.clickhouse.statement import Statement

CALL = Call(user=User("writer", reads_only=False))
DEFINITION = Statement("CREATE", b"CREATE")
INSERT = Statement("INSERT", b"INSERT", insert_format="TSV")


class FakeHandle:
    """Runs a statement when it is let go."""

    def __init__(self, engine: "FakeEngine") -> None:
        self._engine = engine

    def run(self, *_given: object) -> Outcome:
        self._engine.running.release()
        assert self._engine.let_go.wait(timeout=10)
        return Outcome()

    def change(self, _settings: Mapping[str, str]) -> None: ...

    def insert(self, *_given: object) -> "FakeHandle":
        return self

    def append(self, data: bytes) -> None:
        self._engine.appended.append(data)

    def finish(self) -> Outcome:
        self._engine.finished += 1
        return Outcome(written_rows=1)

    def cancel(self) -> None:
        self._engine.cancelled += 1

    def close(self) -> None:
        self._engine.open -= 1


class FakeEngine:
    def __init__(self) -> None:
        self.running, self.let_go = threading.Semaphore(0), threading.Event()
        self.open = self.finished = self.cancelled = 0
        self.appended: list[bytes] = []

    def handle(self, **_given: object) -> FakeHandle:
        self.open += 1
        return FakeHandle(self)

    def close(self) -> None: ...


def _runner(**given: Any) -> tuple[Runner, FakeEngine]:
    config = ClickHouseConfig(data=Path("d"), writer_user="w", writer_password="p", **given)
    engine = FakeEngine()
    return Runner(cast("Engine", engine), config), engine


async def _here() -> bool:
    return False


async def test_more_than_may_wait_are_refused() -> None:
    runner, engine = _runner(running_statements=1, waiting_statements=1)
    admitted = [asyncio.create_task(runner.answer(CALL, DEFINITION, _here)) for _ in range(2)]
    await asyncio.to_thread(engine.running.acquire)
    assert runner.admitted == 2
    with pytest.raises(ClickHouseError) as caught:
        await runner.answer(CALL, DEFINITION, _here)
    assert caught.value.code == 202
    engine.let_go.set()
    await asyncio.gather(*admitted)
    assert (runner.admitted, engine.open) == (0, 0)
    await asyncio.to_thread(runner.close)


async def _data(*pieces: bytes, then: Callable[[], None]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    then()


def _nothing() -> None: ...


def _break() -> None:
    raise ClickHouseError(236, "ABORTED", "gone")


async def test_an_insert_whose_data_ends_is_finished() -> None:
    runner, engine = _runner()
    outcome = await runner.insert(CALL, INSERT, _data(b"1", b"2", then=_nothing))
    assert (outcome.written_rows, engine.appended, engine.open) == (1, [b"1", b"2"], 0)
    await asyncio.to_thread(runner.close)


async def test_an_insert_whose_data_breaks_off_is_cancelled() -> None:
    runner, engine = _runner()
    with pytest.raises(ClickHouseError, match="gone"):
        await runner.insert(CALL, INSERT, _data(b"1", then=_break))
    assert (engine.finished, engine.cancelled, engine.open) == (0, 1, 0)
    await asyncio.to_thread(runner.close)
