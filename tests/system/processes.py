"""What the operating system knows of the pipeline's processes, read from /proc."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def tiers_of(supervisor: int) -> dict[str, int]:
    """Map each tier under a `headrace up` to its process id; two workers are told by number.

    A tier is known by its arguments: `python -m deploy <tier> ...`.
    """
    tiers: dict[str, int] = {}
    for pid, parent in _parents():
        words = _arguments(pid)
        if parent == supervisor and "deploy" in words[:-1]:
            name = words[words.index("deploy") + 1]
            if "--worker" in words:
                name += "-" + words[words.index("--worker") + 1]
            tiers[name] = pid
    return tiers


def descendants(pid: int) -> set[int]:
    """Every living process below `pid`."""
    found: set[int] = set()
    parents = list(_parents())
    while new := {child for child, parent in parents if parent in found | {pid}} - found:
        found |= new
    return found


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be reaped does not."""
    state = _stat(pid)
    return state is not None and state[0] not in "ZX"


def _parents() -> Iterator[tuple[int, int]]:
    for pid in [int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit()]:
        state = _stat(pid)
        if state is not None and state[0] not in "ZX":
            yield pid, int(state[1])


def _stat(pid: int) -> list[str] | None:
    # the second field is the program's name in brackets and may hold anything
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return None


def _arguments(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return []
