"""The sheet completed by what was found out of suspects, and what is missing; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from deploy.inquest import Known, Line
from deploy.sheet import Key, Place, Sheet, Why
from sinks.ledger import EventKey

SAMPLE: Final = 3


@dataclass(slots=True)
class Finding:
    """Events that are missing from records of one partition.

    Attributes:
        why: what made the record suspect.
        offsets: of the records.
        events: how many are missing.
        sample: ids of some.
    """

    source_id: str
    minute: int
    why: Why
    topic: str
    partition: int
    offsets: set[int] = field(default_factory=set)
    events: int = 0
    sample: list[str] = field(default_factory=list)


class Findings:
    """What is missing, by source, minute and partition; each event once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, Why, str, int], Finding] = {}
        self._events: set[EventKey] = set()

    def add(self, line: Line, why: Why) -> bool:
        """Note a missing event; False when it was noted before."""
        if line.event_id and line.event in self._events:
            return False
        self._events.add(line.event)
        self.count(line.key, line.place, why, 1)
        sample = self._at(line.key, line.place, why).sample
        if line.event_id and len(sample) < SAMPLE:
            sample.append(line.event_id)
        return True

    def count(self, key: Key, place: Place, why: Why, events: int) -> None:
        """Note missing events whose ids nobody knows."""
        finding = self._at(key, place, why)
        finding.offsets.add(place.offset)
        finding.events += events

    def all(self) -> list[Finding]:
        """Everything, in the order of minutes, sources and places."""
        return [self._found[key] for key in sorted(self._found, key=lambda k: (k[1], *k))]

    def _at(self, key: Key, place: Place, why: Why) -> Finding:
        where = (*key, why, place.topic, place.partition)
        if where not in self._found:
            self._found[where] = Finding(*where)
        return self._found[where]


def reckon(
    sheet: Sheet,
    suspects: Mapping[Place, Why],
    lines: Mapping[Place, list[Line]],
    facts: Known,
    findings: Findings,
    events: str,
) -> None:
    """Enter the events of suspects one by one.

    Args:
        lines: of the suspects that Kafka still has.
        events: the topic of events: its records are looked at for what was lost after they had
            been counted, and their places are the ones named where raw records tell the same.
    """
    lost: set[EventKey] = set()
    seen: set[EventKey] = set()
    for place, why in suspects.items():
        if place.topic != events:
            lost |= _accept(sheet, place, why, lines.get(place), facts, findings, seen)
    for place, why in suspects.items():
        if place.topic == events:
            for line in lines.get(place, []):
                _correct(sheet, line, why, facts, findings, lost)
    for place, why in suspects.items():
        if place.topic != events and why != "uncounted":
            for line in lines.get(place, []):
                if facts.fate(line, raw=True) == "missing":
                    findings.add(line, why)


def _accept(
    sheet: Sheet,
    place: Place,
    why: Why,
    lines: list[Line] | None,
    facts: Known,
    findings: Findings,
    seen: set[EventKey],
) -> set[EventKey]:
    """Enter a raw record event by event; returns the events that are missing.

    Of several suspects with one event the first counts as stored, the others as its duplicates.
    """
    if lines is None:
        for key, events in sheet.accepted.get(place, {}).items():
            sheet.fates[key]["missing"] += events
            findings.count(key, place, why, events)
        return set()
    missing = set()
    for line in lines:
        fate = "in_flight" if why == "uncounted" else facts.fate(line, raw=True)
        if fate == "stored":
            fate = "duplicates" if line.event in seen else fate
            seen.add(line.event)
        sheet.fates[line.key][fate] += 1
        if place not in sheet.accepted:
            sheet.uncovered[line.key] += 1
        if fate == "missing":
            missing.add(line.event)
    return missing


def _correct(
    sheet: Sheet, line: Line, why: Why, facts: Known, findings: Findings, lost: set[EventKey]
) -> None:
    """Take out of what the sink has handled what is not in the table any more."""
    fate = facts.fate(line, raw=False)
    if fate == "missing":
        findings.add(line, why)
    if fate in {"missing", "erased", "expired"} and line.event not in lost:
        lost.add(line.event)
        sheet.handled[line.key] -= 1
        sheet.sunk[line.key]["stored"] -= 1
        sheet.fates[line.key][fate] += 1
