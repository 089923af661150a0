"""Who an event or a dead letter is about, and whether they were erased. Pure."""

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas import codec, envelope, forms
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed
from schemas.events import Event
from schemas.vendor import Vendor

_NAMES: Final = re.compile(
    r"id$|user|visitor|anonym|profile|customer|device|session|distinct|mail|phone", re.IGNORECASE
)
_SHORTEST: Final = 8
"""A text of so many characters that equals somebody's id is no coincidence."""
_BINARY: Final = "base64"
"""The name of a webhook's body that is no UTF-8."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Who is erased: what an event or a letter is held against.

    Attributes:
        profiles: profile id -> until when what was received of it goes, Unix ms.
        digests: :func:`digest` of the id of a user, a visitor or a session, or of the event id
            of an erased letter -> the same.
    """

    profiles: Mapping[str, int]
    digests: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.profiles or self.digests)

    def has(self, source_id: str, named: "Named") -> bool:
        """Tell whether something received from a source is of somebody who was erased since."""
        at = named.received_at
        if any(self.profiles.get(each, -1) >= at for each in named.profiles):
            return True
        hashed = (("user", named.users), ("anonymous", named.visitors), ("session", named.sessions))
        return any(
            self.digests.get(digest(kind, source_id, each), -1) >= at
            for kind, found in hashed
            for each in found
        )


NOBODY: Final = Subjects({}, {})


@dataclass(frozen=True, slots=True)
class Named:
    """Ids that something names, and when it was received (Unix ms)."""

    received_at: int
    profiles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    visitors: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


def digest(kind: str, source_id: str, text: str) -> str:
    """Hash an id, as ``erased_ids`` has it: upper-case hex of SHA-256 (FIPS 180-4)."""
    whole = f"{kind}\x00{source_id}\x00{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest().upper()


def named_in(original: bytes, vendors: Callable[[str], Vendor | None], failed_at: int) -> Named:
    """Say whom the bytes of a dead letter are about.

    A raw event is read as its vendor reads it; canonical lines and changes of profiles have
    names of their own. In what nobody can read, a webhook's request above all, every text counts
    that is long, or whose name says that it is an id, and so does what is in JSON, forms and
    lines that texts hold: a letter too many is erased rather than one too few.

    Args:
        failed_at: stands for the time of receipt where the bytes do not tell, Unix ms.
    """
    try:
        return _raw(original, vendors)
    except HeadraceError:
        pass
    try:
        value = codec.loads(original)
    except Malformed:
        return Named(failed_at)
    found = tuple(dict.fromkeys(_texts(value)))
    received = value.get("received_at") if isinstance(value, Mapping) else None
    return Named(_moment(received, failed_at), found, found, found, found)


def _raw(original: bytes, vendors: Callable[[str], Vendor | None]) -> Named:
    raw = envelope.read(original)
    vendor = vendors(raw.protocol)
    if vendor is None:
        raise Malformed("protocol-unknown", raw.protocol)
    return named_by(raw, vendor.decode(raw))


def named_by(raw: RawEvent, event: Event) -> Named:
    """Say whose an event is."""
    user = (event.user_id,) if event.user_id else ()
    visitor = (event.anonymous_id,) if event.anonymous_id and not user else ()
    previous = (event.previous_id,) if event.previous_id else ()
    binding = event.binding.handed_over if event.binding else ""
    profiles = tuple(filter(None, (raw.profile_id, binding)))
    sessions = (raw.session_id,) if raw.session_id else ()
    return Named(raw.received_at, profiles, user + previous, visitor + previous, sessions)


def _texts(value: Any) -> Iterator[str]:
    """Walk through JSON, however deep."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        name, item = left.pop()
        if isinstance(item, Mapping):
            left += item.items()
        elif isinstance(item, list):
            left += [(name, each) for each in item]
        elif type(item) is str and item:
            if len(item) >= _SHORTEST or _NAMES.search(name):
                yield item
            left += ((inner or name, each) for inner, each in _held(name, item))
        elif type(item) is int and _NAMES.search(name):
            yield str(item)


def _held(name: str, text: str) -> Iterable[tuple[str, Any]]:
    """What a text holds that is smaller than itself, under names of its own or none."""
    if name == _BINARY:
        with contextlib.suppress(ValueError):
            return [("", base64.b64decode(text, validate=True).decode("utf-8", "replace"))]
    if text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(Malformed):
            return [("", codec.loads(text))]
    lines = text.splitlines()
    if len(lines) > 1:
        return [("", line) for line in lines]
    if "@" in text and " " in text:
        return [("mail", word.strip("<>()[],;:\"'")) for word in text.split() if "@" in word]
    if "=" in text and forms.looks_urlencoded(text.encode("utf-8", "replace")):
        with contextlib.suppress(Malformed):
            return forms.urlencoded(text.encode()).items()
    return ()


def _moment(value: Any, otherwise: int) -> int:
    if type(value) is int:
        return value
    try:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    except (TypeError, ValueError):
        return otherwise
