"""A child process that never outlives the process that started it, SIGKILL included."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_SECONDS = 20.0
_TAIL_LINES = 15

# The watcher's standard input is a pipe that only our process holds open: when
# we die, however we die, it reads the end of the file and kills the child.
_WATCH = 'read _; kill -9 "$1"'


class Leashed:
    """A running child with its output in a file.

    Start one with the argument list, the log file and, if need be, an environment.
    """

    def __init__(
        self, argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(self._child.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def tail(self) -> str:
        """Return the last lines the child printed."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def wait(self, seconds: float) -> int:
        """Return the exit status once it ends by itself; kill it after `seconds`."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
        return self._reap()

    def stop(self, seconds: float = _STOP_SECONDS) -> int:
        """Ask with SIGTERM, kill after `seconds`; return the exit status (negative: a signal)."""
        self._send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> int:
        """End it with SIGKILL, without any chance to tidy up."""
        self._send(signal.SIGKILL)
        return self._reap()

    def _send(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self._child.pid, number)

    def _reap(self) -> int:
        status = self._child.wait()
        self._watcher.kill()
        self._watcher.communicate()
        return status
