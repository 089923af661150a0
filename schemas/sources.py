"""Event sources and their keys: the record, its JSON, and the registry folded from its topic."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from schemas import kafka_topics
from schemas.errors import Malformed
from schemas.kafka_topics import KafkaTopic
from schemas.source_parts import (
    BRIDGES,
    IP_POLICIES,
    KEY_TYPES,
    Bridge,
    IpPolicy,
    Key,
    KeyType,
    Limits,
    Redirect,
    hash_key,
)

__all__ = [
    "BRIDGES",
    "IP_POLICIES",
    "KEY_TYPES",
    "MERGE_KEYS",
    "Bridge",
    "IpPolicy",
    "Key",
    "KeyType",
    "Limits",
    "Redirect",
    "Registry",
    "Source",
    "check",
    "from_record",
    "hash_key",
]

MERGE_KEYS: Final = ("email", "phone")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LINK: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAIN: Final[dict[Any, str]] = {str: "a text", int: "a whole number", bool: "true or false"}
_DEFAULTS: Final[dict[str, tuple[str, ...]]] = {
    "keys": (),
    "origins": ("*",),
    "redirects": (),
    "merge_by": (),
}


@dataclass(frozen=True, slots=True)
class Source:
    """An event source, as DESIGN section 4 lists it.

    Attributes:
        id: slug, lower case; also the name of its raw topic and its database.
        protocol: the only vendor protocol it accepts, or ``any``.
        bridge: the kind of endpoint it accepts.
        origins: CORS origins, ``*`` for all.
        dynamic_schema: False freezes it: what :mod:`schemas.catalog` does not know is refused.
        session_timeout: seconds of inactivity that end a session.
        session_max: seconds from a session's first event to its last; at least session_timeout.
        session_on_campaign: an event of another campaign (source, medium, name) than its
            session's begins a new one.
        static_profile_ids: profile ids are the client's own business and used as sent.
        transitional: events update profiles and are not stored, nor are their sessions.
        requires_consent: echoed to Tracardi's clients, which ask their visitors then.
        returns_profile: Tracardi's option ``profile`` is honoured.
        replace_profile_id: dotted path in a webhook's properties to the id of its profile.
        generate_profile: a webhook without such an id gets a profile of its own.
        sticky_session: a webhook's session follows from its profile id.
        merge_by: kinds of addresses, out of MERGE_KEYS, that make two profiles of it one.
        ip: what is stored of visitors' addresses once they have been located: all, the network
            (/24, /48), or nothing. Raw topics and dead letters hold what was sent.
        retention_days: after so many days events, sessions and dead letters are deleted, by the
            time of the event; 0 keeps them. Profiles stay.
        ip_retention_days: after so many days the column ``ip`` of events is emptied; 0 keeps it.
        redirects: links of a source whose bridge is ``redirect``.
        kafka: the topic that fills a source whose bridge is ``kafka``.
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
    session_max: int = 86_400
    session_on_campaign: bool = False
    static_profile_ids: bool = False
    transitional: bool = False
    requires_consent: bool = False
    returns_profile: bool = False
    replace_profile_id: str = ""
    generate_profile: bool = False
    sticky_session: bool = True
    merge_by: tuple[str, ...] = ()
    ip: IpPolicy = "keep"
    retention_days: int = 0
    ip_retention_days: int = 0
    redirects: tuple[Redirect, ...] = ()
    kafka: KafkaTopic | None = None
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
    for name in _DEFAULTS:
        if not isinstance(record.setdefault(name, _DEFAULTS[name]), list | tuple):
            raise Malformed("source-invalid", f"{name} must be a list", where=(name,))
    try:
        record["limits"] = Limits(**_known(Limits, record.get("limits", {}), ("limits",)))
        record["keys"] = tuple(Key(**_known(Key, key, ("keys",))) for key in record["keys"])
        if record.get("kafka") is not None:
            known = _known(KafkaTopic, record["kafka"], ("kafka",))
            record["kafka"] = kafka_topics.of_record(known)
        record["origins"] = tuple(record["origins"])
        record["merge_by"] = tuple(record["merge_by"])
        record["redirects"] = tuple(
            Redirect(**_known(Redirect, link, ("redirects",))) for link in record["redirects"]
        )
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
    for name, words in (("bridge", BRIDGES), ("ip", IP_POLICIES)):
        if getattr(source, name) not in words:
            raise Malformed("source-invalid", f"{name} must be one of {words}", where=(name,))
    for name in ("session_timeout", "session_max"):
        if getattr(source, name) <= 0:
            raise Malformed("source-invalid", f"{name} must be seconds above 0", where=(name,))
    limits = source.limits
    if min(limits.body_bytes, limits.events_per_request, limits.requests_per_second + 1) <= 0:
        raise Malformed("source-invalid", "limits must be above 0", where=("limits",))
    _check_lists(source)
    for link in source.redirects:
        _check_redirect(link)
    if (source.bridge == "kafka") != (source.kafka is not None):
        message = "bridge kafka and the topic in kafka belong together: give both, or neither"
        raise Malformed(kafka_topics.CODE, message, where=("kafka",))
    if source.kafka is not None:
        kafka_topics.check(source.kafka)


def _check_lists(source: Source) -> None:
    if not all(isinstance(origin, str) for origin in source.origins):
        raise Malformed("source-invalid", "origins must be texts", where=("origins",))
    if not all(kind in MERGE_KEYS for kind in source.merge_by):
        message = f"merge_by is a list out of {MERGE_KEYS}"
        raise Malformed("source-invalid", message, where=("merge_by",))
    if not all(key.type in KEY_TYPES for key in source.keys):
        raise Malformed("source-invalid", f"a key's type is one of {KEY_TYPES}", where=("keys",))


def _check_redirect(link: Redirect) -> None:
    where = ("redirects",)
    if not _LINK.fullmatch(link.id):
        raise Malformed("source-invalid", "a redirect's id is 1 to 64 of A-Za-z0-9_-", where=where)
    if not link.url.startswith(("http://", "https://")):
        raise Malformed("source-invalid", "a redirect's url begins with http(s)://", where=where)
    if not link.event_type.strip():
        raise Malformed("source-invalid", "a redirect needs an event_type", where=where)
    if not isinstance(link.props, Mapping):
        raise Malformed("source-invalid", "a redirect's props must be an object", where=where)


def _check_types(source: Source) -> None:
    """Compare plain fields with their types: a wrong one would fail far from here."""
    parts: list[tuple[str, Source | Limits | Key | Redirect]] = [("", source)]
    parts.append(("limits", source.limits))
    parts += [("keys", key) for key in source.keys]
    parts += [("redirects", link) for link in source.redirects]
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
    """All sources by id, key and redirect, folded from the records of the sources topic."""

    def __init__(self) -> None:
        self._by_id: dict[str, Source] = {}
        self._by_hash: dict[str, tuple[Source, Key]] = {}
        self._by_link: dict[str, tuple[Source, Redirect]] = {}

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

    def find_redirect(self, link: str) -> tuple[Source, Redirect] | None:
        """Find a redirect and its source."""
        return self._by_link.get(link)

    def put(self, source: Source) -> None:
        """Add or replace a source."""
        self.remove(source.id)
        self._by_id[source.id] = source
        for link in source.redirects:
            self._by_link[link.id] = (source, link)
        for key in source.keys:
            self._by_hash[key.hash] = (source, key)

    def remove(self, source_id: str) -> None:
        """Forget a source and its keys; unknown ids are fine, a tombstone may come twice."""
        old = self._by_id.pop(source_id, None)
        for key in old.keys if old else ():
            if self._by_hash.get(key.hash, (None,))[0] is old:
                del self._by_hash[key.hash]
        for link in old.redirects if old else ():
            if self._by_link.get(link.id, (None,))[0] is old:
                del self._by_link[link.id]
