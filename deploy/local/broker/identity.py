"""Who this broker is, and the producer ids it has given out: one small file."""

import secrets
from pathlib import Path

import orjson

from .errors import DataDirectoryForeign
from .files import replace_file

FORMAT = 1
_RESERVED = 1_000  # ids per write: a crash wastes the rest of a block, never repeats one


class Identity:
    """The cluster id, and an endless row of producer ids that survives any crash."""

    def __init__(self, data: Path) -> None:
        """Read or create `meta.json`; raises OSError and `DataDirectoryForeign`."""
        self._path = data / "meta.json"
        stored = orjson.loads(self._path.read_bytes()) if self._path.exists() else {}
        if stored.get("format", FORMAT) != FORMAT:
            raise DataDirectoryForeign(data, stored["format"])
        self.cluster_id: str = stored.get("cluster_id") or secrets.token_urlsafe(16)
        self._next_id: int = stored.get("next_producer_id", 0)
        self._reserved_up_to = self._next_id
        self._store()

    def new_producer_id(self) -> int:
        """Return an id that was never returned before; raises OSError."""
        if self._next_id >= self._reserved_up_to:
            self._reserved_up_to += _RESERVED
            try:
                self._store()
            except OSError:
                self._reserved_up_to -= _RESERVED
                raise
        self._next_id += 1
        return self._next_id - 1

    def _store(self) -> None:
        content = {
            "format": FORMAT,
            "cluster_id": self.cluster_id,
            "next_producer_id": self._reserved_up_to,
        }
        replace_file(self._path, orjson.dumps(content))
