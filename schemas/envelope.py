"""The raw event: what the edge wrote, one JSON line, before anybody understood it."""

from dataclasses import Field, fields
from operator import itemgetter
from typing import Any, ClassVar, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import bound_line
from schemas.times import storable
from schemas.values import frozen


@frozen
class RawEvent:
    """One event as sent, plus what only the edge knows.

    Attributes:
        event_id: canonical UUID text, fixed before the first write.
        source_id: the event source whose key or id let it in.
        protocol: the vendor module that understands ``body``.
        endpoint: that vendor's name for the path it came in on.
        received_at: edge clock, Unix ms.
        ip: address of the client, as the edge trusts it.
        user_agent: the request's User-Agent header.
        visitor: the text that chose the partition.
        message_id: the client's own id for the event, "" when it gave none.
        profile_id: decided at the edge, or "" when the processors decide.
        session_id: as the client gave it or the edge drew it, or "".
        batch: what the events of one request share (any JSON value, None when nothing).
        body: the event itself, any JSON value.
        ask: what the edge that wrote it waits to be told, see :class:`schemas.answers.Told`;
            "" for nothing.
        extends: a master key let it in, which may add to a frozen schema.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    event_id: str
    source_id: str
    protocol: str
    endpoint: str
    received_at: int
    ip: str
    user_agent: str
    visitor: str
    message_id: str
    profile_id: str
    session_id: str
    batch: Any
    body: Any
    ask: str = ""
    extends: bool = False


_NO_TEXT: Final = frozenset({"received_at", "batch", "body", "ask", "extends"})
_ALL_TEXT: Final = {str}
_texts: Final = itemgetter(*(f.name for f in fields(RawEvent) if f.name not in _NO_TEXT))


class Head:
    """What all events of one request have in common, serialised once.

    Args:
        batch: JSON bytes of what the request's events share, b"null" when nothing.
    """

    __slots__ = ("_tail",)

    def __init__(
        self,
        *,
        source_id: str,
        protocol: str,
        endpoint: str,
        received_at: int,
        ip: str,
        user_agent: str,
        batch: bytes,
        extends: bool = False,
    ) -> None:
        common: dict[str, Any] = {
            "source_id": source_id,
            "protocol": protocol,
            "endpoint": endpoint,
            "received_at": received_at,
            "ip": ip,
            "user_agent": user_agent,
            "batch": codec.embed(batch),
        }
        if extends:
            common["extends"] = True
        self._tail = b"," + codec.dumps(common)[1:]

    def line(
        self,
        *,
        event_id: str,
        visitor: str,
        message_id: str,
        profile_id: str,
        session_id: str,
        body: bytes,
        ask: str = "",
    ) -> bytes:
        """One line of a packed record; ``body`` is the event as JSON bytes."""
        own = {
            "event_id": event_id,
            "visitor": visitor,
            "message_id": message_id,
            "profile_id": profile_id,
            "session_id": session_id,
            "body": codec.embed(body),
        }
        if ask:
            own["ask"] = ask
        return codec.dumps(own)[:-1] + self._tail


def read(line: bytes) -> RawEvent:
    """Understand a line of :class:`Head`.

    Raises:
        Malformed: ``json-invalid``, or ``envelope-invalid`` when a field is missing, unknown
            or of the wrong type; such a line was not written by an edge of this version.
            ``json-too-deep`` or ``too-many-keys`` when body or batch break the bounds of
            :mod:`schemas.reading`, so that no reader of a raw event has to fear its shape.
    """
    value = codec.loads(line)
    if type(value) is not dict:
        raise Malformed("envelope-invalid", "a raw event is a JSON object")
    try:
        raw = RawEvent(**value)
    except TypeError as error:
        raise Malformed("envelope-invalid", str(error)) from error
    if type(raw.received_at) is not int or storable(raw.received_at) is None:
        raise Malformed("envelope-invalid", "received_at is Unix ms between 1970 and 2099")
    if set(map(type, _texts(value))) != _ALL_TEXT or type(raw.ask) is not str:
        raise Malformed("envelope-invalid", "all but received_at, batch and body is text")
    if type(raw.extends) is not bool:
        raise Malformed("envelope-invalid", "extends is true or false")
    bound_line(line, raw.batch, raw.body)
    return raw
