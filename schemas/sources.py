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
_PLAIN: Final[dict[Any, str]] = {str: "a text", int: "a whole number", bool: "true or false"}
_DEFAULTS: Final[dict[str, tuple[str, ...]]] = {"keys": (), "origins": ("*",)}


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
    record = _known(Source, value)
    for name in ("keys", "origins"):
        if not isinstance(record.setdefault(name, _DEFAULTS[name]), list | tuple):
            raise Malformed("source-invalid", f"{name} must be a list", where=(name,))
    try:
        record["limits"] = Limits(**_known(Limits, record.get("limits", {}), ("limits",)))
        record["keys"] = tuple(Key(**_known(Key, key, ("keys",))) for key in record["keys"])
        record["origins"] = tuple(record["origins"])
        source = Source(**record)
    except TypeError as error:  # a field that has no default is missing
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
    _check_types(source)
    if source.bridge not in BRIDGES:
        raise Malformed("source-invalid", f"bridge must be one of {BRIDGES}", where=("bridge",))
    if source.session_timeout <= 0:
        raise Malformed(
            "source-invalid", "session_timeout must be seconds above 0", where=("session_timeout",)
        )
    if source.limits.body_bytes <= 0 or source.limits.events_per_request <= 0:
        raise Malformed("source-invalid", "limits must be above 0", where=("limits",))
    if not all(isinstance(origin, str) for origin in source.origins):
        raise Malformed("source-invalid", "origins must be texts", where=("origins",))
    if not all(key.type in KEY_TYPES for key in source.keys):
        raise Malformed("source-invalid", f"a key's type is one of {KEY_TYPES}", where=("keys",))


def _check_types(source: Source) -> None:
    """Compare plain fields with their types: a wrong one would fail far from here."""
    parts: list[tuple[str, Source | Limits | Key]] = [("", source), ("limits", source.limits)]
    parts += [("keys", key) for key in source.keys]
    for whole, part in parts:
        for known in fields(part):
            if known.type in _PLAIN and type(getattr(part, known.name)) is not known.type:
                raise Malformed(
                    "source-invalid",
                    f"{known.name} must be {_PLAIN[known.type]}",
                    where=(whole or known.name,),
                )


def _known(shape: type, value: Any, where: tuple[str, ...] = ()) -> dict[str, Any]:
    """Keep the fields that this version knows; a newer one may have written more."""
    if not isinstance(value, Mapping):
        name = where[0] if where else "an event source"
        raise Malformed("source-invalid", f"{name} must be a JSON object", where=where)
    return {known.name: value[known.name] for known in fields(shape) if known.name in value}


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
            if self._by_hash.get(key.hash, (None,))[0] is old:
                del self._by_hash[key.hash]
