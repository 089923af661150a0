"""``/track``: a payload read, and taken apart into events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from schemas import codec
from schemas.answers import Ask
from schemas.errors import Malformed
from schemas.reading import (
    JsonObject,
    as_object,
    as_text,
    as_word,
    bound_line,
    inside,
    parse_object,
    required,
)
from schemas.sources import Source
from schemas.vendor import Batch, Claim, Draft, Edge, Request, bound_events
from schemas.wire.tracardi import bots, note, options
from schemas.wire.tracardi.answering import Answer
from schemas.wire.tracardi.payload import FALSE, MODEL, TRUE, check, external, named

_APART: Final = frozenset({"events", "source"})
_SECRET: Final = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class _Person:
    """Who the edge takes the visitor for.

    Attributes:
        rule: of the binding, for the processors.
        profile: for the raw event, "" where the processors decide alone.
        answer: makes what the reply says unless the processors say otherwise, "" for nobody.
        sure: they need not be asked.
    """

    rule: note.Rule
    profile: str = ""
    answer: Callable[[], str] = str
    sure: bool = True
    handed_over: str = ""
    warnings: tuple[str, ...] = field(default=())


def read(request: Request) -> Claim:
    """Validate the payload the way Tracardi's models do and find the source's id.

    Raises:
        Malformed: the codes are pydantic's error types with hyphens.
        Refused: ``source-internal`` for ids beginning with ``@``, then ``bot-traffic``.
    """
    is_profile_less(request)
    payload = parse_object(request.body, MODEL)
    source = as_object(required(payload, "source", ("body",)), ("body", "source"), MODEL)
    where = ("body", "source")
    source_id = as_text(required(source, "id", where), (*where, "id"))
    check(payload)
    external(source_id)
    bots.check(request.headers)
    return Claim("source", source_id, payload)


def split(claim: Claim, request: Request, source: Source, edge: Edge) -> Batch:
    """Make one draft per event; everything else of the payload is shared by them.

    Raises:
        Malformed: an event or what they share is too deep or too wide, or a source with static
            profile ids got none, or there are too many events.
    """
    payload: JsonObject = claim.payload
    given = named(payload, "session")
    session = given or edge.new_id()
    person = _person(payload, request, source, edge, session, drawn=not given)
    events = payload.get("events")
    if not events:
        return Batch(())
    bound_events(len(events), source)
    line = _shared(payload, request, person)
    drafts = tuple([_draft(event, session, person.profile) for event in events])
    if request.method == "PUT":
        return Batch(drafts, line)
    chosen = inside(payload, "options")
    debugs = options.flag(chosen, "debugger", default=False)
    kept = options.flag(chosen, "saveSession", default=True) and not source.transitional
    given_profile = named(payload, "profile")
    answer = Answer(
        edge.new_id(),
        person.answer,
        given_profile if given_profile == person.profile else "",
        session if kept else "",
        consent=source.requires_consent,
        whole_profile=source.returns_profile and options.flag(chosen, "profile", default=False),
        asked=debugs or not person.sure,
        debugs=debugs,
        saves_profile=options.flag(chosen, "saveProfile", default=True),
        errors=options.errors(chosen),
        warnings=options.warnings(chosen) + person.warnings,
    )
    return Batch(drafts, line, answer, _ask(answer, session, person))


def is_profile_less(request: Request) -> bool:
    """Read the query parameter; a field of that name in the body never counts."""
    given = request.query.get("profile_less") or ["false"]
    word = given[-1].strip().lower()
    if word not in TRUE and word not in FALSE:
        raise Malformed(
            "bool-parsing", "profile_less is true or false", where=("query", "profile_less")
        )
    return word in TRUE


def _person(
    payload: JsonObject, request: Request, source: Source, edge: Edge, session: str, *, drawn: bool
) -> _Person:
    """Decide whose events these are; an id that is not headrace's own is never adopted."""
    if is_profile_less(request):
        return _Person("nobody")
    given = named(payload, "profile")
    handed, warnings = _handed_over(payload, edge)
    if source.static_profile_ids:
        profile = given or handed
        if not profile:
            where = ("body", "profile", "id")
            raise Malformed("missing", "this source needs a profile id", where=where)
        return _Person("static", profile, lambda: profile, warnings=warnings)
    own = given.lower() if edge.ids.is_own(given) else handed
    if handed:
        # Known session or not, its profile and this one are one from now on; but what the edge
        # remembers of the session is not, and other edges may know of later merges.
        return _Person("sticky", own, partial(edge.resolve, handed), sure=False, handed_over=handed)

    def likely() -> str:
        if own:
            return edge.resolve(own)
        return edge.ids.issue("profile", source.id, "session", session)

    return _Person("sticky", own, likely, sure=drawn, warnings=warnings)


def _handed_over(payload: JsonObject, edge: Edge) -> tuple[str, tuple[str, ...]]:
    """Find the profile that a link from another site brought, and what is wrong with it."""
    brought = inside(inside(inside(payload, "context"), "tracardi"), "pass")
    if not brought:
        return "", ()
    profile = as_word(brought.get("profile")).strip().lower()
    if as_word(brought.get("source")).strip() and edge.ids.is_own(profile):
        return profile, ()
    return "", ("context.tracardi.pass names no source and profile known here: it was ignored",)


def _shared(payload: JsonObject, request: Request, person: _Person) -> bytes:
    rest = {name: payload[name] for name in payload if name not in _APART}
    rest["profile_less"] = person.rule == "nobody"
    told = inside(payload, "request")
    if "headers" in told:
        rest["request"] = told | {"headers": _harmless(inside(told, "headers"))}
    note.attach(rest, request, person.rule, person.handed_over)
    line = codec.dumps(rest)
    bound_line(line, rest)
    return line


def _harmless(headers: JsonObject) -> JsonObject:
    return {name: headers[name] for name in headers if name.lower() not in _SECRET}


def _draft(event: JsonObject, session: str, profile: str) -> Draft:
    chosen = event.get("options")
    if chosen and "source_id" in chosen:
        rest = {name: chosen[name] for name in chosen if name != "source_id"}
        event = event | {"options": rest}
    line = codec.dumps(event)
    bound_line(line, event)
    return Draft(line, session, (event.get("id") or "").strip(), profile, session)


def _ask(answer: Answer, session: str, person: _Person) -> Ask | None:
    if not answer.asked:
        return None
    guess = None if person.sure else person.answer
    return Ask("debug" if answer.debugs else "profile", session, bool(person.handed_over), guess)
