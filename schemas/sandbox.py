"""What runs a script of the user's: its limits, its faults, and what it is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.errors import Malformed

TIME: Final = "script-time"
MEMORY: Final = "script-memory"
STACK: Final = "script-stack"
OUTPUT: Final = "script-output"
THROWN: Final = "script-error"
SYNTAX: Final = "script-syntax"
ABSENT: Final = "script-function-missing"
UNSETTLED: Final = "script-unsettled"
CRASHED: Final = "script-crashed"
CODES: Final = frozenset((TIME, MEMORY, STACK, OUTPUT, THROWN, SYNTAX, ABSENT, UNSETTLED, CRASHED))

MAX_SOURCE_BYTES: Final = 65_536
_MOST_STACK: Final = 2_000

Host = Mapping[str, Callable[[str], str]]
"""Functions that a script may call, name -> JSON text of its arguments, as a list, to JSON text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use.

    Attributes:
        seconds: of processor time, in which waiting for a host function does not count.
        memory_bytes: of the script's heap, its input and its result included.
        stack_bytes: of the script's stack.
        output_bytes: of the result, as JSON.
    """

    seconds: float = 0.25
    memory_bytes: int = 32 << 20
    stack_bytes: int = 256 << 10
    output_bytes: int = 1 << 20


class ScriptError(Malformed):
    """The script failed, or used more than it may.

    Attributes:
        code: one of :data:`CODES`.
        stack: where in the script, as the engine says it; "" where that is not known.
    """

    status = 422

    def __init__(self, code: str, message: str, stack: str = "") -> None:
        super().__init__(code, message)
        self.stack = stack.strip()[:_MOST_STACK]


class Script(Protocol):
    """A script of one user's. Each call sees it as if it were the first."""

    said: list[str]
    """What the last call wrote with ``console.log``, within bounds."""

    def call(self, function: str, argument: bytes) -> bytes:
        """Call one of its functions with one argument; both and the result are JSON.

        ``undefined`` comes back as ``null``; a promise is waited for.

        Raises:
            ScriptError: see :data:`CODES`.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


OpenScript = Callable[[str, Limits], Script]
"""Make a script ready: of its text and limits; ScriptError where it cannot be."""
