"""What a migration script asks of Tracardi beside sending events: a token, and event sources."""

from typing import Any, Final

from schemas import codec, forms
from schemas.commands import (
    Command,
    DeleteSource,
    ListSources,
    Nothing,
    SaveSource,
    ShowSource,
)
from schemas.errors import Malformed
from schemas.reading import MAX_ID, JsonObject, as_text, parse_object
from schemas.sources import Source
from schemas.vendor import Claim, Grant, Reply, Request, Route
from schemas.wire.tracardi import records
from schemas.wire.tracardi.payload import MODEL

ROUTES: Final[tuple[Route, ...]] = (
    Route("/healthcheck", "healthcheck", ("GET",), purpose="call"),
    Route("/user/token", "token", purpose="call"),
    Route("/event-sources", "event-sources", ("GET",), purpose="call"),
    Route("/event-sources/by_type", "event-sources-by-type", ("GET",), purpose="call"),
    Route("/event-sources/entity", "event-source-names", ("GET",), purpose="call"),
    Route("/event-sources/type/name", "event-source-type-names", ("GET",), purpose="call"),
    Route("/event-sources/type/configuration", "event-source-types", ("GET",), purpose="call"),
    Route("/event-source/{id}", "event-source", ("GET", "DELETE"), purpose="call"),
    Route("/event-source", "event-source", purpose="call"),
)
ENDPOINTS: Final = frozenset(route.endpoint for route in ROUTES)

_LONGEST_PASSWORD: Final = 1024
_NO_STORE: Final = (("Cache-Control", "no-store"),)


def read(request: Request) -> Claim:
    """Find the admin key: a bearer token, or for a token the form's password.

    Raises:
        Malformed: ``missing`` for a form without user name or password.
    """
    if request.endpoint == "healthcheck":
        return Claim("nothing", "")
    if request.endpoint == "token":
        return Claim("admin", _password(request))
    return Claim("admin", request.bearer)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is to be done.

    Raises:
        Malformed: the record of an event source that cannot be.
    """
    match request.endpoint, request.method:
        case "event-source", "POST":
            return SaveSource(records.fields_of(parse_object(request.body, MODEL)))
        case "event-source", "DELETE":
            return DeleteSource(_asked(request))
        case "event-source", _:
            return ShowSource(_asked(request))
        case (("event-sources" | "event-sources-by-type" | "event-source-names"), _):
            return ListSources()
        case _:
            return Nothing()


def answer(result: Any, claim: Claim, request: Request) -> Reply:
    """Word what was done."""
    if request.endpoint == "token":
        token = {
            "access_token": claim.credential,
            "token_type": "bearer",
            "roles": ["admin", "developer"],
        }
        return Reply(200, codec.dumps(token), headers=_NO_STORE)
    return Reply(200, codec.dumps(_said(result, request)))


def wrong_key(endpoint: str) -> str:
    """Word that a password or token is not the admin key."""
    if endpoint == "token":
        return "Incorrect username or password."
    return "Invalid authentication credentials"


def _said(result: Any, request: Request) -> Any:
    match request.endpoint:
        case "event-source":
            return _one(result, request)
        case "event-source-type-names":
            return _counted({name: kind["name"] for name, kind in records.TYPES.items()})
        case "event-source-types":
            return _counted(records.TYPES)
        case "event-source-names":
            return _counted([{"id": one.id, "name": one.name or one.id} for one in result])
        case "healthcheck":
            return request.body.decode("utf-8", "replace")
        case _:
            return _listed(result, request)


def _one(result: Any, request: Request) -> Any:
    if request.method == "POST":
        return {"saved": 1, "errors": [], "ids": [result.id]}
    return True if request.method == "DELETE" else records.record_of(result)


def _counted(result: Any) -> JsonObject:
    return {"total": len(result), "result": result}


def _listed(sources: tuple[Source, ...], request: Request) -> JsonObject:
    """List the records whose name or type holds the query's words, in groups as upstream."""
    wanted = (request.query.get("query") or [""])[-1].strip().lower()
    found = [
        records.record_of(source)
        for source in sorted(sources, key=lambda source: (source.name, source.id))
        if wanted in source.name.lower() or wanted in source.id or wanted in source.bridge
    ]
    grouped: dict[str, list[JsonObject]] = {}
    for record in found:
        by_type = request.endpoint == "event-sources-by-type"
        grouped.setdefault(record["type"][0] if by_type else "general", []).append(record)
    return {"total": len(found), "grouped": grouped, "result": found}


def _asked(request: Request) -> str:
    return as_text(request.path["id"], ("path", "id"), MAX_ID).lower()


def _password(request: Request) -> str:
    label = request.headers.get("content-type", "")
    boundary = forms.boundary_of(label)
    form = forms.multipart(request.body, boundary) if boundary else forms.urlencoded(request.body)
    for name in ("username", "password"):
        if not form.get(name):
            raise Malformed("missing", f"{name} is missing", where=("body", name))
    return as_text(form["password"], ("body", "password"), _LONGEST_PASSWORD)
