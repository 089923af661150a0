"""What the edge knows of a request and the processors need: a note beside what the client sent.

It travels in what the events of a request share, under a name that a client's field never keeps.
Without one, as in raw events of earlier versions, the event's own ids decide.
"""

from typing import Final, Literal, cast

from schemas.events import Binding
from schemas.reading import JsonObject, as_word, inside
from schemas.vendor import Request

Rule = Literal["sticky", "static", "existing", "nobody"]

_NAME: Final = "headrace"
_RULES: Final = frozenset({"sticky", "static", "existing", "nobody"})
_LONGEST_LANGUAGE: Final = 35
"""Characters that software must accept in a language tag (RFC 5646, section 4.4.1)."""


def attach(
    shared: JsonObject, request: Request, rule: Rule | None = None, handed_over: str = ""
) -> None:
    """Leave the note; a client's field of that name is lost, whatever it was.

    Args:
        rule: see :class:`schemas.events.Binding`, None where no session was named.
        handed_over: profile id that a link from another site brought.
    """
    entries: JsonObject = {"rule": rule} if rule else {}
    if handed_over:
        entries["handed_over"] = handed_over
    accepted = request.headers.get("accept-language")
    if accepted:
        entries["language"] = _language(accepted)
    shared[_NAME] = entries


def binding(shared: JsonObject) -> Binding | None:
    """How session and profile of the request belong together."""
    found = inside(shared, _NAME)
    rule = as_word(found.get("rule"))
    if rule not in _RULES:
        return None
    return Binding(cast("Rule", rule), as_word(found.get("handed_over")))


def language(shared: JsonObject) -> str:
    """What the request's headers prefer; "" when unknown."""
    return as_word(inside(shared, _NAME).get("language"))


def _language(accepted: str) -> str:
    """The first language of an Accept-Language header."""
    first = accepted.partition(",")[0].partition(";")[0].strip()
    return first if first != "*" and len(first) <= _LONGEST_LANGUAGE else ""
