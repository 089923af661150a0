"""Links and pixels that carry their event with them, signed: nobody else can make one.

A token is ``<payload>.<signature>``: JSON in base64url, and a keyed hash of what the token is for,
its source and the payload. Whoever changes a letter of it is sent nowhere.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from schemas import codec, links
from schemas.errors import Malformed, Refused
from schemas.ids import Ids
from schemas.reading import MAX_ID, MAX_NAME, JsonObject, as_word, bound, inside
from schemas.times import storable

Kind = Literal["click", "open"]

TYPES: Final[dict[Kind, str]] = {"click": "link_clicked", "open": "email_opened"}
"""Event types unless given."""
MAX_TARGET: Final = 2_048
"""Characters of a URL that every mail programme and browser takes."""
MAX_PROPERTIES_BYTES: Final = 2_048
"""Of all properties of one link, as JSON."""
_PATHS: Final[dict[Kind, str]] = {"click": "/l/{}/{}", "open": "/o/{}/{}.gif"}
_LONGEST: Final = 16_384
"""Characters of a token that is looked at: what :func:`check` lets through is shorter."""
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link and a pixel, ready to be put into a mail.

    Attributes:
        recipient: for whom.
        link, pixel: addresses, from the path on where nobody knows where the ingest is reached;
            ``link`` is "" where no target was given.
    """

    recipient: str
    link: str
    pixel: str


@dataclass(frozen=True, slots=True)
class Link:
    """What one link or pixel says.

    Attributes:
        target: where a click leads; "" of a pixel.
        campaign: name of the mailing, "" for none.
        recipient: id of the user to whom it was sent, "" for anybody.
        event_type: of the event, "" for the one of :data:`TYPES`.
        properties: of the event; texts such as ``payload@params.KEY`` and ``session@id`` are
            replaced when it is visited, see :mod:`schemas.templates`.
        expires_at: Unix ms, 0 for never; a pixel never does.
    """

    target: str = ""
    campaign: str = ""
    recipient: str = ""
    event_type: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class MakeLinks:
    """Make links and pixels for a source; -> tuple of :class:`MadeLink`, in this order.

    Attributes:
        links: what each says; its ``event_type`` is a click's.
        open_type: event type of the pixels, "" for the one of :data:`TYPES`.
    """

    source_id: str
    links: tuple[Link, ...]
    open_type: str = ""


def make(asked: MakeLinks, ids: Ids, at: str = "") -> tuple[MadeLink, ...]:
    """Make what is asked for.

    Args:
        at: where people reach the ingest, ``https://…``; "" where it is not known.

    Raises:
        Malformed: what :func:`check` raises, and ``link-invalid`` for the event type of pixels.
    """
    at, source_id = at.rstrip("/"), asked.source_id
    made = []
    for link in asked.links:
        seen = replace(link, target="", event_type=asked.open_type, expires_at=0)
        check(link)
        check(seen)
        click = at + _address("click", source_id, link, ids) if link.target else ""
        made.append(MadeLink(link.recipient, click, at + _address("open", source_id, seen, ids)))
    return tuple(made)


def check(link: Link) -> None:
    """Refuse what no link is to say.

    Raises:
        Malformed: ``link-invalid``, with ``where`` naming the field, json-too-deep or
            too-many-keys.
    """
    why = links.why_no_target(link.target) if link.target else ""
    if why:
        raise _invalid("to", f"the target {why}")
    longest = (
        ("to", link.target, MAX_TARGET),
        ("campaign", link.campaign, MAX_NAME),
        ("recipient", link.recipient, MAX_ID),
        ("event_type", link.event_type, MAX_NAME),
    )
    for name, text, most in longest:
        if len(text) > most:
            raise _invalid(name, f"{name} is longer than {most} characters")
        if text and not text.isprintable():
            raise _invalid(name, f"{name} has control characters in it")
    bound(link.properties)
    if len(codec.dumps(link.properties)) > MAX_PROPERTIES_BYTES:
        raise _invalid("properties", f"the properties have more than {MAX_PROPERTIES_BYTES} bytes")
    if link.expires_at and storable(link.expires_at) is None:
        raise _invalid("expires_at", "expires_at is Unix ms between 1970 and 2099")


def opened(kind: Kind, source_id: str, token: str, ids: Ids) -> Link:
    """Read the token of an address that :func:`make` made.

    Raises:
        Refused: ``link-forged`` (404): no installation with this secret made it for this source.
    """
    payload, _, signature = token[: _LONGEST + 1].rpartition(".")
    source_id = source_id.strip().lower()
    if len(token) > _LONGEST or not ids.is_signed(signature, "link", kind, source_id, payload):
        raise _forged()
    try:
        said = codec.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, Malformed) as error:
        raise _forged() from error
    link = _link(said if type(said) is dict else {})
    if kind == "click" and (not link.target or links.why_no_target(link.target)):
        raise _forged()
    return link


def _address(kind: Kind, source_id: str, link: Link, ids: Ids) -> str:
    """Make the path of a link or a pixel; inverse of :func:`opened`."""
    said = {
        "t": link.target,
        "c": link.campaign,
        "r": link.recipient,
        "e": link.event_type,
        "p": dict(link.properties),
        "x": link.expires_at,
    }
    line = codec.dumps({name: value for name, value in said.items() if value})
    payload = base64.urlsafe_b64encode(line).rstrip(b"=").decode()
    signature = ids.sign("link", kind, source_id, payload)
    return _PATHS[kind].format(source_id, f"{payload}.{signature}")


def _link(said: JsonObject) -> Link:
    expires_at = said.get("x", 0)
    return Link(
        target=as_word(said.get("t")),
        campaign=as_word(said.get("c")),
        recipient=as_word(said.get("r")),
        event_type=as_word(said.get("e")),
        properties=inside(said, "p"),
        expires_at=expires_at if type(expires_at) is int else 0,
    )


def _invalid(name: str, message: str) -> Malformed:
    return Malformed("link-invalid", message, where=("body", name))


def _forged() -> Refused:
    message = "this is no link of headrace's, or somebody changed it: make it with `headrace links`"
    return Refused("link-forged", message, status=_NOT_FOUND)
