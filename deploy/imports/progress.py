"""Progress for people: one line that is written again on a terminal, else a line now and then."""

import time
from typing import Final, TextIO

from deploy.imports.work import Told

_EVERY_SECONDS: Final = 0.2
_LINE_SECONDS: Final = 5.0
_WIDTH: Final = 24
_HOUR: Final = 3600


class Progress:
    """Writes how far an import is, its rate and what time it will take yet.

    Args:
        out: usually standard error.
        sent: rows that were sent before.
    """

    def __init__(self, out: TextIO, *, sent: int = 0) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._began = self._last = time.monotonic()
        self._before = sent
        self._why = ""

    def tell(self, told: Told) -> None:
        """Note how far it is."""
        now = time.monotonic()
        if now - self._last < (_EVERY_SECONDS if self._terminal else _LINE_SECONDS):
            return
        self._last = now
        self._write(line_of(told, now - self._began, told.sent - self._before))

    def waiting(self, why: str) -> None:
        """Say what holds it up; "" when that is over."""
        if why and why != self._why:
            self._write(f"waiting for {why}")
        self._why = why

    def end(self) -> None:
        """Leave the line as it is."""
        if self._terminal:
            self._out.write("\n")
            self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._out.flush()


def line_of(told: Told, seconds: float, sent: int) -> str:
    """Word it.

    Args:
        seconds: since this run began.
        sent: rows of this run.
    """
    name = told.name.rpartition("/")[2]
    rate = f"{sent / seconds:,.0f} rows/s" if seconds > 0 else ""
    aside = f", {told.rejected:,} set aside" if told.rejected else ""
    if not told.size:
        return f"{name}  {told.read / 1e6:,.1f} MB read  {rate}  {told.sent:,} sent{aside}"
    share = min(1.0, told.read / told.size)
    filled = round(share * _WIDTH)
    left = _clock(seconds * (1 - share) / share) if share else "?"
    bar = "#" * filled + "-" * (_WIDTH - filled)
    return f"{name} [{bar}] {share:4.0%}  {rate}  {left} left  {told.sent:,} sent{aside}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    minutes = f"{whole % _HOUR // 60:02}:{whole % 60:02}"
    return f"{whole // _HOUR}:{minutes}" if whole >= _HOUR else minutes
