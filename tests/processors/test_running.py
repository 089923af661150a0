import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from processors.running import run
from schemas.errors import HeadraceError, Unavailable
from schemas.metrics import Metrics
from schemas.topics import Topics
from tests.processors.world import Feed, worker


class App:
    """Stands for a Faust app: started, stopped and crashed by a test."""

    rebalancing = False

    def __init__(self, start: Callable[["App"], Awaitable[None]]) -> None:
        self._start = start
        self._ended = asyncio.Event()
        self.crash_reason: BaseException | None = None
        self.stopped = 0

    @property
    def should_stop(self) -> bool:
        return self._ended.is_set()

    def crash(self, reason: BaseException) -> None:
        self.crash_reason = reason
        self._ended.set()

    async def begin(self) -> None:
        pass

    async def start(self) -> None:
        await self._start(self)

    async def wait_until_stopped(self) -> None:
        await self._ended.wait()

    async def stop(self) -> None:
        self.stopped += 1
        self._ended.set()


async def at_once(app: App) -> None:
    """Start without delay."""


async def never(app: App) -> None:
    await asyncio.Event().wait()


async def crashing(app: App) -> None:
    app.crash(ValueError("at the start"))


async def test_it_is_ready_once_and_ends_when_told() -> None:
    stop, told = asyncio.Event(), []
    app = App(at_once)
    task = asyncio.create_task(run(app, stop=stop, ready=lambda: told.append(True)))
    await asyncio.sleep(0.01)
    assert told == [True]
    stop.set()
    await asyncio.wait_for(task, 5)
    assert (told, app.stopped) == ([True], 1)


async def test_it_can_be_stopped_before_it_is_ready() -> None:
    stop, told = asyncio.Event(), []
    stop.set()
    app = App(never)
    await asyncio.wait_for(run(app, stop=stop, ready=lambda: told.append(True)), 5)
    assert (told, app.stopped) == ([], 1)


async def test_a_crash_is_told_with_its_cause() -> None:
    app = App(at_once)
    task = asyncio.create_task(run(app, stop=asyncio.Event(), ready=lambda: None))
    await asyncio.sleep(0.01)
    cause = LookupError("a defect")
    app.crash(cause)
    with pytest.raises(HeadraceError) as caught:
        await asyncio.wait_for(task, 5)
    assert caught.value.code == "processors-crashed"
    assert caught.value.__cause__ is cause
    assert app.stopped == 1


async def test_a_crash_while_starting_is_never_ready() -> None:
    told: list[bool] = []
    with pytest.raises(HeadraceError):
        await run(App(crashing), stop=asyncio.Event(), ready=lambda: told.append(True))
    assert told == []


async def test_a_rebalance_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.running._STUCK_SECONDS", 1.0)
    app = App(at_once)
    app.rebalancing = True
    with pytest.raises(HeadraceError) as caught:
        await asyncio.wait_for(run(app, stop=asyncio.Event(), ready=lambda: None), 10)
    assert caught.value.code == "processors-stuck"
    assert app.stopped == 1


async def test_no_broker_is_unavailable(tmp_path: Path, unused_tcp_port: int) -> None:
    app = worker(f"127.0.0.1:{unused_tcp_port}", Topics("x", 4), Feed(), tmp_path, Metrics())
    with pytest.raises(Unavailable) as caught:
        await run(app, stop=asyncio.Event(), ready=lambda: None)
    assert caught.value.code == "broker-unreachable"


async def test_the_environment_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_HOSTNAME", "elsewhere")
    monkeypatch.setenv("BROKER_SESSION_TIMEOUT", "99")
    monkeypatch.setenv("WEB_PORT", "1")
    conf = worker("127.0.0.1:9", Topics("x", 4), Feed(), tmp_path, Metrics(), port=7007).conf
    assert (conf.broker_session_timeout, conf.web_port) == (6.0, 7007)


async def test_a_worker_that_gives_up_says_why_at_once() -> None:
    async def giving_up(app: App) -> None:
        app.crash(HeadraceError("too-many-dead-letters", "all fail"))

    said: list[str] = []
    with pytest.raises(HeadraceError, match="all fail") as caught:
        await run(App(giving_up), stop=asyncio.Event(), ready=said.clear, failing=said.append)
    assert caught.value.code == "too-many-dead-letters"
    assert said == ["all fail"]
