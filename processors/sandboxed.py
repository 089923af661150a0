"""The process in which scripts run; door to quickjs. Started by :mod:`processors.sandbox`.

Why a process, where the engine has limits of its own: some of its native loops look at no clock
(``Array(2**32 - 1).join()``), and a fault of its C code would take its host with it. Here the
kernel's clock ends what the engine does not, no file and no socket can be opened once the work
has begun, and there is no environment to read.

One line of JSON in, one out. In: ``{"id", "source"?, "function", "argument", "limits", "host"}``.
Out: ``{"ok": text, "said": […]}``, ``{"code", "message", "stack", "said"}``, or, while a call is
running, ``{"host": name, "argument": text}``, which is answered with ``{"ok": text}`` or
``{"error": text}``.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import quickjs

GRACE_SECONDS: Final = 0.25
"""Processor time past the limit after which the kernel ends the process."""
_OVERHEAD_BYTES: Final = 256 << 20
_MOST_SAID: Final = 100
_LONGEST_SAID: Final = 1_000

_JS: Final = Path(__file__).with_name("script")
_PRELUDE: Final = (_JS / "prelude.js").read_text()
_CRYPTO: Final = (_JS / "crypto.js").read_text()
Asked = dict[str, Any]


class _Failed(Exception):
    """A call that came to nothing: code, message and stack."""


def main() -> None:
    """Answer calls until standard input ends."""
    reader, writer = sys.stdin.buffer, sys.stdout.buffer

    def exchange(told: Asked) -> None:
        writer.write(json.dumps(told).encode() + b"\n")
        writer.flush()

    def ask(name: str, argument: str) -> str:
        exchange({"host": name, "argument": argument})
        line = reader.readline()
        if not line:
            sys.exit()
        return line.decode()

    sources: dict[int, str] = {}
    _lock_down()
    for line in reader:
        asked = json.loads(line)
        if "drop" in asked:
            sources.pop(asked["drop"], None)
            continue
        if "source" in asked:
            sources[asked["id"]] = asked["source"]
        exchange(_answer(asked, sources[asked["id"]], ask))


def _lock_down() -> None:
    """Take from the process what no script needs, so that no fault of the engine's gives it."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _answer(asked: Asked, source: str, ask: Callable[[str, str], str]) -> Asked:
    limits = asked["limits"]
    ends = time.process_time() + limits["seconds"]
    most = limits["memory_bytes"] * 2 + _OVERHEAD_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, limits["seconds"] + GRACE_SECONDS)
    said: list[str] = []
    try:
        return {"ok": _Run(asked, ask, ends)(source, said), "said": said}
    except _Failed as failed:
        code, message, stack = failed.args
        return {"code": code, "message": message, "stack": stack, "said": said}
    except MemoryError:
        return {"code": "script-memory", "message": "out of memory", "stack": "", "said": said}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class _Run:
    """One call: a runtime of its own, its time, and what it may ask of its host."""

    def __init__(self, asked: Asked, ask: Callable[[str, str], str], ends: float) -> None:
        self._asked = asked
        self._ask = ask
        self._ends = ends
        limits = asked["limits"]
        self._context = quickjs.Context()
        self._context.set_memory_limit(limits["memory_bytes"])
        self._context.set_max_stack_size(limits["stack_bytes"])

    def __call__(self, source: str, said: list[str]) -> str:
        """Run a script from its beginning and call its function; -> JSON.

        Args:
            said: gets what the script logs, also where it fails.

        Raises:
            _Failed: whatever came in between.
        """
        context = self._context
        host, names = None, context.parse_json(json.dumps(self._asked["host"]))
        if self._asked["host"]:
            context.add_callable("$host", self._host)
            host = context.get("$host")
        prelude = self._timed(context.eval, _PRELUDE)
        step = self._timed(prelude, host, names, _MOST_SAID, _LONGEST_SAID, _CRYPTO)
        self._timed(context.eval, "delete globalThis.$host")
        try:
            self._load(source)
            found = self._result(step)
        finally:
            said += json.loads(step("said"))
        most = self._asked["limits"]["output_bytes"]
        if len(found.encode()) > most:
            raise _Failed("script-output", f"the result has more than {most} bytes", "")
        return found

    def _load(self, source: str) -> None:
        try:
            self._timed(self._context.eval, source)
        except _Failed as failed:
            if failed.args[1].startswith("SyntaxError"):
                raise _Failed("script-syntax", *failed.args[1:]) from failed
            raise

    def _result(self, step: Callable[..., Any]) -> str:
        name = self._asked["function"]
        named = f"typeof {name} === 'function' ? {name} : null"
        called = self._timed(self._context.eval, named)
        if called is None:
            raise _Failed("script-function-missing", f"the script has no function {name}", "")
        self._timed(step, "begin", called, self._asked["argument"])
        while self._timed(self._context.execute_pending_job):
            pass
        if step("state") == "waiting":
            message = "the promise that the function gave was never settled"
            raise _Failed("script-unsettled", message, "")
        return str(self._timed(step, "result"))

    def _host(self, name: str, argument: str) -> str:
        # never raises: the engine does not survive an exception of Python's that a script catches
        try:
            if name in self._asked["host"]:
                return self._ask(name, argument)
        except Exception as error:  # noqa: BLE001 - the script is told, whatever it was
            return json.dumps({"error": f"{type(error).__name__}: {error}"})
        return json.dumps({"error": f"there is no function {name}"})

    def _timed(self, run: Callable[..., Any], *values: Any) -> Any:
        left = self._ends - time.process_time()
        if left <= 0:
            raise _Failed("script-time", "interrupted", "")
        if not self._asked["host"]:  # the engine refuses to call back while it watches its clock
            self._context.set_time_limit(left)
        try:
            return run(*values)
        except quickjs.StackOverflow as error:
            raise _Failed("script-stack", *_parted(str(error))) from error
        except quickjs.JSException as error:
            raise _Failed(_code(str(error)), *_parted(str(error))) from error


def _code(told: str) -> str:
    if told.startswith("InternalError: interrupted"):
        return "script-time"
    # of what ran out of memory while it made the error, the engine says null
    if told.strip() == "null" or told.startswith("InternalError: out of memory"):
        return "script-memory"
    return "script-error"


def _parted(told: str) -> tuple[str, str]:
    """Part what the engine says into message and stack."""
    if told.strip() == "null":
        return "out of memory", ""
    message, _, stack = told.partition("\n    at ")
    return message.strip()[:1_000], f"at {stack.strip()}"[:2_000] if stack else ""


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # whoever asked was killed: nobody is left to answer
        os._exit(0)
