"""``/collect``: a webhook's body, form or query string read, and made one event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas import codec, forms
from schemas.answers import Ask
from schemas.errors import Malformed
from schemas.reading import (
    MAX_ID,
    JsonObject,
    as_text,
    bound_line,
    id_text,
    parse_object,
)
from schemas.sources import Source
from schemas.vendor import Batch, Claim, Draft, Edge, Hooks, Request
from schemas.wire.tracardi import note
from schemas.wire.tracardi.answering import Answer
from schemas.wire.tracardi.payload import event_name, external

_MAX_UNREADABLE: Final = 64 << 10
"""Bytes of a body that is kept although nobody can read it."""


@dataclass(frozen=True, slots=True)
class _Body:
    """A body understood.

    Attributes:
        line: JSON of ``fields``, byte for byte as it was sent where it was JSON.
        unreadable: the body as text where it should have been JSON and is none.
        reason: why it is none.
        refusal: what it is refused for where no webhook's script makes something of it.
    """

    line: bytes
    fields: JsonObject
    unreadable: str = ""
    reason: str = ""
    refusal: Malformed | None = None


def read(request: Request) -> Claim:
    """Check path and body, find the source's id.

    Raises:
        Malformed: what the parts of a path can be too much of.
        Refused: ``source-internal``.
    """
    path = request.path
    event_name(path["type"], ("path", "type"))
    source_id = as_text(path["source"], ("path", "source"), MAX_ID)
    as_text(path.get("session", ""), ("path", "session"), MAX_ID)
    try:
        body = _query(request) if request.method != "POST" else _body(request)
        bound_line(body.line, body.fields)
    except Malformed as error:
        body = _Body(b"{}", {}, refusal=error)
    return Claim("source", external(source_id), body)


def split(claim: Claim, request: Request, source: Source, edge: Edge) -> Batch:
    """Make one draft; without a session in its path or an id in its body it is nobody's.

    Raises:
        Malformed: ``dict-type`` for JSON that is no object, ``json-invalid`` for what is
            neither JSON nor a form, json-too-deep or too-many-keys.
        Refused: what a webhook of the source refuses.
    """
    body: _Body = claim.payload
    webhook = edge.hooks.collecting(source.id) if edge.hooks else ""
    if webhook and edge.hooks:
        return _hooked(edge.hooks, webhook, source, request, edge)
    if body.refusal is not None:
        raise body.refusal
    shared: JsonObject = {"type": request.path["type"]}
    if body.reason:
        shared |= {"unreadable": body.unreadable, "reason": body.reason}
    session = request.path.get("session", "").strip()
    static = _named(body.fields, source.replace_profile_id)
    if not session and static:
        session = static if source.sticky_session else edge.new_id()
    drawn = not session
    if not session and source.generate_profile:
        session = edge.new_id()
    rule: note.Rule | None = "static" if static else "sticky" if session else None
    note.attach(shared, request, rule)
    draft = Draft(body.line, session or edge.new_id(), profile_id=static, session_id=session)

    def profile() -> str:
        if static or not session:
            return static
        return edge.ids.issue("profile", source.id, "session", session)

    asked = rule == "sticky" and not drawn
    answer = Answer(
        edge.new_id(),
        profile,
        static,
        "" if source.transitional else session,
        consent=source.requires_consent,
        asked=asked,
    )
    ask = Ask("profile", session) if asked else None
    return Batch((draft,), codec.dumps(shared), answer, ask)


def _hooked(hooks: Hooks, webhook: str, source: Source, request: Request, edge: Edge) -> Batch:
    """Make the request itself the draft: the webhook's script says what events it is."""
    path = request.path
    address = "/".join(("/collect", path["type"], path["source"], *_session_of(path)))
    hooked = hooks.admit(webhook, source.id, request, address)
    answer = Answer(edge.new_id(), str, "", "", consent=source.requires_consent, asked=False)
    return Batch((hooked.draft,), hooked.shared, answer)


def _session_of(path: Mapping[str, str]) -> tuple[str, ...]:
    return (path["session"],) if "session" in path else ()


def _query(request: Request) -> _Body:
    fields = request.parameters()
    return _Body(codec.dumps(fields), fields)


def _body(request: Request) -> _Body:
    """Read JSON whatever the label says, else a form; no body is ``{}``."""
    body = request.body
    try:
        return _Body(codec.one_line(body), parse_object(body))
    except Malformed as error:
        if error.code == "missing":
            return _Body(b"{}", {})
        if error.code != "json-invalid":
            raise
        label = request.headers.get("content-type", "")
        form = _form(body, label)
        if form is not None:
            return _Body(codec.dumps(form), form)
        if not _meant_as_json(request, label) or len(body) > _MAX_UNREADABLE:
            raise
        return _Body(b"{}", {}, body.decode("utf-8", "backslashreplace"), error.message)


def _meant_as_json(request: Request, label: str) -> bool:
    """Tell where upstream takes a body that it cannot parse for ``{}``."""
    return "session" in request.path or label.strip().lower().startswith("application/json")


def _form(body: bytes, label: str) -> JsonObject | None:
    boundary = forms.boundary_of(label)
    if boundary:
        return forms.multipart(body, boundary)
    if forms.is_urlencoded(label) or forms.looks_urlencoded(body):
        return forms.urlencoded(body)
    return None


def _named(fields: JsonObject, path: str) -> str:
    """Find the profile id that a dotted path leads to; "" when it leads nowhere."""
    if not path:
        return ""
    found: Any = fields
    for step in path.split("."):
        found = found.get(step) if type(found) is dict else None
    return id_text(found)
