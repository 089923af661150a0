"""How far the imports of a task are, in the record of its runs; and where its bad rows go."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from deploy.imports.state import Done, Letter, Rejected, State, state_of
from deploy.imports.work import Told
from schemas import codec
from schemas.errors import Malformed, Unavailable
from schemas.reading import JsonObject, inside
from schemas.topics import MAX_EVENT_BYTES
from schemas.vendor import Draft
from schemas.wire.imports import unread

log: Final = logging.getLogger(__name__)
MAX_BYTES: Final = 256 << 10
"""Of what is kept of all imports of a task; what is left out is read again and stored once."""
MAX_IMPORTS: Final = 20
MAX_BAD: Final = 10_000
"""Bad rows of an import since it last came to its end, after which it is taken for a mistake."""
_SAVE_SECONDS: Final = 1.0
_LONGEST: Final = MAX_EVENT_BYTES - (16 << 10)
_SHOWN: Final = 20


class Kept:
    """How far one import is; what changed is written once a second.

    Args:
        known: of all imports of the task, by their keys.
        write: keeps all of them.

    Attributes:
        failure: why nothing can be written any more, None while it can.
        bad: rows that were, since the import last came to its end.
    """

    def __init__(
        self,
        known: Mapping[str, Any],
        key: str,
        write: Callable[[Mapping[str, Any]], Awaitable[None]],
        now: int,
    ) -> None:
        self._others = {name: value for name, value in known.items() if name != key}
        self._key = key
        self._write = write
        self._changed = asyncio.Event()
        self._told = Told("", 0, 0, 0, 0)
        self.failure: Malformed | None = None
        self.state = State(now)
        self.bad = 0
        if key in known:
            bad = inside(known, key).get("bad")
            self.bad = bad if type(bad) is int else 0
            with contextlib.suppress(Malformed):
                self.state = state_of(inside(known[key], "state"))

    def save(self) -> None:
        """Keep it as it is now, soon."""
        self._changed.set()

    def tell(self, told: Told) -> None:
        """Note how far it is in the file under way."""
        self._told = told

    async def run(self) -> None:
        """Write what changes until this is cancelled, or nothing can be written any more."""
        while self.failure is None:
            await self._changed.wait()
            await self.flush()
            if self.failure is None:
                await asyncio.sleep(_SAVE_SECONDS)

    async def flush(self) -> None:
        """Write it now, if it changed; while Kafka is away, later."""
        if not self._changed.is_set() or self.failure is not None:
            return
        self._changed.clear()
        try:
            await self._write(self.record())
        except asyncio.CancelledError:
            self._changed.set()
            raise
        except Malformed as error:
            self.failure = error
        except Unavailable as error:
            self._changed.set()
            log.warning("how far an import is could not be kept: %s", error.message)

    def record(self) -> JsonObject:
        """All imports as they are kept; of too many, those last worked at."""
        value = asdict(self.state)
        parts: dict[str, Any] = value["parts"]
        for name, done in parts.items():
            if name != self._told.name:
                done["plan"] = None  # its first rows say it again
        told = self._told
        mine = {"at": told.name, "read": told.read, "size": told.size, "bad": self.bad}
        mine["state"] = value
        kept = {**self._others, self._key: mine}
        while len(kept) > MAX_IMPORTS or (len(kept) > 1 and len(codec.dumps(kept)) > MAX_BYTES):
            del kept[next(iter(kept))]
        while len(codec.dumps(kept)) > MAX_BYTES and parts:
            for name in list(parts)[: max(1, len(parts) // 8)]:
                del parts[name]
        return kept


class Letters:
    """Bad rows as dead letters, each the same whenever its file is read.

    Args:
        say: is told of the first of them.
        kept: counts them.
    """

    def __init__(self, say: Callable[[str], None], kept: Kept) -> None:
        self._say = say
        self._kept = kept
        self._said = 0

    def letters(self, name: str, done: Done, rejected: Rejected) -> list[Letter]:
        """Write them as events that the processors cannot read; with file, line and reason."""
        found = []
        for row, error in rejected:
            where = f"{name}:{row.line}"
            why = Malformed(error.code, f"{where}: {error.message}"[:1_000])
            body = unread.body_of((row.text or _json(row.value)).encode("utf-8", "replace"))
            row_id = f"{done.identity[:16]}:{row.line}:unread"
            if len(body) > _LONGEST:
                body = b"{}"
            shared = unread.shared(why, {"file": name, "line": row.line})
            found.append(Letter(Draft(body, row_id, message_id=row_id), shared))
        return found

    def add(self, name: str, line: int, error: Malformed, row: object) -> None:  # noqa: ARG002
        """Note one.

        Raises:
            Malformed: ``too-many-bad-rows``.
        """
        self._kept.bad += 1
        if self._said < _SHOWN:
            self._said += 1
            self._say(f"{name}:{line}: {error.code}: {error.message}")
        if self._kept.bad > MAX_BAD:
            message = (
                f"more than {MAX_BAD} rows are bad: is it the right format, and map? To go on, "
                "change them, or let it begin anew (headrace tasks forget)"
            )
            raise Malformed("too-many-bad-rows", message)

    def settle(self) -> int:
        """Nothing is to be known of them: they are events."""
        return 0


def _json(value: Any) -> str:
    try:
        return codec.dumps(value).decode()
    except Malformed:
        return str(value)
