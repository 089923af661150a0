"""Statements on the engine: how many at once, on which handle, in which thread."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.engine_handle import (
    Handle,
    Insert,
    Outcome,
    Stream,
    identifier,
    quoted,
)
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.sessions import Session, Sessions
from deploy.local.clickhouse.spool import take, written
from deploy.local.clickhouse.statement import Statement

_T = TypeVar("_T")
_LOOK_EVERY: Final = 0.5


class Runner:
    """Runs statements in threads of its own, so that the event loop never waits for the engine."""

    def __init__(self, engine: Engine, config: ClickHouseConfig) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(config.running_statements, "statement")
        self._slots = asyncio.Semaphore(config.running_statements)
        self._max_answer = config.max_answer_bytes
        self._room = config.running_statements + config.waiting_statements
        self.sessions = Sessions(self._open, time.monotonic)
        self.admitted = 0

    async def answer(
        self, call: Call, statement: Statement, gone: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        """Run a statement and return its whole answer; raises ``ClickHouseError``.

        A SELECT whose client is ``gone``, or whose answer outgrows the bound, is stopped.
        """
        async with self._slot():
            if not statement.selects:
                return await self._do(self._by_memory, call, statement)
            path = self._engine.spool.new()
            work = asyncio.ensure_future(self._do(self._by_file, call, statement, path))
            while not (await asyncio.wait({work}, timeout=_LOOK_EVERY))[0]:
                if await gone():
                    await asyncio.to_thread(self._engine.kill, path.name)
                elif written(path) > self._max_answer:
                    await asyncio.to_thread(self._engine.kill, path.name)
                    await asyncio.wait({work})
                    raise self._too_large() from work.exception()
            return work.result()

    async def insert(self, call: Call, statement: Statement, data: AsyncIterator[bytes]) -> Outcome:
        """Run an INSERT over ``data``, a piece at a time; raises ``ClickHouseError``.

        Nothing is stored unless the data came to its end.
        """
        async with self._slot():
            lane = await self._do(lambda: self._enter(call, statement))
            insert: Insert | None = None
            try:
                insert = await self._do(lambda: _start_insert(lane.handle, call, statement))
                async for piece in data:
                    await self._do(insert.append, piece)
                return await self._do(insert.finish)
            finally:
                await self._do(lambda: self._end(lane, insert))

    @asynccontextmanager
    async def stream(self, call: Call, statement: Statement) -> AsyncIterator["Answer"]:
        """Run a statement and hand its answer over block by block; raises ``ClickHouseError``."""
        async with self._slot():
            lane = await self._do(lambda: self._enter(call, statement))
            stream: Stream | None = None
            try:
                stream = await self._do(
                    lambda: lane.handle.stream(statement.text, call.default_format, call.params)
                )
                yield Answer(self._do, stream)
            finally:
                await self._do(lambda: self._end(lane, stream))

    async def check(self) -> None:
        """Raise ``ClickHouseError`` when the engine does not answer."""
        await self._do(self._engine.check)

    def close(self) -> None:
        """Wait for the running statements and stop the engine; blocking."""
        self._threads.shutdown(wait=True)
        self.sessions.close()
        self._engine.close()

    def _open(self, user: User) -> Handle:
        return self._engine.handle(reads_only=user.reads_only)

    def _by_memory(self, call: Call, statement: Statement) -> Outcome:
        lane = self._enter(call, statement)
        try:
            return lane.handle.run(statement.text, call.default_format, call.params)
        finally:
            self._leave(lane)

    def _by_file(self, call: Call, statement: Statement, path: Path) -> Outcome:
        # The engine's own result buffer takes six times the answer's size in memory, and keeps it
        # for good when the statement fails (seen in chDB 4.4).
        lane = self._enter(call, statement)
        try:
            text = statement.into_file(quoted(str(path)), call.default_format)
            outcome = lane.handle.run(text, "Null", call.params)
            body, file, size = take(path)
        except ClickHouseError as error:
            if error.code != errors.SYNTAX_ERROR:
                raise
            # The client is to be told in words of its own text, without our clause in it.
            return lane.handle.run(statement.text, call.default_format, call.params)
        finally:
            path.unlink(missing_ok=True)
            self._leave(lane)
        return replace(outcome, body=body, file=file, size=size)

    def _too_large(self) -> ClickHouseError:
        return ClickHouseError(
            errors.TOO_MANY_ROWS_OR_BYTES,
            "TOO_MANY_ROWS_OR_BYTES",
            f"The answer is larger than {self._max_answer} bytes: ask for less, or for a format "
            "that can be streamed (Native, TSV, CSV, JSONEachRow) without wait_end_of_query",
        )

    def _enter(self, call: Call, statement: Statement) -> "Lane":
        if not call.session_id:
            lane = Lane(self._open(call.user), None)
        else:
            session = self.sessions.take(call)
            lane = Lane(session.handle, session)
        try:
            lane.prepare(call, statement)
        except BaseException:
            self._leave(lane)
            raise
        return lane

    def _leave(self, lane: "Lane") -> None:
        if lane.session is None:
            lane.handle.close()
        else:
            self.sessions.give_back(lane.session)

    def _end(self, lane: "Lane", running: Stream | Insert | None) -> None:
        try:
            if running is not None:
                running.cancel()
        finally:
            self._leave(lane)

    async def _do(self, work: Callable[..., _T], *given: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self.admitted >= self._room:
            raise ClickHouseError(
                errors.TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"{self.admitted} statements are running or waiting: try again later",
            )
        self.admitted += 1
        try:
            async with self._slots:
                yield
        finally:
            self.admitted -= 1


class Lane:
    """A handle on loan to one request: a session's, or one that is thrown away afterwards."""

    def __init__(self, handle: Handle, session: Session | None) -> None:
        self.handle, self.session = handle, session

    def prepare(self, call: Call, statement: Statement) -> None:
        """Apply the request's database and settings; raises ``ClickHouseError``."""
        if self.session is None:
            if call.database:
                self.handle.run(f"USE {identifier(call.database)}", "Null")
            self.handle.change(call.settings)
        elif statement.kind in {"SET", "USE"}:
            # These are meant for the session itself, so nothing may lie over it meanwhile.
            self.session.lay({}, "")
        else:
            self.session.lay(call.settings, call.database)


class Answer:
    """The answer of a running statement."""

    def __init__(self, do: Callable[..., Awaitable[Any]], stream: Stream) -> None:
        self._do, self._stream = do, stream

    async def fetch(self) -> bytes | None:
        """Return the next piece, None after the last; raises ``ClickHouseError``."""
        piece: bytes | None = await self._do(self._stream.fetch)
        return piece


def _start_insert(handle: Handle, call: Call, statement: Statement) -> Insert:
    handle.change({f"param_{name}": value for name, value in call.params.items()})
    return handle.insert(statement.text, statement.insert_format or "")
