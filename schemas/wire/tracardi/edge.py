"""Tracardi at the edge: a request read, and taken apart into events."""

from typing import Final

from schemas import codec, forms
from schemas.errors import Malformed, Refused
from schemas.reading import (
    MAX_ID,
    JsonObject,
    as_object,
    as_text,
    bound_line,
    parse_object,
    required,
)
from schemas.sources import Source
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Request, Route
from schemas.wire.tracardi.payload import MODEL, check, event_name, named

ROUTES: tuple[Route, ...] = (
    Route("/track", "track", bridge="rest"),
    Route("/track/", "track", bridge="rest"),
    Route("/collect/{type}/{source}", "collect", bridge="webhook"),
    Route("/collect/{type}/{source}/", "collect", bridge="webhook"),
)

_TRUE: Final = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "f", "n"})


def read(request: Request) -> Claim:
    """Validate the request the way Tracardi's models do and find the source's id.

    Raises:
        Malformed: the codes are pydantic's error types with hyphens.
        Refused: ``source-internal`` for ids beginning with ``@``.
    """
    if request.endpoint == "collect":
        event_name(request.path["type"], ("path", "type"))
        source_id = as_text(request.path["source"], ("path", "source"), MAX_ID)
        return _claim(source_id, _webhook_line(request))
    is_profile_less(request)
    payload = parse_object(request.body, MODEL)
    source = as_object(required(payload, "source", ("body",)), ("body", "source"), MODEL)
    where = ("body", "source")
    source_id = as_text(required(source, "id", where), (*where, "id"))
    check(payload)
    return _claim(source_id, payload)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make one draft per event; everything else of the payload is shared by them.

    Raises:
        Malformed: an event or what they share is too deep or too wide, or a source with static
            profile ids got none.
    """
    if request.endpoint == "collect":
        draft = Draft(claim.payload, visitor=edge.new_id())
        shared = codec.dumps({"type": request.path["type"]})
        return Batch((draft,), shared, _answer(None, None, edge))
    payload: JsonObject = claim.payload
    events = payload.get("events")
    if not events:
        return Batch(())
    profile_less = is_profile_less(request)
    session = named(payload, "session") or edge.new_id()
    profile = "" if profile_less else _profile(payload, session, grant.source, edge)
    rest = {name: payload[name] for name in payload if name not in {"events", "source"}}
    rest["profile_less"] = profile_less
    line = codec.dumps(rest)
    bound_line(line, rest)
    drafts = tuple([_draft(event, session, profile) for event in events])
    return Batch(drafts, line, _answer(profile or None, session, edge))


def is_profile_less(request: Request) -> bool:
    """Read the query parameter; a field of that name in the body never counts."""
    given = request.query.get("profile_less") or ["false"]
    word = given[-1].strip().lower()
    if word not in _TRUE and word not in _FALSE:
        raise Malformed(
            "bool-parsing", "profile_less is true or false", where=("query", "profile_less")
        )
    return word in _TRUE


def _claim(source_id: str, payload: JsonObject | bytes) -> Claim:
    if source_id.startswith("@"):
        raise Refused("source-internal", "Internal event sources are not allowed via API.")
    return Claim("source", source_id, payload)


def _webhook_line(request: Request) -> bytes:
    """Read a webhook's body as JSON whatever its label says, else as a form; no body is ``{}``."""
    body = request.body
    try:
        fields = parse_object(body)
    except Malformed as error:
        if error.code == "missing":
            return b"{}"
        label = request.headers.get("content-type", "")
        form = _form(body, label) if error.code == "json-invalid" else None
        if form is None:
            raise
        fields = form
        body = codec.dumps(fields)
    bound_line(body, fields)
    return codec.one_line(body)


def _form(body: bytes, label: str) -> JsonObject | None:
    boundary = forms.boundary_of(label)
    if boundary:
        return forms.multipart(body, boundary)
    if forms.is_urlencoded(label) or forms.looks_urlencoded(body):
        return forms.urlencoded(body)
    return None


def _profile(payload: JsonObject, session: str, source: Source, edge: Edge) -> str:
    """Decide whose events these are; an id that is not headrace's own is never adopted."""
    given = named(payload, "profile")
    if source.static_profile_ids:
        if not given:
            where = ("body", "profile", "id")
            raise Malformed("missing", "this source needs a profile id", where=where)
        return given
    if edge.ids.is_own(given):
        return given
    return edge.ids.issue("profile", source.id, "session", session)


def _draft(event: JsonObject, session: str, profile: str) -> Draft:
    line = codec.dumps(event)
    bound_line(line, event)
    return Draft(line, session, (event.get("id") or "").strip(), profile, session)


def _answer(profile: str | None, session: str | None, edge: Edge) -> JsonObject:
    return {
        "task": edge.new_id(),
        "ux": [],
        "response": {},
        "events": [],
        "profile": {"id": profile},
        "session": {"id": session},
        "source": {"consent": False},
        "errors": [],
        "warnings": [],
    }
