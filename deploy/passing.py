"""What is told of an event when it passes a stage; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from processors.steps.decode import decode
from schemas import codec
from schemas.errors import Malformed
from schemas.events import iso
from schemas.wire import vendor

Stage = Literal["raw", "events", "dead", "stored"]
STAGES: Final[tuple[Stage, ...]] = ("raw", "events", "dead", "stored")
COLOURS: Final[Mapping[Stage, str]] = {
    "raw": "blue",
    "events": "cyan",
    "dead": "red",
    "stored": "green",
}
_WIDTHS: Final = (12, 24, 36)
_CLOCK: Final = slice(11, 23)


@dataclass(frozen=True, slots=True)
class Passing:
    """One event at one stage.

    Attributes:
        at: when it was written there, Unix ms.
        what: event type; of what cannot be understood protocol and endpoint, of a dead letter
            its reason code.
        note: a dead letter's reason.
        topic, partition, offset: where it is; "", -1, -1 for a row.
    """

    at: int
    stage: Stage
    source_id: str
    what: str
    profile_id: str
    event_id: str
    note: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1

    def text(self) -> str:
        """The rest of a line that begins with time and stage; nothing in it moves a cursor."""
        named = zip((self.source_id, self.what, self.profile_id or "-"), _WIDTHS, strict=True)
        columns = [f"{_cut(_plain(value), width):<{width}}" for value, width in named]
        line = " ".join([*columns, _plain(self.event_id)])
        return f"{line}  {_plain(self.note)}" if self.note else line

    def clock(self) -> str:
        """Time of day, UTC."""
        return iso(self.at)[_CLOCK]

    def json(self) -> bytes:
        """One JSON object on one line; ``event_type`` of a dead letter is its reason code."""
        value: dict[str, Any] = {
            "at": iso(self.at),
            "stage": self.stage,
            "source_id": self.source_id,
            "event_type": self.what,
            "profile_id": self.profile_id,
            "event_id": self.event_id,
        }
        if self.note:
            value["reason"] = self.note
        if self.topic:
            value |= {"topic": self.topic, "partition": self.partition, "offset": self.offset}
        return codec.dumps(value)


def passing(stage: Stage, line: bytes, at: int, place: tuple[str, int, int]) -> Passing:
    """Read a line of a topic; whatever it is, something can be said of it.

    Args:
        place: topic, partition and offset of its record.
    """
    try:
        value = codec.loads(line)
    except Malformed:
        value = None
    if not isinstance(value, Mapping):
        return Passing(at, stage, "?", "no JSON object", "", "?", "", *place)
    what, note = str(value.get("event_type", "")), ""
    if stage == "raw":
        what = _type_of(line, value)
    elif stage == "dead":
        what, note = str(value.get("code", "")), str(value.get("reason", ""))
    names = (str(value.get(name) or "") for name in ("source_id", "profile_id", "event_id"))
    source_id, profile_id, event_id = names
    return Passing(at, stage, source_id, what, profile_id, event_id, note, *place)


def _type_of(line: bytes, value: Mapping[str, Any]) -> str:
    try:
        return decode(line, vendor)[1].event_type
    except Malformed:
        return f"{value.get('protocol')}/{value.get('endpoint')}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}\N{HORIZONTAL ELLIPSIS}"
