"""The supervisor over tiny tiers: a script that does as its arguments say."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.child import Tier, TierFailed
from deploy.local.supervisor import Supervisor

SECONDS = 30.0
# argv: -m deploy <behaviour> <argument>
SCRIPT = """#!{python} -IS
import json, os, signal, socket, sys, time
behaviour, *rest = sys.argv[3:]
link = socket.socket(fileno=int(os.environ["HEADRACE_LINK"]))
say = lambda **facts: link.sendall(json.dumps(facts).encode() + b"\\n")
print("I am", behaviour, flush=True)
if behaviour == "fails":
    say(error="port 1 is taken: choose another")
    sys.exit(2)
if behaviour == "dies-early":
    sys.exit(7)
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "once":  # the second start and all later ones fail
    if os.path.exists(rest[0]):
        say(error="only once")
        sys.exit(2)
    open(rest[0], "w").close()
say(ready=True, port=1234)
while True:
    time.sleep(60)
"""


class Watched:
    """A supervisor whose reports are kept, and can be waited for."""

    def __init__(self, logs: Path) -> None:
        self.reports: list[str] = []
        self._news = asyncio.Event()
        self.logs = logs
        self.supervisor = Supervisor(logs, self._report)

    def _report(self, text: str) -> None:
        self.reports.append(text)
        self._news.set()

    async def wait_for(self, text: str) -> str:
        async with asyncio.timeout(SECONDS):
            while not (found := [report for report in self.reports if text in report]):
                self._news.clear()
                await self._news.wait()
        return found[0]


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    script = tmp_path / "tier"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("deploy.local.child.sys.executable", str(script))
    monkeypatch.setattr("deploy.local.supervisor._BACK_OFF_SECONDS", (0.01,))
    watched = Watched(tmp_path)
    yield watched
    supervisor = watched.supervisor
    await supervisor.kill_all()


async def test_start_returns_what_the_tier_says_of_itself(watched: Watched) -> None:
    facts = await watched.supervisor.start(Tier("one", ("runs",)))
    assert facts["port"] == 1234
    assert list(watched.supervisor.pids()) == ["one"]
    assert "I am runs" in (watched.logs / "one.log").read_text()


async def test_a_tier_that_cannot_start_is_quoted(watched: Watched) -> None:
    with pytest.raises(TierFailed) as caught:
        await watched.supervisor.start(Tier("one", ("fails",)))
    assert str(caught.value) == "port 1 is taken: choose another"


async def test_a_tier_that_dies_at_start_is_shown_with_its_last_lines(watched: Watched) -> None:
    with pytest.raises(TierFailed) as caught:
        await watched.supervisor.start(Tier("one", ("dies-early",)))
    assert "one ended with exit code 7" in str(caught.value)
    assert "    I am dies-early" in str(caught.value)


async def test_a_death_is_reported_and_the_tier_comes_back(watched: Watched) -> None:
    await watched.supervisor.start(Tier("one", ("runs",)))
    (first,) = watched.supervisor.pids().values()
    os.kill(first, signal.SIGKILL)
    report = await watched.wait_for("died of")
    await watched.wait_for("one is back")
    assert "one died of SIGKILL" in report
    assert report.endswith("    I am runs")
    (second,) = watched.supervisor.pids().values()
    assert second != first
    assert not watched.supervisor.failed.is_set()


async def test_a_tier_that_never_comes_back_ends_the_whole(
    watched: Watched, tmp_path: Path
) -> None:
    await watched.supervisor.start(Tier("one", ("once", str(tmp_path / "started"))))
    (pid,) = watched.supervisor.pids().values()
    os.kill(pid, signal.SIGKILL)
    await asyncio.wait_for(watched.supervisor.failed.wait(), SECONDS)
    assert watched.supervisor.failure == "only once"
    assert watched.supervisor.pids() == {}


async def test_stop_ends_a_tier_for_good(watched: Watched) -> None:
    await watched.supervisor.start(Tier("one", ("runs",)))
    await watched.supervisor.stop("one", SECONDS)
    assert watched.supervisor.pids() == {}
    assert watched.reports == []


async def test_a_deaf_tier_is_killed_and_that_is_said(watched: Watched) -> None:
    await watched.supervisor.start(Tier("one", ("deaf",)))
    await watched.supervisor.stop("one", 0.1)
    assert watched.supervisor.pids() == {}
    assert "one did not end" in watched.reports[0]
