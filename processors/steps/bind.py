"""Whose a session is that its client named: by the rules of Tracardi's tracker controller (0.9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from schemas import codec
from schemas.errors import Malformed
from schemas.events import Binding

MERGED: Final = 4
"""Profiles that a session remembers to have been merged away, until everybody knows of it."""

Resolve = Callable[[str], str]
"""``Merges.resolve``: the profile that goes on for another."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a session stands for.

    Attributes:
        profile_id: "" for nobody, so far.
        merged: profiles that this one took in and that were not known as merged yet.
    """

    profile_id: str
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """What is kept of a session.

    Attributes:
        partition: of the changelog that keeps it.
        touched: edge clock (Unix ms) when it was last written.
        since: edge clock (Unix ms) of the event that it began with.
        owned: edge clock (Unix ms) of the event since which it stands for somebody.
    """

    partition: int
    touched: int
    since: int
    owned: int
    held: Held

    def at(self, received_at: int) -> Held | None:
        """Tell what it stood for at a moment, edge clock (Unix ms)."""
        if received_at < self.since:
            return None
        return self.held if self.owned <= received_at else Held("")

    def holding(self, partition: int, held: Held, received_at: int) -> "Bound":
        """Let it stand for what it stands for now."""
        owned = self.owned if self.held.profile_id else received_at
        return Bound(partition, max(self.touched, received_at), self.since, owned, held)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose an event is.

    Attributes:
        profile_id: "" for nobody.
        session_id: "" where the rule knows no such session.
        held: what the session stands for from now on; None when nothing is to be kept.
        merges: pairs of a profile and the one that it goes on as.
        opened: the session, or its profile, began with this event.
    """

    profile_id: str
    session_id: str
    held: Held | None = None
    merges: tuple[tuple[str, str], ...] = ()
    opened: bool = False


def bind(
    binding: Binding,
    session_id: str,
    held: Held | None,
    *,
    given: str,
    derive: Callable[[], str],
    resolve: Resolve,
) -> Whose:
    """Decide whose an event is, and what its session stands for afterwards.

    Args:
        held: what the session stands for, None when nobody has seen it.
        given: the client's profile id if the edge let it through, else "".
        derive: makes the id of the profile that begins with this session.
    """
    match binding.rule:
        case "nobody":
            return Whose("", session_id, held or Held(""), opened=held is None)
        case "existing":
            # a profile is made where pages are seen: the link would give it another id
            if held is None:
                return Whose("", "")
            return Whose(resolve(held.profile_id), session_id, held)
        case "static" if given:
            merges = _merges((given,), binding.handed_over, resolve)
            return Whose(given, session_id, Held(given), merges, opened=held is None)
        case _:
            return _stick(binding.handed_over, session_id, held, given, derive, resolve)


def _stick(
    handed_over: str,
    session_id: str,
    held: Held | None,
    given: str,
    derive: Callable[[], str],
    resolve: Resolve,
) -> Whose:
    """The first profile stays, until it is merged into another.

    A merge may be decided and its session written when a crash keeps the merge itself from
    being written. The session therefore remembers whom its profile took in, and the merge is
    written with every event until it has come back, however often that is.
    """
    survivor = resolve(handed_over)
    if held is not None and held.profile_id:
        profile = resolve(held.profile_id)
        opened, taken = profile != held.profile_id, held.merged
    else:
        own = given if held is None else ""
        profile, opened, taken = resolve(own) or survivor or resolve(derive()), True, ()
    if survivor and survivor != profile and handed_over not in taken:
        taken, profile = (*taken, profile), survivor
    left = tuple(old for old in taken if resolve(old) != resolve(profile))[-MERGED:]
    return Whose(profile, session_id, Held(profile, left), _merges(left, profile, resolve), opened)


def _merges(profiles: tuple[str, ...], into: str, resolve: Resolve) -> tuple[tuple[str, str], ...]:
    if not into:
        return ()
    return tuple((old, into) for old in profiles if resolve(old) != resolve(into))


def dump(bound: Bound) -> bytes:
    """Write a session's state: ``partition,touched,[since,owned,profile,merged,...]``."""
    rest = codec.dumps([bound.since, bound.owned, bound.held.profile_id, *bound.held.merged])
    return b"%d,%d," % (bound.partition, bound.touched) + rest


def load(value: bytes) -> Bound:
    """Inverse of :func:`dump`.

    Raises:
        Malformed: ``session-state-invalid`` when the changelog holds what no processor wrote.
    """
    try:
        partition, touched, rest = value.split(b",", 2)
        since, owned, profile_id, *merged = codec.loads(rest)
        held = Held(profile_id, tuple(merged))
        return Bound(int(partition), int(touched), int(since), int(owned), held)
    except (ValueError, TypeError, Malformed) as error:
        raise Malformed("session-state-invalid", f"no session state: {value!r}") from error
