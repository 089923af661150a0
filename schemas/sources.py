"""Event sources and their keys: the record, its JSON, and the registry folded from its topic."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal

from schemas.errors import Malformed

Bridge = Literal["rest", "webhook", "redirect", "import"]
KeyType = Literal["write", "query", "delete"]

BRIDGES: Final = ("rest", "webhook", "redirect", "import")
KEY_TYPES: Final = ("write", "query", "delete")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def hash_key(key: str) -> str:
    """Hash a key for keeping: plain SHA-256, since keys are 256 random bits, not passwords."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: never in clear."""

    id: str
    type: KeyType
    hash: str = field(repr=False)
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request of a source may weigh."""

    body_bytes: int = 5 << 20
    events_per_request: int = 10_000


@dataclass(frozen=True, slots=True)
class Source:
    """An event source, as DESIGN section 4 lists it.

    Attributes:
        id: slug, lower case; also the name of its raw topic and its database.
        protocol: the only vendor protocol it accepts, or ``any``.
        bridge: the kind of endpoint it accepts.
        origins: CORS origins, ``*`` for all.
        session_timeout: seconds of inactivity that end a session.
        created_at, updated_at: Unix ms.
    """

    id: str
    name: str = ""
    description: str = ""
    channel: str = ""
    protocol: str = "any"
    bridge: Bridge = "rest"
    enabled: bool = True
    origins: tuple[str, ...] = ("*",)
    dynamic_schema: bool = True
    session_timeout: int = 1800
    static_profile_ids: bool = False
    transitional: bool = False
    limits: Limits = field(default_factory=Limits)
    keys: tuple[Key, ...] = ()
    created_at: int = 0
    updated_at: int = 0

    def as_record(self) -> dict[str, Any]:
        """The JSON value kept in the sources topic, key hashes included."""
        return asdict(self)


def from_record(value: Any) -> Source:
    """Inverse of :meth:`Source.as_record`; unknown fields of a newer version are ignored.

    Raises:
        Malformed: ``source-invalid``, with ``where`` naming the field.
    """
    if not isinstance(value, Mapping):
        raise Malformed("source-invalid", "an event source is a JSON object")
    known = {f.name for f in fields(Source)}
    record = {name: item for name, item in value.items() if name in known}
    try:
        record["limits"] = Limits(**record.get("limits", {}))
        record["keys"] = tuple(Key(**key) for key in record.get("keys", ()))
        record["origins"] = tuple(record.get("origins", ("*",)))
        source = Source(**record)
    except TypeError as error:
        raise Malformed("source-invalid", str(error)) from error
    check(source)
    return source


def check(source: Source) -> None:
    """Raise Malformed (``source-invalid``) naming the first field that cannot be."""
    if not isinstance(source.id, str) or not _SLUG.fullmatch(source.id):
        raise Malformed(
            "source-invalid",
            "id must be 1 to 63 of a-z, 0-9, '-' and '_', beginning with a letter or digit",
            where=("id",),
        )
    if source.bridge not in BRIDGES:
        raise Malformed("source-invalid", f"bridge must be one of {BRIDGES}", where=("bridge",))
    if not isinstance(source.session_timeout, int) or source.session_timeout <= 0:
        raise Malformed(
            "source-invalid", "session_timeout must be seconds above 0", where=("session_timeout",)
        )


class Registry:
    """All sources by id and by key, folded from the records of the sources topic."""

    def __init__(self) -> None:
        self._by_id: dict[str, Source] = {}
        self._by_hash: dict[str, tuple[Source, Key]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def ids(self) -> tuple[str, ...]:
        """Ids of all sources, sorted."""
        return tuple(sorted(self._by_id))

    def get(self, source_id: str) -> Source | None:
        """Find a source by its id; vendors' ids are matched trimmed and in lower case."""
        return self._by_id.get(source_id.strip().lower())

    def find_key(self, key: str) -> tuple[Source, Key] | None:
        """Find whose key this is; the look-up is by hash, the comparison in constant time."""
        digest = hash_key(key)
        found = self._by_hash.get(digest)
        if found is None or not hmac.compare_digest(found[1].hash, digest):
            return None
        return found

    def put(self, source: Source) -> None:
        """Add or replace a source."""
        self.remove(source.id)
        self._by_id[source.id] = source
        for key in source.keys:
            self._by_hash[key.hash] = (source, key)

    def remove(self, source_id: str) -> None:
        """Forget a source and its keys; unknown ids are fine, a tombstone may come twice."""
        old = self._by_id.pop(source_id, None)
        for key in old.keys if old else ():
            self._by_hash.pop(key.hash, None)
