"""``/redirect/{redirect}[/{session}]``: a visit is an event, then the visitor is sent on."""

from typing import Final

from schemas import codec, forms, links
from schemas.errors import Malformed, Refused
from schemas.reading import MAX_ID, JsonObject, as_text, bound, bound_line, parse_object
from schemas.templates import filled
from schemas.vendor import Batch, Claim, Draft, Edge, Grant, Request
from schemas.wire.tracardi import note
from schemas.wire.tracardi.answering import Onward

COOKIE: Final = "tracardi-session-id"

_NOT_FOUND: Final = 404


def read(request: Request) -> Claim:
    """Take the redirect's id from the path; the body may be anything.

    Raises:
        Malformed: an id that is too long.
    """
    as_text(request.path.get("session", ""), ("path", "session"), MAX_ID)
    return Claim("redirect", as_text(request.path["redirect"], ("path", "redirect"), MAX_ID))


def split(request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make the visit an event of the configured type; HEAD only looks where the link leads.

    Raises:
        Refused: ``redirect-unknown`` (404).
        Malformed: the template is too deep, or what it takes over is.
    """
    link = grant.redirect
    if link is None:
        raise Refused("redirect-unknown", "there is no such redirect", status=_NOT_FOUND)
    onward = Onward(links.in_header(link.url))
    if request.method == "HEAD":
        return Batch((), answer=onward)
    session = _session(request)
    known: JsonObject = {
        "payload": {"params": request.parameters(), "body": _body(request)},
        "session": {"id": session or None},
    }
    bound(link.props)
    properties = {name: filled(value, known) for name, value in link.props.items()}
    line = codec.dumps(properties)
    bound_line(line, properties)
    shared: JsonObject = {"type": link.event_type}
    note.attach(shared, request, "existing" if session else None)
    draft = Draft(line, session or edge.new_id(), session_id=session)
    return Batch((draft,), codec.dumps(shared), onward)


def _session(request: Request) -> str:
    """The session of the path, else of the tracker's cookie; "" when neither names one."""
    named = request.path.get("session", "").strip()
    if named:
        return named
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            found = value.strip().strip('"').strip()
            return found if len(found) <= MAX_ID else ""
    return ""


def _body(request: Request) -> JsonObject:
    """Read what a form or a program posted; a visitor is sent on whatever it was."""
    body = request.body
    label = request.headers.get("content-type", "")
    boundary = forms.boundary_of(label)
    try:
        if boundary:
            return forms.multipart(body, boundary)
        if forms.is_urlencoded(label) or forms.looks_urlencoded(body):
            return forms.urlencoded(body)
        posted = parse_object(body)
        bound(posted)
    except Malformed:
        return {}
    return posted
