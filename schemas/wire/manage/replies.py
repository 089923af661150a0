"""What ``/api`` answers, and what ``headrace sources`` prints."""

from dataclasses import asdict
from html import escape
from typing import Any, Final

from schemas import api, codec
from schemas.catalog import Collection
from schemas.commands import Issued
from schemas.errors import HeadraceError, Refused
from schemas.people import Erasure, Person
from schemas.reading import JsonObject
from schemas.sources import Source
from schemas.validations import Validation
from schemas.vendor import Claim, Reply, Request
from schemas.wire.manage import linking, people

_LISTS: Final = {
    "sources": "sources",
    "validations": "validations",
    "profile": "profiles",
    "erasures": "erasures",
}
_FOR_PAGES: Final = frozenset({"any", "own"})
"""Protocols of sources that take what headrace.js sends."""
_ADMIN: Final = (
    'send the admin key as "Authorization: Bearer <key>": the HEADRACE_ADMIN_KEY of the ingest '
    "tier, else the one that `headrace up` printed at its first start; "
    "`headrace admin-key --new` draws another"
)


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word the result of a command."""
    if result is None:
        return Reply(204, b"", content_type="")
    if isinstance(result, Issued):
        place = f"/api/sources/{result.source.id}"
        body = codec.dumps(worded(result, _place(request)))
        return Reply(201, body, headers=(("Location", place),))
    if isinstance(result, Erasure):
        return Reply(202, codec.dumps(worded(result)))
    if request.endpoint == "links":
        return linking.answer(result, request)
    if type(result) is tuple and request.endpoint in _LISTS:
        listed = [worded(each) for each in result]
        return Reply(200, codec.dumps({_LISTS[request.endpoint]: listed}))
    return Reply(200, codec.dumps(worded(result, _place(request))))


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no: a short code for programs, a sentence for people."""
    if error.code in {"admin-key-missing", "admin-key-unknown"}:
        error = Refused(error.code, _ADMIN, status=error.status)
    return api.refuse(error, request)


def worded(result: Any, at: str = "") -> JsonObject:
    """Write a source, perhaps with the keys drawn just now, or what else was asked for, as JSON.

    Hashes of keys stay inside; a drawn key is shown in clear, this once and without the others.

    Args:
        at: where pages find the ingest; "" for no snippet.
    """
    match result:
        case Issued():
            written = (key for key in result.source.keys if key.type == "write")
            clear = [result.clear[key.id] for key in written if key.id in result.clear]
            record = _shown(result.source, at, *clear[:1])
            record["keys"] = [
                {**key, "key": result.clear[key["id"]]}
                for key in record["keys"]
                if key["id"] in result.clear
            ]
            return record
        case Source():
            return _shown(result, at)
        case Collection():
            return {"name": result.name, "properties": dict(result.properties)}
        case Validation():
            return asdict(result)
        case Person() | Erasure():
            return people.worded(result)
    return {"collections": [worded(each) for each in result]}


def _shown(source: Source, at: str, key: str = "WRITE-KEY") -> JsonObject:
    record = asdict(source)
    for each in record["keys"]:
        del each["hash"]
    if source.kafka is not None:
        record["kafka"] = source.kafka.shown()
    if at and source.protocol in _FOR_PAGES and source.bridge == "rest":
        # in single quotes, so that JSON need not escape them
        src, key = escape(f"{at.rstrip('/')}/headrace.js"), escape(key)
        record["snippet"] = f"<script async src='{src}' data-key='{key}'></script>"
    return record


def _place(request: Request) -> str:
    """Where the caller found the ingest: by whatever scheme the page itself has."""
    host = request.headers.get("host", "")
    return f"//{host}" if host else ""
