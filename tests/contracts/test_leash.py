"""No child is left behind, however its parent ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.contracts.leash import Leashed

SECONDS = 30.0
PARENT = """
import signal, sys, time
from pathlib import Path
from tests.contracts.leash import Leashed
child = Leashed(["sleep", "60"], Path(sys.argv[1]))
print(child.pid, flush=True)
signal.pause()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # nobody may have collected it yet
    state = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] not in {"", "Z"}


def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    deadline = time.monotonic() + SECONDS
    while alive(child):
        assert time.monotonic() < deadline, f"{child} outlives its parent"


def test_a_child_that_ends_by_itself_leaves_its_last_lines(tmp_path: Path) -> None:
    child = Leashed(["sh", "-c", "echo started; exit 3"], tmp_path / "log")
    assert child.wait(SECONDS) == 3
    assert child.tail() == "started"
    assert not child.running


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    stubborn = "trap '' TERM; echo ready; while :; do sleep 1; done"
    child = Leashed(["sh", "-c", stubborn], log)
    deadline = time.monotonic() + SECONDS
    while child.tail() != "ready":
        assert time.monotonic() < deadline, "it never started"
    assert child.stop(seconds=0.2) == -9
