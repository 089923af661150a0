"""How far an import is: a small file, replaced as a whole, that a later run goes on from."""

import fcntl
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from deploy.files import replace_file
from schemas import codec
from schemas.errors import Malformed, Unavailable
from schemas.rows import Row
from schemas.vendor import Draft

HEAD_BYTES: Final = 1 << 15
"""Of a part that stand for it: renamed it has the same ids, grown it is the same one still."""


@dataclass(slots=True)
class Done:
    """What is done of one part.

    Attributes:
        head: bytes of its beginning that ``digest`` is of.
        identity: SHA-256 of its beginning when it was first seen, from which ids are derived.
        rows: from its beginning, without a gap.
        check: CRC-32 of them, which tells whether they are the same in a later run.
        plan: how its rows become events, as first decided.
    """

    head: int
    identity: str
    rows: int = 0
    check: int = 0
    plan: dict[str, Any] | None = None


@dataclass(slots=True)
class State:
    """What is done of an import.

    Attributes:
        began: Unix ms.
        sent, rejected: rows in all.
        rejects_bytes: length of the file of rejected rows at that point.
    """

    began: int
    sent: int = 0
    rejected: int = 0
    rejects_bytes: int = 0
    parts: dict[str, Done] = field(default_factory=dict)

    def part(self, name: str, stream: BufferedReader) -> Done:
        """Find what is done of a part that begins as it did; another one is noted as new."""
        beginning = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
        known = self.parts.get(name)
        if known is not None and _digest(beginning[: known.head]) == known.identity:
            return known
        fresh = self.parts[name] = Done(len(beginning), _digest(beginning))
        return fresh


Rejected = Sequence[tuple[Row, Malformed]]
"""Rows that are wrong, with what is."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A row that is wrong as an event, for the processors to make a dead letter of."""

    draft: Draft
    shared: bytes


class Kept(Protocol):
    """Where it is kept how far an import is."""

    @property
    def state(self) -> State:
        """How far it is, changed in place."""

    def save(self) -> None:
        """Keep it as it is now, soon."""


class Aside(Protocol):
    """Where rows go that are wrong."""

    def letters(self, name: str, done: Done, rejected: Rejected) -> list[Letter]:
        """What is published for them before the rows count as done."""

    def add(self, name: str, line: int, error: Malformed, row: Any) -> None:
        """Note one, in the order of the file."""

    def settle(self) -> int:
        """Make what was noted safe; returns what is to be known of it in a later run."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class StateFile:
    """The file of one import, locked for as long as it is open.

    Args:
        path: made when it is not there.
        fresh: forget what is in it.
    """

    def __init__(self, path: Path, *, now: int, fresh: bool) -> None:
        self.path = path
        self._now = now
        self._fresh = fresh
        self._lock: IO[bytes] | None = None
        self.state = State(now)

    def __enter__(self) -> Self:
        """Lock and read it.

        Raises:
            Unavailable: ``import-running``.
            Malformed: ``state-invalid``.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.path.with_suffix(".lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            message = f"another process is at the import of {self.path}: wait for it"
            raise Unavailable("import-running", message) from error
        if self.path.exists() and not self._fresh:
            self.state = _read(self.path)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def save(self) -> None:
        """Replace the file; it is on disk when this returns."""
        replace_file(self.path, codec.dumps(asdict(self.state)))


def _read(path: Path) -> State:
    try:
        return state_of(codec.loads(path.read_bytes()))
    except Malformed as error:
        message = f"{path} is no state of an import: name another with --state, or --restart"
        raise Malformed("state-invalid", message) from error


def state_of(value: Any) -> State:
    """Read a state out of JSON; Malformed ``state-invalid`` for what is none."""
    try:
        parts = {name: Done(**done) for name, done in value["parts"].items()}
        return State(**{**value, "parts": parts})
    except (AttributeError, KeyError, TypeError) as error:
        raise Malformed("state-invalid", "this is no state of an import") from error


def path_of(data: Path, source_id: str, said: Mapping[str, Any]) -> Path:
    """Choose the state's file: the same for the same arguments."""
    digest = hashlib.sha256(codec.dumps(sorted(said.items()))).hexdigest()[:12]
    return data / "imports" / f"{source_id}-{digest}.json"


class Rejects:
    """The file of rows that were set aside: JSON lines with file, line, code, message and row."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._file: IO[bytes] | None = None

    def letters(self, name: str, done: Done, rejected: Rejected) -> list[Letter]:  # noqa: ARG002
        """There are none: the file has it all."""
        return []

    def add(self, name: str, line: int, error: Malformed, row: Any) -> None:
        """Set a row aside."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
            self._file.truncate(self._size)  # what a run wrote that did not get to say so
            self._file.seek(self._size)
        said = {"file": name, "line": line, "code": error.code, "message": error.message}
        self._file.write(codec.dumps({**said, "row": row}) + b"\n")

    def settle(self) -> int:
        """Bring it all to disk; returns the file's length."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._size = self._file.tell()
        return self._size

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()
