"""The id of an event whose client gave none, so that what is sent again is stored once.

The browser tracker keeps what was not acknowledged and sends it with its next request: the
same element, byte for byte, in a batch of other company and with another ``upload_time``. So
the id is made of the element itself and of its number among identical ones of the request.
It needs a device and a time of the client: without them equal elements are no sign of a retry.

What it costs: two really identical events of one device in two requests become one row when
``_time`` is the same, too, and the browser tracker cuts that to whole seconds. A lost answer is
the commoner of the two: every page that is left while a request is under way loses one.
"""

import hashlib
from typing import Any, Final

from schemas import codec
from schemas.reading import JsonObject, id_text

_DIGEST_BYTES: Final = 16


class Retries:
    """Message ids of one request's events.

    Args:
        derive: make ids for events that have none; not for files, whose rows may well be equal.
    """

    __slots__ = ("_derive", "_seen")

    def __init__(self, *, derive: bool) -> None:
        self._derive = derive
        self._seen: dict[str, int] = {}

    def message_id(
        self, event: JsonObject, properties: JsonObject, device: str, line: bytes
    ) -> str:
        """The client's id, else its counter, else what was made of the element; "" for nothing.

        The mobile trackers' counters are one per device and kind of event: ``$identify`` and
        ``$$user`` are counted apart from all others.
        """
        given = id_text(properties.get("_id"))
        if given or not device:
            return given
        moment = id_text(properties.get("_time"))
        counter = id_text(event.get("event_id"))
        if counter:
            return f"{device}:{_word(event.get('collection'))}:{counter}:{moment}"
        if not moment or not self._derive:
            return ""
        digest = _digest(event, line)
        position = self._seen[digest] = self._seen.get(digest, -1) + 1
        return f"{device}:{digest}:{position}"


def _digest(event: JsonObject, line: bytes) -> str:
    if "api" in event:  # which says how this request was sent
        line = codec.dumps({name: event[name] for name in event if name != "api"})
    return hashlib.blake2b(line, digest_size=_DIGEST_BYTES).hexdigest()


def _word(collection: Any) -> str:
    return collection[:100] if type(collection) is str else ""
