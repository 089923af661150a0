"""A task's script, run to its end in the calling thread."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from deploy.tasks.host import Host, Stopped
from processors.sandbox import Sandbox
from schemas import codec
from schemas.reading import JsonObject
from schemas.sandbox import THROWN, Limits, ScriptError

LIMITS: Final = Limits(
    seconds=60.0, memory_bytes=192 << 20, stack_bytes=512 << 10, output_bytes=64 << 10
)
"""Of a run; room for an answer of :data:`deploy.tasks.fetch.MAX_BODY` and what is made of it."""
_PRELUDE: Final = Path(__file__).with_name("prelude.js")
_MESSAGE: Final = 1_000
_CALLER: Final = "begin"
_ANONYMOUS: Final = "<anonymous>"
_FRAME: Final = re.compile(r"at (?P<name>\S+) \(<input>:(?P<row>\d+):(?P<column>\d+)\)")


class Failed(Exception):
    """A run came to nothing.

    Attributes:
        code, message, stack: of what; without secrets.
    """

    def __init__(self, code: str, message: str, stack: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message[:_MESSAGE]
        self.stack = stack


def run_script(source: str, argument: JsonObject, host: Host, *, seconds: float) -> None:
    """Call the function ``run`` of a script.

    Args:
        seconds: of processor time, if that is less than what any script has.

    Raises:
        Failed: whatever it failed of.
    """
    limits = replace(LIMITS, seconds=min(LIMITS.seconds, seconds))
    sandbox = Sandbox(prelude() + source, limits, host.functions())
    try:
        sandbox.call("run", codec.dumps(argument))
    except ScriptError as error:
        raise _told(error, host) from error
    except Stopped as stopped:
        raise Failed(stopped.code, stopped.message) from stopped
    finally:
        sandbox.close()


def _told(error: ScriptError, host: Host) -> Failed:
    """Find the code of what the script was thrown and did not catch."""
    message, code = host.hide(error.message), error.code
    if code == THROWN:
        message = message.removeprefix("Error: ")
        for text, known in host.failures.items():
            if message == f"{known}: {text}":
                code, message = known, text
    return Failed(code, message, host.hide(stack_of(error.stack)))


def stack_of(text: str) -> str:
    """Keep the frames that are the script's own, with the columns of its first line as it has them.

    What is called before it and what it calls outside have frames as well, which say nothing.
    """
    kept: list[str] = []
    for line in text.splitlines():
        found = _FRAME.fullmatch(line.strip())
        if found is None:
            continue
        if found["name"] == _CALLER:
            break
        row, column = int(found["row"]), int(found["column"])
        if row == 1:
            column -= len(prelude())
        if column > 0 and not (found["name"] == _ANONYMOUS and not kept and row != 1):
            kept.append(f"at {found['name']} ({row}:{column})")
    return "\n".join(kept)


@cache
def prelude() -> str:
    """What stands before a script, on one line."""
    lines = _PRELUDE.read_text().splitlines()
    return re.sub(r"\s+", " ", " ".join(line for line in lines if not line.startswith("//"))) + " "
