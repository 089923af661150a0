"""One supervised process: its pipes, its last words, its death."""

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from deploy.link import VARIABLE

_LAST_LINES: Final = 20
_LOG_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Tier:
    """What to run: ``headrace <arguments>`` with additions to the environment."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    pass_fds: tuple[int, ...] = ()


class TierFailed(Exception):
    """A tier cannot start; the text says why and what to do."""


class Child:
    """A tier that was started.

    ``facts`` is what it said of itself when it was ready (its port, for one).
    """

    def __init__(self, tier: Tier, log_file: Path) -> None:
        self.tier = tier
        self.facts: dict[str, Any] = {}
        self.error = ""
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.ready = asyncio.Event()
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._link: socket.socket | None = None
        self._readers: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        """Process id, also its process group's."""
        return 0 if self._process is None else self._process.pid

    async def start(self) -> None:
        """Spawn it in a session of its own, so that a terminal's Ctrl-C reaches only us."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "deploy",
                *self.tier.arguments,
                env={**os.environ, **self.tier.environment, VARIABLE: str(theirs.fileno())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(theirs.fileno(), *self.tier.pass_fds),
                start_new_session=True,
                limit=1 << 20,
            )
        self._link = ours
        self._readers = [
            asyncio.create_task(self._read_log()),
            asyncio.create_task(self._read_link()),
        ]

    async def wait_ready(self, seconds: float) -> dict[str, Any]:
        """Wait for its word.

        Raises:
            TierFailed: it said why it cannot start, died, or stayed silent.
        """
        ended = asyncio.create_task(self.wait())
        ready = asyncio.create_task(self.ready.wait())
        try:
            await asyncio.wait({ended, ready}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            ready.cancel()
        if self.ready.is_set():
            return self.facts
        if self.error:
            raise TierFailed(self.error)
        state = f"was not ready after {seconds:.0f} s" if self.alive else self.death()
        raise TierFailed(f"{self.tier.name} {state}. Its last lines:\n{self.last_words()}")

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """Wait until it is dead and all it wrote has been read; answer the exit code."""
        assert self._process is not None  # noqa: S101  started first
        code = await self._process.wait()
        await asyncio.gather(*self._readers)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone; to its whole group when it is SIGKILL."""
        if not self.alive or self._process is None:
            return
        if number is signal.SIGKILL:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    def death(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            return f"died of {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def last_words(self) -> str:
        """The last lines it wrote, indented."""
        return "\n".join(f"    {line}" for line in self.lines) or "    (it wrote nothing)"

    async def _read_log(self) -> None:
        assert self._process is not None  # noqa: S101  started first
        assert self._process.stdout is not None  # noqa: S101  a pipe
        while chunk := await self._process.stdout.read(1 << 16):
            text = chunk.decode(errors="replace")
            self.lines.extend(line for line in text.splitlines() if line.strip())
            self._write_log(chunk)

    def _write_log(self, chunk: bytes) -> None:
        if self._log_file.exists() and self._log_file.stat().st_size > _LOG_BYTES:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
        try:
            with self._log_file.open("ab") as file:
                file.write(chunk)
        except OSError as error:
            self.lines.append(f"(its log {self._log_file} cannot be written: {error.strerror})")

    async def _read_link(self) -> None:
        assert self._link is not None  # noqa: S101  started first
        reader, writer = await asyncio.open_connection(sock=self._link)
        try:
            while line := await reader.readline():
                facts = orjson.loads(line)
                self.error = facts.get("error", self.error)
                self.facts |= facts
                if facts.get("ready"):
                    self.ready.set()
        except ConnectionResetError:
            self.lines.append("(it closed its link)")
        finally:
            writer.close()
