"""Running the baselines, each a process of its own that says what it took as one line of JSON."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson

from deploy.bench.run import Taken
from deploy.settings import SettingError

_SECONDS: Final = 300.0
_KIB: Final = 1024


def say(events: float, seconds: float, cpu: float) -> None:
    """Tell what was taken; the last thing that a baseline does."""
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
    line = orjson.dumps({"events": events, "seconds": seconds, "cpu": cpu, "resident": resident})
    sys.stdout.write(f"{line.decode()}\n")
    sys.stdout.flush()


class Watch:
    """Wall and CPU time of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds of both."""
        return time.monotonic() - self._wall, time.process_time() - self._cpu


async def run(name: str, *arguments: str, data: str = "", events: float = 0) -> list[Taken]:
    """Run a baseline to its end; what it took, once per line that it says.

    Args:
        name: module in ``deploy.bench``.
        data: directory of the tiers, where it wants their settings.
        events: that its records hold, where it counts records only.

    Raises:
        SettingError: it failed; the text has its last words.
    """
    environment = {"HEADRACE_DATA": data} if data else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"deploy.bench.{name}",
        *arguments,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, complaint = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        process.kill()
        raise SettingError(f"the baseline {name} did not end within {_SECONDS:.0f} s") from None
    if process.returncode:
        raise SettingError(f"the baseline {name} failed:\n{complaint.decode()[-2000:]}")
    said = [orjson.loads(line) for line in out.splitlines() if line.startswith(b"{")]
    return [Taken(**(each | {"events": events or each["events"]})) for each in said]


@contextmanager
def asgi_server() -> Iterator[tuple[int, str]]:
    """A bare ASGI application on the server of all tiers; its process id and address."""
    command = [sys.executable, "-m", "deploy.bench.bare_asgi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  a pipe
        try:
            yield process.pid, f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()
