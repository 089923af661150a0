"""Waiting for what other processes do: a condition and a deadline, never a bare pause."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL_SECONDS = 0.05


def eventually(
    look: Callable[[], T], *, within: float, until: Callable[[T], object] = bool, what: str
) -> T:
    """Look again and again until what is seen satisfies `until`, and return it.

    Raises:
        AssertionError: `within` seconds passed; the text says `what` and what was seen last.

    """
    deadline = time.monotonic() + within
    while not until(seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}; last seen: {seen!r:.2000}")
        time.sleep(_POLL_SECONDS)
    return seen
