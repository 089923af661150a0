"""What ``/api`` answers, and what ``headrace sources`` prints."""

from dataclasses import asdict
from typing import Any, Final

from schemas import codec
from schemas.catalog import Collection
from schemas.commands import Issued
from schemas.errors import HeadraceError
from schemas.reading import JsonObject
from schemas.sources import Source
from schemas.validations import Validation
from schemas.vendor import Claim, Reply, Request, refusal

_UNAUTHORISED: Final = 401
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
        return Reply(201, codec.dumps(worded(result)), headers=(("Location", place),))
    if request.endpoint == "sources":
        return Reply(200, codec.dumps({"sources": [worded(source) for source in result]}))
    if type(result) is tuple and request.endpoint == "validations":
        return Reply(200, codec.dumps({"validations": [worded(each) for each in result]}))
    return Reply(200, codec.dumps(worded(result)))


def refuse(error: HeadraceError, request: Request) -> Reply:  # noqa: ARG001
    """Say no: a short code for programs, a sentence for people."""
    message = _ADMIN if error.code in {"admin-key-missing", "admin-key-unknown"} else error.message
    made = refusal(error, {"error": {"code": error.code, "message": message}}, error.status)
    if error.status != _UNAUTHORISED:
        return made
    return Reply(made.status, made.body, headers=(*made.headers, ("WWW-Authenticate", "Bearer")))


def worded(result: Any) -> JsonObject:
    """Write a source, a source with the keys drawn just now, a validation, collections as JSON.

    Hashes of keys stay inside; a drawn key is shown in clear, this once and without the others.
    """
    match result:
        case Issued():
            record = _shown(result.source)
            record["keys"] = [
                {**key, "key": result.clear[key["id"]]}
                for key in record["keys"]
                if key["id"] in result.clear
            ]
            return record
        case Source():
            return _shown(result)
        case Collection():
            return {"name": result.name, "properties": dict(result.properties)}
        case Validation():
            return asdict(result)
    return {"collections": [worded(each) for each in result]}


def _shown(source: Source) -> JsonObject:
    record = asdict(source)
    for key in record["keys"]:
        del key["hash"]
    return record
