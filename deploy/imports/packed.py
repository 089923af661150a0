"""Parquet and zip that came to the edge, read in a process apart: see :mod:`deploy.imports.apart`.

Why a process: a few bytes of either can stand for gigabytes, and pyarrow is C++ that was not
written for files of strangers. Here the kernel bounds memory and time, and a fault ends nobody
else. It costs a third of a second a request.
"""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from schemas import codec
from schemas.errors import Malformed, Unavailable
from schemas.rows import Packed, Row, Unpacked
from schemas.sources import Limits

AT_ONCE: Final = 2
WAITING: Final = 16
"""Requests that wait for their turn; more are told to come again."""
WALL_SECONDS: Final = 60.0
_APART: Final = "deploy.imports.apart"
_ENVIRONMENT: Final = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve addresses by the gigabyte
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Unpacker:
    """Reads such files, some at a time; see :class:`ingest.packed.Unpack`."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="unpack")
        self._open = 0

    async def __call__(self, body: bytes, packed: Packed, limits: Limits) -> Unpacked:
        """Read a file's rows.

        Raises:
            Malformed: what is wrong with it; ``too-many-events`` (413), ``body-too-large`` (413),
                ``file-too-large`` (413), ``file-unreadable`` where reading came to no end.
            Unavailable: ``overloaded``.
        """
        if self._open >= AT_ONCE + WAITING:
            raise Unavailable("overloaded", "too many files are being read: try again")
        self._open += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, unpacked, body, packed, limits)
        finally:
            self._open -= 1


def unpacked(body: bytes, packed: Packed, limits: Limits) -> Unpacked:
    """Read a file's rows, waiting for the process; raises as :class:`Unpacker`."""
    said = [packed.format, str(limits.events_per_request), str(limits.body_bytes)]
    kept = {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", _APART, *said],
            input=body,
            stdout=subprocess.PIPE,
            check=False,
            env={**kept, **_ENVIRONMENT},
            timeout=WALL_SECONDS,
            start_new_session=True,  # a Ctrl-C is for its parent, which drains first
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable() from error
    if done.returncode:
        raise _unreadable()
    return _of_lines(done.stdout)


def _of_lines(said: bytes) -> Unpacked:
    """Read what the process said.

    Raises:
        Malformed: what it said is wrong.
    """
    *lines, end = said.splitlines()
    told = codec.loads(end)
    if "code" in told:
        raise Malformed(told["code"], told["message"], status=told["status"])
    rows = []
    for line in lines:
        number, file, value, *wrong = codec.loads(line)
        why = Malformed(*wrong) if wrong else None
        rows.append(Row(number, value, why, file=file))
    return Unpacked(tuple(rows), of_text=told["of_text"], size=len(said))


def _unreadable() -> Malformed:
    message = "reading this file takes too long or ends the process that reads it: send its rows"
    return Malformed("file-unreadable", f"{message} as CSV or JSON lines")
