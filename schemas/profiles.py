"""What events say of profiles: records of the profiles topic, and what they add up to.

The truth is the set of the records: each comes from one event, may come any number of times and
in any order, and :func:`fold` of the same set is the same state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, Literal

from schemas import codec
from schemas.errors import Malformed
from schemas.traits import Traits

ID_KINDS: Final = ("user", "anonymous", "email", "phone")
MAX_IDS: Final = 10_000
"""Ids of one kind that a profile is shown with."""
MAX_NOTES: Final = 20

Values = Mapping[str, Any]
_MAPS: Final = ("set", "set_once", "increment", "append", "prepend", "union")
_NONE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """What one event says of one profile, or of one group.

    Attributes:
        event_id: of the event; what is only seen, not said, has an id made of what was seen.
        profile_id: as derived from the event; merges are not looked through.
        at: time of the event, Unix ms, clamped as :func:`schemas.events.clamp_time` does.
        received_at: edge clock, Unix ms.
        seq: position of the event in its raw topic: the changes of one request have one time.
        kind: ``group`` when ``profile_id`` is a group's.
        ids: kind out of :data:`ID_KINDS` -> ids of the profile that the event names; of a group
            its type -> its id.
        groups: type -> id of the group that the profile belongs to.
        set, set_once, increment, append, prepend, union, unset, clear: see
            :class:`schemas.traits.Traits`, which applies them in the order clear, unset, set,
            set_once, increment, append, prepend, union.
    """

    event_id: str
    source_id: str
    profile_id: str
    at: int
    received_at: int
    seq: int = 0
    kind: Literal["profile", "group"] = "profile"
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    set: Values = field(default_factory=dict)
    set_once: Values = field(default_factory=dict)
    increment: Values = field(default_factory=dict)
    append: Values = field(default_factory=dict)
    prepend: Values = field(default_factory=dict)
    union: Values = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    clear: bool = False

    @property
    def key(self) -> bytes:
        """Key of the record on its compacted topic: an event may change a profile and a group."""
        suffix = f":{self.profile_id}" if self.kind == "group" else ""
        return f"{self.event_id}{suffix}".encode("utf-8", "surrogatepass")

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Where it stands among a profile's changes."""
        return self.at, self.received_at, self.seq, self.event_id


_FIELDS: Final = tuple(each.name for each in fields(Change))
_values: Final = attrgetter(*_FIELDS)
_ALWAYS: Final = frozenset({"event_id", "source_id", "profile_id", "at", "received_at", "kind"})


def write(change: Change) -> bytes:
    """Write the record's value; members that have nothing to say are left out.

    Raises:
        Malformed: ``json-unserialisable``.
    """
    said = zip(_FIELDS, _values(change), strict=True)
    return codec.dumps({name: value for name, value in said if value or name in _ALWAYS})


def read(value: bytes) -> Change:
    """Inverse of :func:`write`; unknown members of a newer version are ignored.

    Raises:
        Malformed: ``json-invalid`` or ``change-invalid``.
    """
    record: Any = codec.loads(value)
    if not isinstance(record, Mapping) or not _is_text(record.get("profile_id")):
        raise _wrong("a change names profile_id")
    if not all(map(_is_text, (record.get("event_id"), record.get("source_id")))):
        raise _wrong("event_id and source_id are texts")
    known = {"seq": 0} | {name: record[name] for name in _FIELDS if name in record}
    for name in ("at", "received_at", "seq"):
        if type(known.get(name)) is not int:
            raise _wrong(f"{name} is a whole number")
    if known.setdefault("kind", "profile") not in {"profile", "group"}:
        raise _wrong("kind is profile or group")
    for name in ("ids", "groups", *_MAPS):
        if not isinstance(known.setdefault(name, {}), Mapping):
            raise _wrong(f"{name} is an object")
    known["ids"] = {kind: _texts(kind, found) for kind, found in known["ids"].items()}
    if not all(map(_is_text, known["groups"].values())):
        raise _wrong("ids of groups are texts")
    known["unset"] = _texts("unset", known.get("unset", ()))
    known["clear"] = known.get("clear") is True
    return Change(**known)


@dataclass(frozen=True, slots=True)
class State:
    """A profile, or a group, as its changes leave it.

    Attributes:
        ids: kind -> every id ever seen, sorted; see :class:`Change`.
        groups: type -> the group of that type that it belongs to.
        traits: name -> value, of the JSON type in which it came.
        first_seen, last_seen: Unix ms, of the events that changed it; 0 without any.
        changes: how many events changed it.
        notes: what could not be done, in words, the newest last.
    """

    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    first_seen: int = 0
    last_seen: int = 0
    changes: int = 0
    notes: tuple[str, ...] = ()


def fold(changes: Iterable[Change]) -> State:
    """Add up changes of one profile and of those that were merged into it.

    The same set gives the same state, whatever its order and however often each is in it. Of
    copies of an event that differ, as a client's retry without a time of its own makes them,
    the earliest counts. Nothing is raised, whatever the changes are.
    """
    earliest: dict[str, Change] = {}
    for change in changes:
        known = earliest.get(change.event_id)
        if known is None or _age(change) < _age(known):
            earliest[change.event_id] = change
    ordered = sorted(earliest.values(), key=lambda change: change.order)
    if not ordered:
        return State()
    traits, groups = Traits(), dict[str, str]()
    ids: dict[str, dict[str, None]] = {}
    for change in ordered:
        traits.apply(change)
        groups |= change.groups
        for kind, found in change.ids.items():
            held = ids.setdefault(kind, {})
            for each in found:
                held.pop(each, None)
                held[each] = None
    return State(
        ids={kind: _newest(kind, ids[kind], traits) for kind in sorted(ids) if ids[kind]},
        groups=dict(sorted(groups.items())),
        traits=traits.settled(),
        first_seen=ordered[0].at,
        last_seen=ordered[-1].at,
        changes=len(ordered),
        notes=tuple(traits.notes[-MAX_NOTES:]),
    )


def _age(change: Change) -> tuple[int, int, int, str, bytes]:
    return *change.order[:3], change.profile_id, write(change)


def _newest(kind: str, held: Mapping[str, None], traits: Traits) -> tuple[str, ...]:
    if len(held) > MAX_IDS:
        traits.notes.append(f"ids: {len(held)} of kind {kind}, the newest {MAX_IDS} are kept")
    return tuple(sorted(list(held)[-MAX_IDS:]))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _texts(name: str, found: Any) -> tuple[str, ...]:
    if isinstance(found, list | tuple) and all(map(_is_text, found)):
        return tuple(found)
    raise _wrong(f"{name} is a list of texts")


def _wrong(message: str) -> Malformed:
    return Malformed("change-invalid", message)
