"""The tie between a supervisor and its tiers: one socket that tells both ends of the other.

A tier writes JSON lines into it (ready, or why it cannot start). When the supervisor is gone,
however it went, the socket reads end-of-file and the tier ends at once: no orphans, also after
``kill -9``. Ending at once is safe because every tier survives SIGKILL by design.
"""

import os
import socket
import threading
from typing import Any, Final

import orjson

VARIABLE: Final = "HEADRACE_LINK"
ORPHANED: Final = 70


class Link:
    """A tier's end of the tie; without a supervisor every call does nothing."""

    def __init__(self, environ: dict[str, str] | os._Environ[str]) -> None:
        fd = environ.pop(VARIABLE, None)
        self._socket = None if fd is None else socket.socket(fileno=int(fd))
        if self._socket is not None:
            threading.Thread(target=self._watch, daemon=True, name="link").start()

    @property
    def supervised(self) -> bool:
        """Whether somebody is at the other end."""
        return self._socket is not None

    def say(self, **facts: Any) -> None:
        """Tell the supervisor, e.g. ``ready=True, port=8080`` or ``error="..."``."""
        if self._socket is not None:
            try:
                self._socket.sendall(orjson.dumps(facts) + b"\n")
            except OSError:
                os._exit(ORPHANED)

    def _watch(self) -> None:
        assert self._socket is not None  # noqa: S101  started only with a socket
        try:
            while self._socket.recv(4096):
                pass
        except OSError:
            os._exit(ORPHANED)
        os._exit(ORPHANED)
