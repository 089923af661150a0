"""Profiles that turned out to be one: records of the overrides topic, and what they add up to."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from schemas import codec
from schemas.errors import Malformed

Kind = Literal["handover", "link", "alias", "key"]
"""Why two profiles are one: see :class:`Edge`."""

LONGEST_PROFILE: Final = 512
_KINDS: Final[Mapping[str, Kind]] = {kind: kind for kind in get_args(Kind)}
"""One text for all edges of a kind: each that is read would bring its own."""


class Edge(NamedTuple):
    """What one event says of two profiles.

    Attributes:
        at: edge clock of the event, Unix ms, so that the event says the same when it comes again.
        kind: ``handover``: a link from another site brought ``merged_into``, which survives;
            ``link``: ``profile_id`` is an anonymous visitor who is now known as the user of
            ``merged_into``; only the first such user counts, so that a shared device never
            makes two users one;
            ``alias``: somebody said that ``profile_id`` goes on as ``merged_into``;
            ``key``: ``merged_into`` is the profile of an e-mail address or a phone number that
            ``profile_id`` has; of all profiles that have it, the one that had one first survives.
    """

    profile_id: str
    merged_into: str
    at: int = 0
    kind: Kind = "handover"


def key(profile_id: str, merged_into: str, at: int = 0, kind: Kind = "handover") -> bytes:
    """Key of an edge on its compacted topic: all of it, since the truth is the set of edges."""
    return f"{profile_id}\x00{merged_into}\x00{kind}\x00{at}".encode("utf-8", "surrogatepass")


def erasure(at: int) -> bytes:
    """Key of a record without a value that only says that profiles were erased (Unix ms)."""
    return f"\x00\x00erased\x00{at}".encode()


def named(record_key: bytes) -> Edge | None:
    """Inverse of :func:`key`: what a record without a value takes back; None for another key."""
    parts = record_key.decode("utf-8", "surrogatepass").split("\x00")
    if len(parts) != len(Edge._fields) or parts[2] not in _KINDS or not parts[3].isdecimal():
        return None
    return Edge(parts[0], parts[1], int(parts[3]), _KINDS[parts[2]])


def write(profile_id: str, merged_into: str, at: int, kind: Kind = "handover") -> bytes:
    """Write the record of an edge."""
    return codec.dumps(
        {"profile_id": profile_id, "merged_into": merged_into, "merged_at": at, "kind": kind}
    )


def read(value: bytes) -> Edge:
    """Inverse of :func:`write`; what names no kind, as earlier versions wrote, is a handover.

    Raises:
        Malformed: ``json-invalid`` or ``merge-invalid``.
    """
    record: Any = codec.loads(value)
    if isinstance(record, Mapping):
        loser, survivor = record.get("profile_id"), record.get("merged_into")
        at, kind = record.get("merged_at", 0), _kind(record.get("kind", "handover"))
        told = type(at) is int and loser and survivor
        if isinstance(loser, str) and isinstance(survivor, str) and told and kind is not None:
            return Edge(loser, survivor, at, kind)
    raise Malformed("merge-invalid", "a merge names profile_id, merged_into and merged_at")


def _kind(told: object) -> Kind | None:
    return _KINDS.get(told) if isinstance(told, str) else None


def _order(edge: Edge) -> tuple[int, str, str, str]:
    return edge.at, edge.profile_id, edge.merged_into, edge.kind


@dataclass(slots=True)
class _Group:
    """Profiles that are one: all of them, the newest edge among them, the time of the first."""

    members: list[str]
    newest: Edge
    since: int


class Merges:
    """All merged profiles: a function of the set of edges, whatever order they come in.

    Profiles that edges join are one. Which of them survives follows from their edges in the
    order of time; an edge newer than all others of its group, the common case, is added in
    constant time, and an older one folds its own group again. Of edges that say the same the
    earliest counts. An edge takes about 0.6 KB.

    Attributes:
        forgotten: grows whenever profiles were erased, see :func:`erasure`.
    """

    def __init__(self) -> None:
        self._into: dict[str, str] = {}
        self._out: dict[str, tuple[Edge, ...]] = {}
        self._groups: dict[str, _Group] = {}
        self._heard: Callable[[Collection[str]], None] | None = None
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._into)

    def __iter__(self) -> Iterator[str]:
        """List the profiles that go on as another."""
        return iter(tuple(self._into))

    def listen(self, heard: Callable[[Collection[str]], None]) -> None:
        """Have ``heard`` called with the profiles that resolve to another one than before."""
        self._heard = heard

    def put(self, profile_id: str, merged_into: str, at: int = 0, kind: Kind = "handover") -> None:
        """Add one edge; the parameters are those of :class:`Edge`."""
        if not self.is_news(profile_id, merged_into, at, kind):
            return
        edge = Edge(profile_id, merged_into, at, kind)
        said = self._said(edge)
        others = [each for each in self._out.get(profile_id, ()) if each is not said]
        self._out[profile_id] = (*others, edge)
        groups = [self._groups.get(self.resolve(each)) for each in (profile_id, merged_into)]
        newest = max((_order(group.newest) for group in groups if group), default=None)
        if said is None and (newest is None or newest < _order(edge)):
            moved = self._join(edge)
        else:
            members = {profile_id, merged_into}.union(*(it.members for it in groups if it))
            moved = self._refold(members)
        if moved and self._heard is not None:
            self._heard(moved)

    def forget(self, edge: Edge) -> None:
        """Take an edge back, as if it had never been; one that is not known is fine."""
        left = tuple(each for each in self._out.get(edge.profile_id, ()) if each != edge)
        if left == self._out.get(edge.profile_id, ()):
            return
        members = self.family(edge.profile_id)
        if left:
            self._out[edge.profile_id] = left
        else:
            del self._out[edge.profile_id]
        moved = self._refold(members)
        if moved and self._heard is not None:
            self._heard(moved)

    def edges(self, profile_id: str) -> tuple[Edge, ...]:
        """List what makes the family of ``profile_id`` one."""
        return tuple(edge for each in self.family(profile_id) for edge in self._out.get(each, ()))

    def is_news(self, profile_id: str, merged_into: str, at: int, kind: Kind) -> bool:
        """Tell whether an edge says what is not known yet."""
        edge = Edge(profile_id, merged_into, at, kind)
        said = self._said(edge)
        return profile_id != merged_into and (said is None or _order(edge) < _order(said))

    def resolve(self, profile_id: str) -> str:
        """Name the profile that goes on for ``profile_id``: itself when it was never merged."""
        into = self._into
        found = into.get(profile_id)
        if found is None:
            return profile_id
        root = found
        while (beyond := into.get(root)) is not None:
            root = beyond
        while found != root:
            into[profile_id] = root
            profile_id, found = found, into[found]
        return root

    def family(self, profile_id: str) -> tuple[str, ...]:
        """List all profiles that are one with ``profile_id``, itself included."""
        group = self._groups.get(self.resolve(profile_id))
        return tuple(group.members) if group else (profile_id,)

    def _said(self, edge: Edge) -> Edge | None:
        """Find the edge that said the same, or that links the same visitor."""
        for known in self._out.get(edge.profile_id, ()):
            same = known.merged_into == edge.merged_into or edge.kind == "link"
            if same and known.kind == edge.kind:
                return known
        return None

    def _refold(self, members: Collection[str]) -> Collection[str]:
        """Join the members again in the order of their edges; returns those that moved."""
        before = {each: self.resolve(each) for each in members}
        edges = [edge for each in members for edge in self._out.get(each, ())]
        for each in members:
            self._into.pop(each, None)
            self._groups.pop(each, None)
        for edge in sorted(edges, key=_order):
            self._join(edge)
        return [each for each, root in before.items() if self.resolve(each) != root]

    def _join(self, edge: Edge) -> Collection[str]:
        """Add an edge that is newer than its groups; returns the profiles that moved."""
        first, second = self.resolve(edge.profile_id), self.resolve(edge.merged_into)
        if first == second:
            self._groups[first].newest = edge
            return ()
        kept = self._groups.pop(first, None) or _Group([first], edge, edge.at)
        other = self._groups.pop(second, None) or _Group([second], edge, edge.at)
        loser, survivor, left, into = first, second, kept, other
        if edge.kind == "key" and _was_first(kept, other, edge):
            loser, survivor, left, into = second, first, other, kept
        self._into[loser] = survivor
        moved = tuple(left.members) if self._heard else (loser,)
        large, small = sorted((left, into), key=lambda group: len(group.members), reverse=True)
        large.members += small.members
        large.newest, large.since = edge, min(left.since, into.since)
        self._groups[survivor] = large
        return moved


def _was_first(group: _Group, other: _Group, edge: Edge) -> bool:
    """Tell whether a group was there before the other; one that begins with the edge was not."""
    if other.newest is edge or group.newest is edge:
        return other.newest is edge
    return group.since <= other.since
