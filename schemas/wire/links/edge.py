"""Links and pixels at the edge: the token opened, the visit noted, the visitor sent on."""

from dataclasses import dataclass
from typing import Final, cast

from schemas import codec, links
from schemas.errors import Refused
from schemas.ids import Ids
from schemas.picture import point
from schemas.reading import JsonObject
from schemas.signed import TYPES, Kind, Link, opened
from schemas.templates import filled
from schemas.vendor import (
    Batch,
    Claim,
    Draft,
    Edge,
    Grant,
    Reply,
    Request,
    Route,
    of_today,
)

COOKIE: Final = "headrace-session"

ROUTES: tuple[Route, ...] = (
    Route("/l/{source}/{token}", "click", ("GET",), any_protocol=True, onward=True),
    Route("/o/{source}/{token}.gif", "open", ("GET",), any_protocol=True, onward=True),
)
_FOUND: Final = 302
_GONE: Final = 410
_LONGEST_REFERRER: Final = 2_048
_LONGEST_LANGUAGE: Final = 35
"""Characters that software must accept in a language tag (RFC 5646, section 4.4.1)."""
_AHEAD: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
"""Headers in which browsers and previewers say that nobody has asked for this yet."""
_AHEAD_WORDS: Final = ("prefetch", "prerender", "preview")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the visitor gets.

    Attributes:
        session: to be kept in the cookie, "" for none.
        seconds: for how long.
    """

    link: Link
    session: str = ""
    seconds: int = 0


def read(request: Request) -> Claim:
    """Take the source's id from the path: the token itself is what lets in, see :func:`split`."""
    return Claim("source", request.path["source"])


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Make the visit an event, unless a browser fetches ahead of anybody's wish.

    Raises:
        Refused: ``link-forged`` (404) or ``link-expired`` (410).
    """
    link = _opened(request, edge.ids)
    if _expired(link, request):
        raise Refused("link-expired", "this link has expired", status=_GONE)
    if _is_ahead(request):
        return Batch((), answer=_Answer(link))
    untracked = _wants_no_cookie(request)
    session = "" if untracked else _session(request, edge)
    known: JsonObject = {
        "payload": {"params": request.parameters()},
        "session": {"id": session or None},
    }
    body = {
        "type": link.event_type or TYPES[_kind(request)],
        "target": link.target,
        "campaign": link.campaign,
        "recipient": link.recipient,
        "properties": filled(link.properties, known),
    }
    of_day = of_today(request, grant.source, edge.ids) if untracked else ""
    draft = Draft(
        codec.dumps(body),
        link.recipient or session or of_day,
        profile_id="" if link.recipient else of_day,
        session_id=session,
    )
    answer = _Answer(link, session, grant.source.session_timeout)
    return Batch((draft,), codec.dumps(_shared(request)), answer)


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Send on, or show the picture; the session goes along where there was an event."""
    answer: _Answer = batch.answer
    if not batch.drafts or not answer.session:
        return _led(answer.link, request)
    cookie = f"{COOKIE}={answer.session}; Path=/; Max-Age={answer.seconds}; HttpOnly; SameSite=Lax"
    if request.headers.get("x-forwarded-proto", "").strip().lower().startswith("https"):
        cookie += "; Secure"
    return _led(answer.link, request, ("Set-Cookie", cookie))


def onward(request: Request, ids: Ids) -> Reply | None:
    """Send on whoever follows a link that is right, though its event could not be kept."""
    try:
        link = _opened(request, ids)
    except Refused:
        return None
    return None if _expired(link, request) else _led(link, request)


def _led(link: Link, request: Request, *headers: tuple[str, str]) -> Reply:
    if _kind(request) == "open":
        return point(*headers)
    target = links.in_header(link.target)
    return Reply(_FOUND, b"", "", (("Location", target), ("Cache-Control", "no-store"), *headers))


def _kind(request: Request) -> Kind:
    return cast("Kind", request.endpoint)


def _opened(request: Request, ids: Ids) -> Link:
    return opened(_kind(request), request.path["source"], request.path["token"], ids)


def _expired(link: Link, request: Request) -> bool:
    return 0 < link.expires_at <= request.received_at


def _is_ahead(request: Request) -> bool:
    said = " ".join(request.headers.get(name, "") for name in _AHEAD).lower()
    return any(word in said for word in _AHEAD_WORDS)


def _wants_no_cookie(request: Request) -> bool:
    """Global Privacy Control, and Do Not Track before it."""
    return "1" in {request.headers.get(name, "").strip() for name in ("sec-gpc", "dnt")}


def _session(request: Request, edge: Edge) -> str:
    """The session of the cookie where headrace issued it, else a new one."""
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE and edge.ids.is_own(value.strip()):
            return value.strip().lower()
    return edge.ids.issue("session", edge.new_id())


def _shared(request: Request) -> JsonObject:
    language = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0]
    language = language.strip()
    return {
        "referrer": request.headers.get("referer", "")[:_LONGEST_REFERRER],
        "language": language if language != "*" and len(language) <= _LONGEST_LANGUAGE else "",
    }
