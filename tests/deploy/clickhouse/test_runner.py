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
from deploy.local.clickhouse.spool import Spool
from deploy.local.clickhouse.statement import Statement

CALL = Call(user=User("writer", reads_only=False))
DEFINITION = Statement("CREATE", b"CREATE")
INSERT = Statement("INSERT", b"INSERT SETTINGS a=1", insert_format="TSV", clauses_at=6)


def _file_named_in(sql: bytes) -> Path:
    return Path(sql.split(b"'")[1].decode())


class FakeHandle:
    """Runs a statement when it is let go."""

    def __init__(self, engine: "FakeEngine") -> None:
        self._engine = engine

    def run(self, sql: bytes, *_given: object) -> Outcome:
        if b"INFILE" in sql:
            self._engine.inserted.append(sql)
            self._engine.read.append(_file_named_in(sql).read_bytes())
            return Outcome(written_rows=1)
        self._engine.running.release()
        assert self._engine.let_go.wait(timeout=10)
        return Outcome()

    def change(self, _settings: Mapping[str, str]) -> None: ...

    def close(self) -> None:
        self._engine.open -= 1


class FakeEngine:
    def __init__(self, data: Path) -> None:
        self.running, self.let_go = threading.Semaphore(0), threading.Event()
        self.open = 0
        self.inserted: list[bytes] = []
        self.read: list[bytes] = []
        self.spool = Spool(data / "spool")

    def handle(self, **_given: object) -> FakeHandle:
        self.open += 1
        return FakeHandle(self)

    def close(self) -> None: ...


def _runner(data: Path, **given: Any) -> tuple[Runner, FakeEngine]:
    config = ClickHouseConfig(data=data, writer_user="w", writer_password="p", **given)
    engine = FakeEngine(data)
    return Runner(cast("Engine", engine), config), engine


async def _here() -> bool:
    return False


async def test_more_than_may_wait_are_refused(tmp_path: Path) -> None:
    runner, engine = _runner(tmp_path, running_statements=1, waiting_statements=1)
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


async def test_an_insert_whose_data_ends_reads_it_from_a_file(tmp_path: Path) -> None:
    runner, engine = _runner(tmp_path)
    outcome = await runner.insert(CALL, INSERT, _data(b"1", b"2", then=_nothing))
    assert (outcome.written_rows, engine.read, engine.open) == (1, [b"12"], 0)
    (sql,) = engine.inserted
    assert sql.startswith(b"INSERT\nFROM INFILE '")
    assert sql.endswith(b"'  SETTINGS a=1 FORMAT TSV")
    assert not _file_named_in(sql).exists()
    await asyncio.to_thread(runner.close)


async def test_an_insert_whose_data_breaks_off_never_runs(tmp_path: Path) -> None:
    runner, engine = _runner(tmp_path)
    with pytest.raises(ClickHouseError, match="gone"):
        await runner.insert(CALL, INSERT, _data(b"1", then=_break))
    assert (engine.inserted, engine.open) == ([], 0)
    assert list((tmp_path / "spool").iterdir()) == []
    await asyncio.to_thread(runner.close)
