"""A pipeline of one partition in a few dictionaries: it crashes, repeats, and loses when told."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from deploy.balance import balance
from deploy.inquest import Known, Line
from deploy.reckoning import Findings, reckon
from deploy.sheet import Fate, Key, Log, Place, Sheet, Side, by_place
from schemas.ledger import NOWHERE, Counts, Entry, Tier

EVENTS = "t.events"
TOPICS = ("t.raw.a", "t.raw.b")
NOON = 1_795_262_400_000


class Event(NamedTuple):
    """An event; ``kind`` says what becomes of it."""

    event_id: str
    source_id: str
    minute: int
    kind: str


class World:
    """Kafka, ClickHouse and what the tiers said, after any history."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.raw: dict[str, list[list[Event]]] = {topic: [] for topic in TOPICS}
        self.events: list[list[Event]] = []
        self.done = dict.fromkeys((*TOPICS, EVENTS), 0)
        self.entries: list[Entry] = []
        self.table: dict[str, int] = {}
        self.memory: set[str] = set()
        self.letters: Counter[Place] = Counter()
        self.buried: set[str] = set()
        self.sent: list[Event] = []

    def accept(self, *, counted: bool = True) -> None:
        """One packed record: new events, and at times a client's retry."""
        topic = self.random.choice(TOPICS)
        record = []
        for _ in range(self.random.randint(1, 4)):
            source = topic[-1]
            minute = NOON + 60_000 * self.random.randint(0, 2)
            kind = self.random.choices(("kept", "dead", "unsaved"), (8, 1, 1))[0]
            event = Event(f"{source}{len(self.sent)}", source, minute, kind)
            old = [each for each in self.sent if each.source_id == source]
            if old and self.random.random() < 0.1:
                again = self.random.choice(old)
                event = again._replace(minute=minute)
            record.append(event)
            self.sent.append(event)
        self.raw[topic].append(record)
        if counted:
            self._note("edge", Place(topic, 0, len(self.raw[topic]) - 1), record)

    def process(self, crash: str = "") -> None:
        """Do some records of all topics in one pack."""
        todo = [
            (Place(topic, 0, offset), self.raw[topic][offset])
            for topic in TOPICS
            for offset in range(self.done[topic], len(self.raw[topic]))[: self.random.randint(0, 2)]
        ]
        kept = [event for _, record in todo for event in record if event.kind == "kept"]
        span = (NOWHERE, NOWHERE)
        if kept:
            cut = self.random.randint(0, len(kept))
            packs = [pack for pack in (kept[:cut], kept[cut:]) if pack]
            span = (len(self.events), len(self.events) + len(packs) - 1)
            self.events += packs
        for place, record in todo:
            dead = [event.event_id for event in record if event.kind == "dead"]
            self.letters[place] = len(set(dead))
            self.buried.update(dead)
            if crash != "before the ledger":
                some = any(event.kind == "kept" for event in record)
                self._note("process", place, record, span if some else (NOWHERE, NOWHERE))
        if not crash or crash == "of the ledger alone":
            for place, _ in todo:
                self.done[place.topic] = place.offset + 1

    def sink(self, crash: str = "") -> None:
        """Store some records of events."""
        first = self.done[EVENTS]
        if crash:
            self.memory.clear()
        for offset in range(first, len(self.events))[: self.random.randint(0, 3)]:
            counted: dict[Key, list[int]] = {}
            for event in self.events[offset]:
                here = self.table.get(event.event_id) == offset
                known = event.event_id in self.memory and not here
                counts = counted.setdefault((event.source_id, event.minute), [0, 0])
                counts[0] += 1
                counts[1] += known
                if not known:
                    self.table[event.event_id] = offset
                self.memory.add(event.event_id)
            if crash != "before the ledger":
                for (source, minute), (events, known_ones) in counted.items():
                    counts_ = Counts(events, duplicates=known_ones)
                    self.entries.append(Entry("sink", EVENTS, 0, offset, source, minute, counts_))
            if not crash or crash == "of the ledger alone":
                self.done[EVENTS] = offset + 1

    def drain(self) -> None:
        """Do all that is left, without trouble."""
        while any(self.done[topic] < len(self.raw[topic]) for topic in TOPICS):
            self.process()
        while self.done[EVENTS] < len(self.events):
            self.sink()

    def audit(self) -> tuple[dict[Key, Counter[Fate]], Findings]:
        """What the audit says of it."""
        sheet, findings = Sheet(), Findings()
        balance(self._side(), sheet)
        suspects = by_place(sheet.suspects)
        lines = {place: list(self._lines(place)) for place in suspects}
        behind = self.done[EVENTS] < len(self.events)
        facts = Known(
            {(event[0], event) for event in self.table},
            {(event[0], event) for event in self.buried},
            self.letters.keys(),
            {},
            {0} if behind else set(),
        )
        reckon(sheet, suspects, lines, facts, findings, EVENTS)
        return sheet.settle(), findings

    def lost(self) -> set[str]:
        """Ids of events of which nothing is left."""
        wanted = {event.event_id for event in self.sent if event.kind != "unsaved"}
        return wanted - self.table.keys() - self.buried

    def _side(self) -> Side:
        def of(tier: Tier) -> list[Entry]:
            return [entry for entry in self.entries if entry.tier == tier]

        logs = {
            name: Log(name, 0, 0, len(log), self.done[name])
            for name, log in {**self.raw, EVENTS: self.events}.items()
        }
        events = logs.pop(EVENTS)
        rows = Counter(self.table.values())
        return Side(logs, of("edge"), of("process"), events, of("sink"), rows, self.letters)

    def _lines(self, place: Place) -> Iterator[Line]:
        log = self.events if place.topic == EVENTS else self.raw[place.topic]
        for event in log[place.offset]:
            key = event.source_id, event.minute
            yield Line(place, key, event.event_id, event.minute, event.kind == "unsaved")

    def _note(
        self,
        tier: Tier,
        place: Place,
        record: list[Event],
        span: tuple[int, int] = (NOWHERE, NOWHERE),
    ) -> None:
        kinds: dict[Key, Counter[str]] = {}
        for event in record:
            kinds.setdefault((event.source_id, event.minute), Counter())[event.kind] += 1
        for (source, minute), kind in kinds.items():
            counts = Counts(kind.total())
            if tier == "process":
                counts = Counts(kind.total(), kind["unsaved"], 0, kind["dead"])
            self.entries.append(Entry(tier, *place, source, minute, counts, *span))
