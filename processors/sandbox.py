"""Scripts of users, run where they can reach nothing: see :mod:`processors.sandboxed`.

The engine is QuickJS (quickjs-ng), chosen over V8 (mini-racer: 22 MB, an exhausted heap or a hard
fault ends the process, threads of its own) for 2.5 MB of wheel and limits on time, memory and
stack that its interpreter keeps itself. Every call has a runtime of its own, so that nothing that
a script leaves behind is seen by its next call or by another's: 0.2 ms, a tenth of it the call.
"""

import contextlib
import json
import select
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from schemas.errors import HeadraceError
from schemas.sandbox import (
    ABSENT,
    CRASHED,
    MAX_SOURCE_BYTES,
    SYNTAX,
    TIME,
    Host,
    Limits,
    ScriptError,
)

_CHILD: Final = str(Path(__file__).with_name("sandboxed.py"))
_WALL_SECONDS: Final = 30.0
"""In which a call that may use a second of processor time must have come back, or its process is
taken for stuck; generous, since it may share a busy machine."""
_END_SECONDS: Final = 5.0
_PIECE: Final = 1 << 16
_NO_HOST: Final[Host] = {}
_USUAL: Final = Limits()
_ids = count(1)


class Sandbox:
    """A script, ready to be called; see :class:`schemas.sandbox.Script`.

    Args:
        source: JavaScript, a classic script (no modules) whose functions are called by name.
        limits: of each call.
        host: functions that the script sees as globals; they answer before the script goes on,
            and what they raise is thrown in it as an ``Error``. A script that has any gets a
            process of its own, for it may wait in there.
    """

    def __init__(self, source: str, limits: Limits = _USUAL, host: Host = _NO_HOST) -> None:
        if len(source.encode()) > MAX_SOURCE_BYTES:
            raise ScriptError(SYNTAX, f"a script has at most {MAX_SOURCE_BYTES} bytes")
        self.said: list[str] = []
        self._id = next(_ids)
        self._source = source
        self._limits = limits
        self._host = host
        self._cell = _Cell() if host else _shared

    def call(self, function: str, argument: bytes) -> bytes:
        """Call a function of the script; both JSON.

        Raises:
            ScriptError: see :data:`schemas.sandbox.CODES`.
        """
        self.said = []
        if not function.isidentifier() or not function.isascii():
            raise ScriptError(ABSENT, f"{function[:100]!r} is no name of a function")
        limits = self._limits
        asked = {
            "function": function,
            "argument": argument.decode(),
            "host": list(self._host),
            "limits": {
                "seconds": limits.seconds,
                "memory_bytes": limits.memory_bytes,
                "stack_bytes": limits.stack_bytes,
                "output_bytes": limits.output_bytes,
            },
        }
        told = self._cell.call(self._id, self._source, asked, self._host)
        self.said = told.get("said", [])
        if "ok" in told:
            return str(told["ok"]).encode()
        raise ScriptError(told["code"], told["message"], told["stack"])

    def close(self) -> None:
        """Forget the script; the process ends with it if it is its own."""
        self._cell.forget(self._id)
        if self._cell is not _shared:
            self._cell.stop()


def _served(host: Host, told: dict[str, Any]) -> dict[str, str]:
    """Answer what a script asks of its host."""
    try:
        return {"ok": host[told["host"]](told["argument"])}
    except Exception as error:  # noqa: BLE001 - thrown in the script, which may catch it
        code = f"{error.code}: " if isinstance(error, HeadraceError) else ""
        return {"error": f"{code}{error or type(error).__name__}"}


@dataclass(frozen=True, slots=True)
class _Child:
    """The process, and its two pipes."""

    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    stdout: IO[bytes]

    def write(self, told: dict[str, Any]) -> None:
        line = memoryview(json.dumps(told).encode() + b"\n")
        while line:
            line = line[self.stdin.write(line) or 0 :]


class _Cell:
    """A process in which scripts run, one at a time; started when it is needed, and anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._known: set[int] = set()
        self._rest = b""

    def call(self, script: int, source: str, asked: dict[str, Any], host: Host) -> dict[str, Any]:
        """Run a call to its end.

        Raises:
            ScriptError: ``script-time`` or ``script-crashed`` if the process did not outlive it.
        """
        with self._lock:
            child = self._running()
            asked["id"] = script
            if script not in self._known:
                asked["source"] = source
            wall = max(1.0, asked["limits"]["seconds"]) * _WALL_SECONDS
            try:
                child.write(asked)
                self._known.add(script)
                told = self._read(child, wall)
                while "host" in told:
                    child.write(_served(host, told))
                    told = self._read(child, wall)
            except BaseException as error:
                # a half-done exchange is never gone on with, whatever broke it off
                gone = isinstance(error, EOFError | BrokenPipeError)
                code, message = self._ended(child, stuck=not gone)
                if gone or isinstance(error, TimeoutError):
                    raise ScriptError(code, message) from error
                raise
            return told

    def forget(self, script: int) -> None:
        """Let go of a script's text."""
        with self._lock:
            if script in self._known and self._child is not None:
                self._known.discard(script)
                with contextlib.suppress(OSError):
                    self._child.write({"drop": script})

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            if self._child is not None:
                self._ended(self._child, stuck=True)

    def _running(self) -> _Child:
        if self._child is not None and self._child.process.poll() is None:
            return self._child
        if self._child is not None:
            self._ended(self._child, stuck=False)
        process = subprocess.Popen(
            [sys.executable, "-I", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env={},
            start_new_session=True,  # a Ctrl-C is for its parent, which drains first
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were asked for")
        self._child = _Child(process, process.stdin, process.stdout)
        return self._child

    def _read(self, child: _Child, seconds: float) -> dict[str, Any]:
        """Read a line.

        Raises:
            EOFError: the process ended.
            TimeoutError: it said nothing for so long.
        """
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            if not select.select([child.stdout], [], [], seconds)[0]:
                raise TimeoutError
            piece = child.stdout.read(_PIECE)
            if not piece:
                raise EOFError
            parts.append(piece)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def _ended(self, child: _Child, *, stuck: bool) -> tuple[str, str]:
        """End the process for good, and say why it did."""
        process = child.process
        try:
            status = process.wait(0 if stuck else _END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = -signal.SIGPROF
        child.stdin.close()
        child.stdout.close()
        self._child, self._rest = None, b""
        self._known.clear()
        if status == -signal.SIGPROF:
            return TIME, "the script did not come to its end within its time, and was ended"
        return CRASHED, f"the script's process ended with status {status}"


_shared: Final = _Cell()
"""For the scripts that wait for nothing: a call never outlasts its limit there."""
