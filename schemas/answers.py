"""What the edge asks the processors about a request, and what they answer, one JSON line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, Literal

from schemas import codec
from schemas.errors import Malformed


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reply wants to know before it is given.

    Attributes:
        about: ``profile``: whose session it is, one answer for the request's first event, which
            may as well be remembered from an earlier one; ``debug``: what was done with each
            event, one answer for every event.
        subject: the session's id.
        anew: the request changes whose session it is, so what is remembered of it is over.
        guess: says whose session it likely is where it began with this request; None where what
            was believed of it earlier is not to be believed again.
    """

    about: Literal["profile", "debug"]
    subject: str
    anew: bool = False
    guess: Callable[[], str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an event that was asked about.

    Attributes:
        ask: as the raw event carried it: ``<partition of the answers topic>:<id>``.
        saved: the event is on its way to its table.
        opened: its session, or the session's profile, began with it.
        errors: why it is not valid, or why it is a dead letter.
        code: of the dead letter, "" for none.
    """

    ask: str
    event_id: str
    event_type: str = ""
    profile_id: str = ""
    session_id: str = ""
    saved: bool = True
    opened: bool = False
    errors: tuple[str, ...] = ()
    code: str = ""


_NAMES: Final = frozenset(known.name for known in fields(Told))
_texts: Final = attrgetter("ask", "event_id", "event_type", "profile_id", "session_id", "code")


def write(told: Told) -> bytes:
    """Write an answer as a JSON line."""
    return codec.dumps(told)


def read(line: bytes) -> Told:
    """Inverse of :func:`write`.

    Raises:
        Malformed: ``json-invalid`` or ``answer-invalid``.
    """
    value: Any = codec.loads(line)
    if not isinstance(value, Mapping):
        raise Malformed("answer-invalid", "an answer is a JSON object")
    given = {name: value[name] for name in _NAMES & value.keys()}
    errors = given.pop("errors", ())
    if not isinstance(errors, list | tuple):
        raise Malformed("answer-invalid", "errors is a list")
    try:
        told = Told(**given, errors=tuple(errors))
    except TypeError as error:
        raise Malformed("answer-invalid", str(error)) from error
    if set(map(type, _texts(told))) != {str}:
        raise Malformed("answer-invalid", "ids and types are texts")
    return told


def partition_of(ask: str) -> int:
    """Find the partition of the answers topic that an ask wants its answer in; -1 for none."""
    head, colon, _ = ask.partition(":")
    return int(head) if colon and head.isascii() and head.isdecimal() and len(head) < 6 else -1  # noqa: PLR2004
