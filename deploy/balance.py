"""Whether what was accepted came through, by the ledger alone; and which records to look into.

Pure. Each tier's count of a record is held against the next one's count of the same record, never
sum against sum: a record written twice after a crash can then not hide one that was lost.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.sheet import Fate, Key, Log, Place, Sheet, Side, Suspect
from schemas.ledger import UNKNOWN, Counts, Entry


@dataclass(slots=True)
class _Report:
    """One time that the processors did a record, and where they wrote its events."""

    span: tuple[int, int]
    counts: dict[Key, Counts] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum(counts.events for counts in self.counts.values())

    @property
    def kept(self) -> int:
        return sum(counts.kept for counts in self.counts.values())

    @property
    def dead(self) -> int:
        return sum(counts.dead for counts in self.counts.values())


def balance(side: Side, sheet: Sheet) -> None:
    """Add one partition number to a sheet."""
    sunk = _sink(side, sheet)
    reports = _reports(side.process)
    packs = _packs(reports)
    written = {span: _written(span, kept, sunk, side.events) for span, kept in packs.items()}
    offsets: dict[str, set[int]] = defaultdict(set)
    for entry in side.edge:
        place = Place(entry.topic, entry.partition, entry.offset)
        sheet.accepted[place][entry.source_id, entry.minute] = entry.counts.events
        offsets[entry.topic].add(entry.offset)
    for place in reports:
        offsets[place.topic].add(place.offset)
    for topic, log in side.raw.items():
        for offset in sorted(offsets[topic].union(range(log.first, log.end))):
            if offset >= log.first:
                place = Place(topic, log.partition, offset)
                _record(place, log, reports.get(place, []), written, sheet, side.letters)
    suspects = {suspect.place for suspect in sheet.suspects}
    for place in sheet.accepted.keys() - suspects:
        del sheet.accepted[place]


def _record(
    place: Place,
    log: Log,
    reports: list[_Report],
    written: Mapping[tuple[int, int], bool | None],
    sheet: Sheet,
    letters: Mapping[Place, int],
) -> None:
    """Judge one raw record."""
    accepted = sheet.accepted.get(place)
    if place.offset >= log.end:
        sheet.suspects.append(Suspect(place, "vanished"))
        return
    best = _best(reports, written)
    if best is None:
        if place.offset < log.committed:
            sheet.suspects.append(Suspect(place, "skipped"))
        elif accepted is None:
            sheet.suspects.append(Suspect(place, "uncounted"))
        else:
            for key, events in accepted.items():
                sheet.fates[key]["in_flight"] += events
        return
    if accepted is not None and accepted.total() != best.events:
        sheet.suspects.append(Suspect(place, "differs"))
        return
    state = written[best.span] if best.kept else True
    if state is False:
        sheet.suspects.append(Suspect(place, "not-written"))
    elif best.dead > letters.get(place, 0):
        sheet.suspects.append(Suspect(place, "letters-missing"))
    else:
        _enter(best, accepted, sheet, in_flight=state is None)


def _enter(
    report: _Report, accepted: Counter[Key] | None, sheet: Sheet, *, in_flight: bool
) -> None:
    """Enter a record that is as it should be; lines of no minute get one that the edge counted."""
    left = Counter(accepted) if accepted is not None else Counter()
    left.subtract({key: c.events for key, c in report.counts.items()})
    for key, counts in report.counts.items():
        if accepted is None:
            sheet.uncovered[key] += counts.events
        if key[1] == UNKNOWN and accepted:
            key = max(left, key=lambda each: left[each])  # noqa: PLW2901 - a better name for it
        fates = sheet.fates[key]
        fates["unsaved"] += counts.unsaved
        fates["dead"] += counts.dead
        if in_flight:
            fates["in_flight"] += counts.kept
        elif counts.kept:
            sheet.handled[key] += counts.kept


def _best(reports: list[_Report], written: Mapping[tuple[int, int], bool | None]) -> _Report | None:
    """Of several times that a record was done, one that came through counts."""
    if not reports:
        return None
    order = {True: 2, None: 1, False: 0}
    return max(
        reversed(reports), key=lambda report: order[written[report.span] if report.kept else True]
    )


def _reports(entries: Iterable[Entry]) -> dict[Place, list[_Report]]:
    """Group entries by record and by what it was written into, the oldest first."""
    found: dict[Place, dict[int, _Report]] = defaultdict(dict)
    for entry in entries:
        place = Place(entry.topic, entry.partition, entry.offset)
        report = found[place].setdefault(entry.into, _Report((entry.into, entry.until)))
        report.counts[entry.source_id, entry.minute] = entry.counts
    return {place: list(reports.values()) for place, reports in found.items()}


def _packs(reports: Mapping[Place, list[_Report]]) -> Counter[tuple[int, int]]:
    """How many events were written into which records of the topic of events."""
    kept: Counter[tuple[int, int]] = Counter()
    for each in reports.values():
        for report in each:
            kept[report.span] += report.kept
    return kept


def _written(span: tuple[int, int], kept: int, sunk: Mapping[int, int], events: Log) -> bool | None:
    """Tell whether the sink saw what was written there; None when it has yet to."""
    if span[0] < events.first:
        return False
    seen = 0
    for offset in range(span[0], span[1] + 1):
        if offset not in sunk:
            return None if offset >= events.committed and offset < events.end else False
        seen += sunk[offset]
    return seen >= kept


def _sink(side: Side, sheet: Sheet) -> dict[int, int]:
    """Enter what the sink counted; returns the events of each record that it saw."""
    found: dict[tuple[int, Key], Counts] = {}
    for entry in side.sink:
        counted = entry.offset, (entry.source_id, entry.minute)
        known = found.get(counted)
        # of a record that came twice the later count has duplicates of its own rows
        if known is None or entry.counts.kept >= known.kept:
            found[counted] = entry.counts
    seen: Counter[int] = Counter()
    kept: Counter[int] = Counter()
    dead: Counter[int] = Counter()
    for (offset, key), counts in found.items():
        seen[offset] += counts.events
        kept[offset] += counts.kept
        dead[offset] += counts.dead
        tallied: dict[Fate, int] = {
            "stored": counts.kept,
            "duplicates": counts.duplicates,
            "dead": counts.dead,
        }
        sheet.sunk[key].update(tallied)
    log = side.events
    for offset in sorted(set(range(log.first, min(log.committed, log.end))).union(seen)):
        place = Place(log.topic, log.partition, offset)
        if offset < log.first:
            continue
        if offset not in seen:
            sheet.suspects.append(Suspect(place, "skipped"))
        elif kept[offset] > side.rows.get(offset, 0):
            sheet.suspects.append(Suspect(place, "rows-missing"))
        elif dead[offset] > side.letters.get(place, 0):
            sheet.suspects.append(Suspect(place, "letters-missing"))
    return dict(seen)
