"""What a row of a file says: an event and the ids that the edge fixes; and readings they share."""

from dataclasses import Field
from typing import Any, ClassVar, Final

from schemas import codec, links, times
from schemas.errors import Malformed
from schemas.events import Event
from schemas.reading import MAX_ID, MAX_NAME, JsonObject, as_object, as_word, id_text, texts
from schemas.values import frozen
from schemas.vendor import Draft

_MICROSECONDS: Final = 1e14
_NANOSECONDS: Final = 1e17
_ROW: Final = ("body",)
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})


@frozen
class Mapped:
    """An event out of a file.

    Attributes:
        message_id: as the file has it, "" where it has none.
        session_id: likewise.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    event: Event
    message_id: str = ""
    session_id: str = ""

    def draft(self, body: bytes, row_id: str) -> Draft:
        """Choose its ids as the edge does.

        Args:
            body: the row as JSON bytes.
            row_id: stands for the row where it has no id of its own.
        """
        message_id = self.message_id or row_id
        visitor = self.event.anonymous_id or self.event.user_id or self.session_id or message_id
        return Draft(body, visitor, message_id=message_id, session_id=self.session_id)


def as_row(body: Any) -> JsonObject:
    """Take a JSON object; Malformed ``dict-type`` otherwise."""
    if type(body) is not dict:
        raise Malformed("dict-type", "a row must be a JSON object", where=_ROW)
    return body


def name_of(value: Any, what: str) -> str:
    """Take the name of an event.

    Raises:
        Malformed: ``missing`` or ``string-too-long``.
    """
    name = id_text(value)
    if not name:
        raise Malformed("missing", f"{what} is missing: the row has no event's name", where=_ROW)
    if len(name) > MAX_NAME:
        message = f"{what} is longer than {MAX_NAME} characters"
        raise Malformed("string-too-long", message, where=_ROW)
    return name


def moment(value: Any, what: str, default: int | None = None) -> int | None:
    """Read a time: Unix s, ms, µs or ns, as number or text, or a date as people write them.

    Returns Unix ms, ``default`` for none.

    Raises:
        Malformed: ``time-invalid``.
    """
    if value is None or value == "":
        return default
    found = None
    if type(value) is str:
        text = value.strip()
        found = times.from_iso(text)
        if found is None:
            number = _number(text)
            found = times.from_date(text) if number is None else _from_number(number)
    elif type(value) is int or type(value) is float:
        found = _from_number(value)
    if times.storable(found) is None:
        message = f"{what} is no time between 1970 and 2099: {str(value)[:40]!r}"
        raise Malformed("time-invalid", message, where=_ROW)
    return found


def _number(text: str) -> float | None:
    if len(text) > 32 or not text[:1].isdecimal():  # noqa: PLR2004 - no time is as long
        return None
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return None


def _from_number(number: float) -> int | None:
    if number != number:  # noqa: PLR0124 - NaN is no time
        return None
    if number >= _NANOSECONDS:
        return times.from_number(number // 1_000_000)
    return times.from_number(number // 1_000 if number >= _MICROSECONDS else number)


def unpacked(value: Any) -> Any:
    """Parse what is JSON written as text, as CSV and some exports have it; else give it back."""
    if type(value) is str and value[:1] in {"{", "["}:
        try:
            return codec.loads(value)
        except Malformed:
            return value
    return value


def holding(value: Any, what: str) -> JsonObject:
    """Take an object, or one written as text, nothing being an empty one.

    Raises:
        Malformed: ``dict-type``.
    """
    if value is None or value == "":
        return {}
    return as_object(unpacked(value), ("body", what))


def details(
    url: Any = "", *, title: Any = "", referrer: Any = "", ip: Any = "", **others: Any
) -> dict[str, str]:
    """Fill the columns of page, referrer and campaign; ``others`` are columns as well."""
    url, referrer = as_word(url), as_word(referrer)
    return links.campaign(url) | texts(
        page_url=url,
        page_path=links.path(url),
        page_title=title,
        referrer=referrer,
        referrer_host=links.host(referrer),
        ip=ip,
        **others,
    )


def key(*parts: Any) -> str:
    """Join what makes an id together; "" where a part is missing."""
    found = [id_text(part) for part in parts]
    return ":".join(found)[:MAX_ID] if all(found) else ""


def without(row: JsonObject, *names: str) -> JsonObject:
    """Keep what has another name and is not null."""
    return {name: value for name, value in row.items() if value is not None and name not in names}


def cell(value: Any, kind: str) -> Any:
    """Read a cell of text; one that is not what its column is stays the text that it is."""
    if type(value) is not str or not kind or kind == "text":
        return value
    text = value.strip()
    if not text:
        return None
    if kind == "boolean":
        lower = text.lower()
        return True if lower in _TRUE else False if lower in _FALSE else value
    try:
        parsed = codec.loads(text)
    except Malformed:
        return value
    is_number = type(parsed) is int or type(parsed) is float
    return parsed if kind == "json" or is_number else as_word(value)
