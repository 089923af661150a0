"""What an event says of profiles: changes, and which of them it shows to be one.

An event is told apart from what is only seen on it. What it says has the event's own id; that a
user, a visitor or a group was seen has an id made of what was seen, so that seeing it again says
nothing new.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from processors.steps.identify import Issue
from schemas import ids
from schemas.envelope import RawEvent
from schemas.events import Event
from schemas.merges import Edge
from schemas.profiles import Change

NOBODY: Final = frozenset(
    {
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
        "[object object]",
        "anonymous",
        "distinct_id",
        "distinctid",
        "email",
        "false",
        "guest",
        "id",
        "nan",
        "nil",
        "none",
        "not_authenticated",
        "null",
        "true",
        "undefined",
        "unknown",
    }
)
"""Ids, in lower case, that programs send when they mean nobody (after PostHog's list): whoever
has one is not the same person as the next who has it."""
_EMAIL: Final = frozenset({"email", "email_address", "e_mail", "mail"})
_PHONE: Final = frozenset({"phone", "phone_number", "phonenumber", "mobile", "mobile_phone"})
_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+")
_NOT_DIALLED: Final = re.compile(r"[\s().\-/]")
_NUMBER: Final = re.compile(r"\+?[0-9]{6,15}")
_LONGEST_ADDRESS: Final = 320
_LONGEST_NUMBER: Final = 40
_GROUP: Final = "group"
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """What one event adds to what is known of profiles.

    Attributes:
        changes: of the profile, of the visitor that it is linked with, of the group.
        edges: pairs of profiles that are one.
    """

    changes: list[Change]
    edges: list[Edge]


@dataclass(frozen=True, slots=True)
class Relate:
    """One event, and whose it is.

    Attributes:
        own: the event's profile as derived, "" for nobody's.
        at: time of the event, Unix ms, clamped.
        seq: its position in its raw topic.
        merge_by: kinds of addresses that make two profiles of the source one.
    """

    raw: RawEvent
    event: Event
    own: str
    at: int
    seq: int
    merge_by: Collection[str]
    issue: Issue

    def told(self) -> Told:
        """Say what the event adds."""
        told = Told([], [])
        if self.own:
            self._profile(told)
            self._link(told)
        if self.event.group_id and self.event.group_id.lower() not in NOBODY:
            self._group(told)
        return told

    def _profile(self, told: Told) -> None:
        event, groups = self.event, {}
        said = event.changes or _NOTHING
        found = {"user": (event.user_id,)} if _somebody(event.user_id) else {}
        if not event.user_id and event.anonymous_id:
            found["anonymous"] = (event.anonymous_id,)
        if event.kind == _GROUP:
            said, groups = _NOTHING, {_GROUP: event.group_id} if event.group_id else {}
        reached = contacts(said)
        for kind in self.merge_by:
            for address in reached.get(kind, ()):
                holder = self.issue("profile", self.raw.source_id, kind, address)
                told.edges.append(Edge(self.own, holder, self.raw.received_at, "key"))
        if said or groups:
            told.changes.append(self._change(self.own, ids=found | reached, groups=groups, **said))
        elif found or event.binding is not None:
            told.changes.append(self._seen(self.own, ids=found))

    def _link(self, told: Told) -> None:
        raw, event = self.raw, self.event
        if raw.profile_id or event.binding is not None or not _somebody(event.user_id):
            return
        if _somebody(event.anonymous_id):
            visitor = self.issue("profile", raw.source_id, "anonymous", event.anonymous_id)
            told.changes.append(self._seen(visitor, ids={"anonymous": (event.anonymous_id,)}))
            told.edges.append(Edge(visitor, self.own, raw.received_at, "link"))
        if _somebody(event.previous_id):
            visitor = self.issue("profile", raw.source_id, "anonymous", event.previous_id)
            user = self.issue("profile", raw.source_id, "user", event.previous_id)
            told.edges.append(Edge(visitor, self.own, raw.received_at, "link"))
            told.edges.append(Edge(user, self.own, raw.received_at, "alias"))

    def _group(self, told: Told) -> None:
        event = self.event
        group = self.issue("group", self.raw.source_id, _GROUP, event.group_id)
        found = {_GROUP: (event.group_id,)}
        if event.kind == _GROUP and event.changes:
            said = self._change(group, kind=_GROUP, ids=found, **event.changes)
            told.changes.append(said)
        else:
            told.changes.append(self._seen(group, kind=_GROUP, ids=found))

    def _change(self, profile_id: str, **said: Any) -> Change:
        raw = self.raw
        return Change(
            raw.event_id, raw.source_id, profile_id, self.at, raw.received_at, self.seq, **said
        )

    def _seen(self, profile_id: str, **said: Any) -> Change:
        raw = self.raw
        named = sorted(f"{kind}={each}" for kind, found in said["ids"].items() for each in found)
        seen = ids.event_id(raw.source_id, "\x00".join(("seen", profile_id, *named)))
        return Change(seen, raw.source_id, profile_id, self.at, raw.received_at, **said)


def contacts(said: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Find the e-mail addresses and phone numbers among what is set, as they are compared.

    A trait of such a name has one address, or an object of several, such as main and business.
    """
    found: dict[str, dict[str, None]] = {}
    for values in (said.get("set", _NOTHING), said.get("set_once", _NOTHING)):
        for name, value in values.items():
            plain = name.lower().lstrip("$_")
            for kind, names, read in _CONTACTS:
                if plain in names:
                    addresses = map(read, value.values() if type(value) is dict else (value,))
                    found.setdefault(kind, {}).update(dict.fromkeys(filter(None, addresses)))
    return {kind: tuple(each) for kind, each in found.items() if each}


def as_email(value: Any) -> str:
    """Write an e-mail address as it is compared, trimmed and in lower case; "" for none."""
    if type(value) is not str or len(value) > _LONGEST_ADDRESS:
        return ""
    address = value.strip().lower()
    return address if _ADDRESS.fullmatch(address) else ""


def as_phone(value: Any) -> str:
    """Write a phone number as it is compared: digits, with ``+`` for ``00``; "" for none."""
    text = str(value) if type(value) is int else value
    if type(text) is not str or len(text) > _LONGEST_NUMBER:
        return ""
    number = _NOT_DIALLED.sub("", text)
    if number.startswith("00"):
        number = "+" + number[2:]
    return number if _NUMBER.fullmatch(number) else ""


_CONTACTS: Final = (("email", _EMAIL, as_email), ("phone", _PHONE, as_phone))


def _somebody(name: str) -> bool:
    return name != "" and name.lower() not in NOBODY
