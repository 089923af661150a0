"""What ``/api`` answers, and what ``headrace sources`` prints."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from schemas import codec
from schemas.catalog import Collection
from schemas.commands import Issued
from schemas.errors import HeadraceError
from schemas.reading import JsonObject
from schemas.sources import Source
from schemas.vendor import Claim, Reply, Request, refusal

_UNAUTHORISED: Final = 401
_ADMIN: Final = (
    'send the admin key as "Authorization: Bearer <key>": the HEADRACE_ADMIN_KEY of the ingest '
    "tier, else the one that `headrace up` printed at its first start; "
    "`headrace admin-key --new` draws another"
)


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word the result of a command."""
    match result:
        case Issued():
            place = f"/api/sources/{result.source.id}"
            return Reply(201, codec.dumps(issued(result)), headers=(("Location", place),))
        case None:
            return Reply(204, b"", content_type="")
        case Source():
            return Reply(200, codec.dumps(shown(result)))
        case Collection():
            return Reply(200, codec.dumps(_collection(result)))
    if request.endpoint == "schema":
        return Reply(200, codec.dumps(schema(result)))
    return Reply(200, codec.dumps({"sources": [shown(source) for source in result]}))


def refuse(error: HeadraceError, request: Request) -> Reply:  # noqa: ARG001
    """Say no: a short code for programs, a sentence for people."""
    message = _ADMIN if error.code in {"admin-key-missing", "admin-key-unknown"} else error.message
    made = refusal(error, {"error": {"code": error.code, "message": message}}, error.status)
    if error.status != _UNAUTHORISED:
        return made
    return Reply(made.status, made.body, headers=(*made.headers, ("WWW-Authenticate", "Bearer")))


def shown(source: Source) -> JsonObject:
    """A source as JSON; hashes of keys stay inside."""
    record = asdict(source)
    for key in record["keys"]:
        del key["hash"]
    return record


def issued(result: Issued) -> JsonObject:
    """A source with those of its keys that were drawn just now, in clear this once."""
    record = shown(result.source)
    record["keys"] = [
        {**key, "key": result.clear[key["id"]]}
        for key in record["keys"]
        if key["id"] in result.clear
    ]
    return record


def schema(collections: Iterable[Collection]) -> JsonObject:
    """The collections of a source as JSON."""
    return {"collections": [_collection(each) for each in collections]}


def _collection(collection: Collection) -> JsonObject:
    return {"name": collection.name, "properties": dict(collection.properties)}
