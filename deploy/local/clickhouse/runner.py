"""Statements on the engine: how many at once, in which thread, and when they are stopped."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.engine_handle import Outcome, quoted
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.gate import Gate
from deploy.local.clickhouse.lane import Lane, borrowed, enter, leave
from deploy.local.clickhouse.sessions import Sessions
from deploy.local.clickhouse.spool import take, written
from deploy.local.clickhouse.statement import Statement

_T = TypeVar("_T")
_LOOK_EVERY: Final = 0.5

Gone = Callable[[], Awaitable[bool]]
Fetch = Callable[[], Awaitable[bytes | None]]


class Runner:
    """Runs statements in threads of its own, so that the event loop never waits for the engine.

    The read-only user has half as many slots, in a line of its own: people's questions cannot keep
    the tiers' inserts out.
    """

    def __init__(self, engine: Engine, config: ClickHouseConfig) -> None:
        readers = max(1, config.running_statements // 2)
        self._engine = engine
        self._threads = ThreadPoolExecutor(config.running_statements + readers, "statement")
        self._max_answer = config.max_answer_bytes
        self._gates = {
            False: Gate(config.running_statements, config.waiting_statements),
            True: Gate(readers, config.waiting_statements),
        }
        self.sessions = Sessions(
            lambda user: engine.handle(reads_only=user.reads_only), time.monotonic
        )

    @property
    def admitted(self) -> int:
        """How many statements are running or waiting."""
        return sum(gate.admitted for gate in self._gates.values())

    async def answer(self, call: Call, statement: Statement, gone: Gone) -> Outcome:
        """Run a statement and return its whole answer; raises ``ClickHouseError``.

        A SELECT whose client is ``gone``, or whose answer outgrows the bound, is stopped.
        """
        async with self._gates[call.user.reads_only].slot():
            if not statement.selects:
                return await self._do(self._by_memory, call, statement)
            path = self._engine.spool.new()

            async def over() -> ClickHouseError | None:
                return self._too_large() if written(path) > self._max_answer else await _left(gone)

            return await self._attended(
                self._do(self._by_file, call, statement, path), path.name, over
            )

    async def insert(self, call: Call, statement: Statement, data: AsyncIterator[bytes]) -> Outcome:
        """Run an INSERT over ``data``, a piece at a time; raises ``ClickHouseError``.

        Nothing is stored unless the data came to its end.
        """
        async with self._lane(call, statement) as lane:
            upload = await self._do(self._engine.spool.upload)
            try:
                async for piece in data:
                    await self._do(upload.append, piece)
                path = await self._do(lambda: upload.path)
                return await self._do(
                    lane.handle.run, statement.from_file(quoted(path)), "Null", call.params
                )
            finally:
                await self._do(upload.close)

    @asynccontextmanager
    async def stream(self, call: Call, statement: Statement, gone: Gone) -> AsyncIterator[Fetch]:
        """Run a SELECT and give a function that fetches its answer block by block, None at the end.

        Both raise ``ClickHouseError``. The statement is stopped when its client is ``gone``.
        """
        mark = uuid.uuid4().hex
        async with self._lane(call, statement) as lane:
            stream = await self._do(
                lane.handle.stream, statement.marked(mark), call.default_format, call.params
            )

            async def fetch() -> bytes | None:
                return await self._attended(self._do(stream.fetch), mark, lambda: _left(gone))

            try:
                yield fetch
            finally:
                await self._do(stream.cancel)

    async def check(self) -> None:
        """Raise ``ClickHouseError`` when the engine does not answer."""
        await asyncio.to_thread(self._engine.check)

    async def stop_selects(self) -> None:
        """Stop every SELECT that runs; their clients get code 394."""
        await asyncio.to_thread(self._engine.kill_selects)

    def close(self) -> None:
        """Wait for the running statements and stop the engine; blocking."""
        self._threads.shutdown(wait=True)
        self.sessions.close()
        self._engine.close()

    def _by_memory(self, call: Call, statement: Statement) -> Outcome:
        with borrowed(self._engine, self.sessions, call, statement) as handle:
            return handle.run(statement.text, call.default_format, call.params)

    def _by_file(self, call: Call, statement: Statement, path: Path) -> Outcome:
        # The engine's own result buffer takes six times the answer's size in memory, and keeps it
        # for good when the statement fails (seen in chDB 4.4).
        text = statement.into_file(quoted(str(path)), call.default_format)
        with borrowed(self._engine, self.sessions, call, statement) as handle:
            try:
                outcome = handle.run(text, "Null", call.params)
                body, file, size = take(path)
            except ClickHouseError as error:
                if error.code != errors.SYNTAX_ERROR:
                    raise
                # The client is to be told in words of its own text, without our clause in it.
                return handle.run(statement.text, call.default_format, call.params)
            finally:
                path.unlink(missing_ok=True)
        return replace(outcome, body=body, file=file, size=size)

    @asynccontextmanager
    async def _lane(self, call: Call, statement: Statement) -> AsyncIterator[Lane]:
        async with self._gates[call.user.reads_only].slot():
            lane = await self._do(enter, self._engine, self.sessions, call, statement)
            try:
                yield lane
            finally:
                await self._do(leave, self.sessions, lane)

    async def _attended(
        self,
        work: Awaitable[_T],
        mark: str,
        over: Callable[[], Awaitable[ClickHouseError | None]],
    ) -> _T:
        """Wait for a statement with ``mark`` in its text, and stop it when ``over`` says why."""
        running = asyncio.ensure_future(work)
        why: ClickHouseError | None = None
        while not (await asyncio.wait({running}, timeout=_LOOK_EVERY))[0]:
            why = await over()
            if why is not None:
                await asyncio.to_thread(self._engine.kill, mark)
        if why is not None and running.exception() is not None:
            raise why from running.exception()
        return running.result()

    async def _do(self, work: Callable[..., _T], *given: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def _too_large(self) -> ClickHouseError:
        return ClickHouseError(
            errors.TOO_MANY_ROWS_OR_BYTES,
            "TOO_MANY_ROWS_OR_BYTES",
            f"The answer is larger than {self._max_answer} bytes: ask for less, or for a format "
            "that can be streamed (Native, TSV, CSV, JSONEachRow) without wait_end_of_query",
        )


async def _left(gone: Gone) -> ClickHouseError | None:
    return ClickHouseError(errors.ABORTED, "ABORTED", "The client left") if await gone() else None
