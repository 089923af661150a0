"""What people may write into an event source: read strictly, so that a typo is told, not lost."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from schemas import codec, kafka_topics
from schemas.errors import Malformed
from schemas.reading import MAX_NAME, as_whole, bound
from schemas.sources import MERGE_KEYS, Limits, Redirect, Source, check

SETTABLE: Final = frozenset(known.name for known in fields(Source)) - {
    "id",
    "keys",
    "created_at",
    "updated_at",
}
"""Fields of a source that a change may name."""
MAX_DESCRIPTION: Final = 4_000
MAX_ORIGINS: Final = 100
MAX_REDIRECTS: Final = 200
MAX_URL: Final = 2_048
MAX_PROPS_BYTES: Final = 16 << 10
MAX_SESSION_SECONDS: Final = 366 * 86_400
MAX_LIMIT: Final = 1_000_000_000

MAX_DAYS: Final = 36_525

_SECONDS: Final = ("session_timeout", "session_max")
_DAYS: Final = ("retention_days", "ip_retention_days")
_LIMITS: Final = frozenset(known.name for known in fields(Limits))
_LINK: Final = frozenset(known.name for known in fields(Redirect))
_NOT_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_PROSE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TEXTS: Final = ("name", "channel", "protocol", "replace_profile_id")
_REQUIRED: Final = ("id", "url", "event_type")


def new_source(given: Mapping[str, Any]) -> Source:
    """Read the fields of a source that is to be made.

    Raises:
        Malformed: ``source-invalid``; ``where`` and the message name the field.
    """
    refuse_others(given, SETTABLE | {"id"}, "an event source")
    if "id" not in given:
        raise _wrong("id", "id is missing: give the source a short name, e.g. shop")
    return _filled(Source(id=given["id"]), given)


def changed(source: Source, changes: Mapping[str, Any]) -> Source:
    """Change fields of a source; of ``limits`` only those that are named.

    Raises:
        Malformed: ``source-invalid``; ``where`` and the message name the field.
    """
    for fixed in ("id", "keys", "created_at", "updated_at"):
        if fixed in changes:
            raise _wrong(fixed, f"{fixed} cannot be changed: leave it out")
    refuse_others(changes, SETTABLE, "an event source")
    return _filled(source, changes)


def refuse_others(
    given: Mapping[str, Any], known: Iterable[str], what: str, code: str = "source-invalid"
) -> None:
    """Refuse the first field that is not known, naming those that are."""
    names = sorted(known)
    for name in given:
        if name not in names:
            raise Malformed(
                code,
                f"{_short(name)} is no field of {what}; there are: {', '.join(names)}",
                where=(name,),
            )


def as_plain(value: Any, name: str, longest: int = MAX_NAME, code: str = "source-invalid") -> str:
    """Take a text without control characters; Malformed with ``code`` otherwise."""
    if type(value) is not str:
        raise Malformed(code, f"{name} must be a text", where=(name,))
    if len(value) > longest:
        raise Malformed(code, f"{name} has more than {longest} characters", where=(name,))
    if _NOT_TEXT.search(value):
        raise Malformed(code, f"{name} must be without control characters", where=(name,))
    return value


def _filled(source: Source, given: Mapping[str, Any]) -> Source:
    values = {name: value for name, value in given.items() if name in SETTABLE}
    for name in values.keys() & {*_SECONDS, *_DAYS}:
        values[name] = as_whole(values[name])
    if "limits" in values:
        values["limits"] = _limits(source.limits, values["limits"])
    if "origins" in values:
        values["origins"] = _origins(values["origins"])
    if "merge_by" in values:
        values["merge_by"] = _merge_by(values["merge_by"])
    if "redirects" in values:
        values["redirects"] = _redirects(values["redirects"])
    if "kafka" in values:
        values["kafka"] = kafka_topics.given(source.kafka, values["kafka"])
    filled = replace(source, **values)
    check(filled)
    _bound(filled)
    return filled


def _bound(source: Source) -> None:
    for name in _TEXTS:
        as_plain(getattr(source, name), name)
    if len(source.description) > MAX_DESCRIPTION or _NOT_PROSE.search(source.description):
        raise _wrong(
            "description", f"description must be a text of at most {MAX_DESCRIPTION} characters"
        )
    for name in _SECONDS:
        if getattr(source, name) > MAX_SESSION_SECONDS:
            raise _wrong(name, f"{name} is at most {MAX_SESSION_SECONDS} seconds")
    for name in _DAYS:
        if not 0 <= getattr(source, name) <= MAX_DAYS:
            raise _wrong(name, f"{name} is 1 to {MAX_DAYS} days, or 0 to keep all")


def _limits(present: Limits, given: Any) -> Limits:
    if not isinstance(given, Mapping):
        raise _wrong("limits", "limits must be a JSON object")
    refuse_others(given, _LIMITS, "limits")
    given = {name: as_whole(value) for name, value in given.items()}
    for name, value in given.items():
        if type(value) is int and value > MAX_LIMIT:
            raise _wrong("limits", f"{name} is at most {MAX_LIMIT}")
    return replace(present, **given)


def _origins(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or len(given) > MAX_ORIGINS:
        raise _wrong("origins", f"origins must be a list of at most {MAX_ORIGINS} texts")
    origins = tuple(as_plain(origin, "origins").strip() for origin in given)
    if not all(origins):
        raise _wrong("origins", "an origin is like https://shop.example, or * for all")
    return origins


def _merge_by(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(each in MERGE_KEYS for each in given):
        raise _wrong("merge_by", f"merge_by is a list out of: {', '.join(MERGE_KEYS)}")
    return tuple(dict.fromkeys(given))


def _redirects(given: Any) -> tuple[Redirect, ...]:
    if not isinstance(given, list | tuple) or len(given) > MAX_REDIRECTS:
        raise _wrong("redirects", f"redirects must be a list of at most {MAX_REDIRECTS} objects")
    links = tuple(_redirect(link) for link in given)
    if len({link.id for link in links}) < len(links):
        message = "two redirects have the same id"
        raise Malformed("redirect-exists", message, status=409, where=("redirects",))
    return links


def _redirect(given: Any) -> Redirect:
    if not isinstance(given, Mapping):
        raise _wrong("redirects", "a redirect must be a JSON object")
    refuse_others(given, _LINK, "a redirect")
    for name in _REQUIRED:
        if name not in given:
            raise _wrong("redirects", f"a redirect needs id, url and event_type: {name} is missing")
    for name in (*_REQUIRED, "name"):
        longest = MAX_URL if name == "url" else MAX_NAME
        try:
            as_plain(given.get(name, ""), name, longest)
        except Malformed as error:
            raise _wrong("redirects", f"a redirect's {error.message}") from error
    props = given.get("props", {})
    bound(props)
    if len(codec.dumps(props)) > MAX_PROPS_BYTES:
        raise _wrong("redirects", f"a redirect's props have more than {MAX_PROPS_BYTES} bytes")
    return Redirect(**given)


def _short(name: str) -> str:
    return repr(name if len(name) <= MAX_NAME else name[:MAX_NAME] + "...")


def _wrong(field: str, message: str) -> Malformed:
    return Malformed("source-invalid", message, where=(field,))
