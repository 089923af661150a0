"""The round trip through a publisher that answers as the processors do."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from ingest.answers import Expected
from ingest.rounds import Patience, Sessions
from schemas import codec, envelope
from schemas.answers import Told
from schemas.envelope import RawEvent
from tests.ingest.call import Answer, Call
from tests.ingest.plain import NOW, Kept, World, world

KEY = {"x-key": "shop-key"}
HASTY = Patience(profile=0.02, debug=0.02, pause=60)


def whose(raw: RawEvent) -> Told | None:
    return Told(raw.ask, raw.event_id, profile_id=f"profile of {raw.body['who']}")


def silent(_: RawEvent) -> Told | None:
    return None


@dataclass
class Processors:
    """Answers asks; ``tell`` says what about each event, or nothing."""

    tell: Callable[[RawEvent], Told | None]
    trouble: str = ""
    heard: int = 0
    waiting: dict[str, Expected] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def expect(self, count: int) -> Expected:
        return Expected(self.waiting, f"0:{len(self.asked)}", count)

    def process(self, line: bytes) -> None:
        raw = envelope.read(line)
        self.asked.append(raw.ask)
        told = self.tell(raw) if raw.ask else None
        if told is not None:
            self.waiting[raw.ask].hear(told)


@dataclass
class Piped(Kept):
    """A publisher whose lines are processed at once."""

    processors: Processors = field(default_factory=lambda: Processors(silent))

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = 0
    ) -> None:
        await super().publish(topic, lines, received_at)
        for chunk in lines.values():
            for line in chunk:
                self.processors.process(line)


def waiting_world(
    tell: Callable[[RawEvent], Told | None], patience: Patience | None = None
) -> tuple[World, Processors]:
    processors = Processors(tell)
    piped = Piped(processors=processors)
    return world(answers=processors, patience=patience, kept=piped), processors


async def track(at: World, query: bytes, *who: str) -> Answer:
    events = codec.dumps([{"who": name, "id": name} for name in who])
    answer = await Call("/send", events, headers=KEY, query=query).answer(at.app)
    assert answer.status == 200
    return answer


async def profiles(at: World, query: bytes, *who: str) -> list[str]:
    return [told[1] for told in (await track(at, query, *who)).json["told"]]


async def asked(at: World) -> dict[str, float]:
    await Call("/metrics", method="GET").answer(at.app)
    outcomes = ("cached", "told", "late", "skipped")
    counts = {out: at.metrics.get("headrace_ingest_asked_total", outcome=out) for out in outcomes}
    return {outcome: count for outcome, count in counts.items() if count}


async def test_the_first_event_is_asked_about_and_the_answer_is_in_the_reply() -> None:
    at, processors = waiting_world(whose)
    assert await profiles(at, b"ask=profile", "ann", "bob") == ["profile of ann"]
    assert sorted(processors.asked) == ["", "0:0"]
    assert processors.waiting == {}
    assert await asked(at) == {"told": 1}


async def test_what_was_told_is_remembered_for_its_source_and_session() -> None:
    at, processors = waiting_world(whose)
    for _ in range(3):
        assert await profiles(at, b"ask=profile", "ann") == ["profile of ann"]
    assert processors.asked == ["0:0", "", ""]
    assert await profiles(at, b"ask=profile&session=s2", "bob") == ["profile of bob"]
    assert await asked(at) == {"told": 2, "cached": 2}
    at.clock[0] += 1_800_000
    assert await profiles(at, b"ask=profile", "cat") == ["profile of cat"]


async def test_what_is_remembered_ends_where_a_request_changes_it() -> None:
    at, processors = waiting_world(whose)
    assert await profiles(at, b"ask=profile", "ann") == ["profile of ann"]
    assert await profiles(at, b"ask=profile&anew=1", "bob") == ["profile of bob"]
    assert await profiles(at, b"ask=profile", "cat") == ["profile of bob"]
    processors.tell = silent
    assert await profiles(at, b"ask=profile", "dan") == ["profile of bob"]


async def test_what_is_remembered_follows_merges() -> None:
    at, _ = waiting_world(whose)
    await profiles(at, b"ask=profile", "ann")
    at.feed.merges.put("profile of ann", "survivor")
    assert await profiles(at, b"ask=profile", "ann") == ["survivor"]


async def test_a_session_of_nobody_is_asked_about_again() -> None:
    at, processors = waiting_world(lambda raw: Told(raw.ask, raw.event_id))
    assert await profiles(at, b"ask=profile", "ann") == [""]
    assert await profiles(at, b"ask=profile", "ann") == [""]
    assert all(processors.asked)


async def test_every_event_is_debugged_in_its_order() -> None:
    at, processors = waiting_world(whose)
    names = [f"person {number}" for number in range(9)]
    answer = await track(at, b"ask=debug", *names)
    told = [[event_id, f"profile of {name}"] for event_id, name in zip(answer.json["ids"], names)]  # noqa: B905 - lengths are compared
    assert answer.json["told"] == told
    assert processors.asked == ["0:0"] * 9


async def test_an_answer_that_does_not_come_fails_nothing_and_is_not_waited_for_again() -> None:
    at, processors = waiting_world(silent, HASTY)
    assert await profiles(at, b"ask=profile", "ann") == []
    assert await profiles(at, b"ask=profile", "bob") == []
    assert await profiles(at, b"ask=profile&session=s2", "cat") == []
    assert processors.asked == ["0:0", "", ""]
    assert await asked(at) == {"late": 1, "skipped": 2}


async def test_without_an_answer_a_session_is_taken_for_whose_it_was_taken_before() -> None:
    at, processors = waiting_world(silent, HASTY)

    async def believed(query: bytes) -> str:
        return str((await track(at, b"ask=profile&" + query, "ann")).json["believed"])

    assert await believed(b"guess=p1") == "p1"
    assert await believed(b"guess=p2") == "p1"
    assert await believed(b"guess=p2&session=s2") == "p2"
    assert await believed(b"") == ""
    assert await believed(b"guess=p3&anew=1") == "p3", "the request says whose it is from now on"
    at.feed.merges.put("p3", "p4")
    assert await believed(b"guess=p1") == at.feed.merges.resolve("p3")
    processors.tell, processors.heard = whose, 1
    assert await profiles(at, b"ask=profile&guess=p1", "ann") == ["profile of ann"]
    assert await profiles(at, b"ask=profile&guess=p1", "bob") == ["profile of ann"]


async def test_the_pause_ends() -> None:
    at, processors = waiting_world(silent, Patience(profile=0.01, pause=0))
    assert await profiles(at, b"ask=profile", "ann") == []
    processors.tell = whose
    assert await profiles(at, b"ask=profile", "ann") == ["profile of ann"]


async def test_a_late_answer_ends_the_pause() -> None:
    at, processors = waiting_world(silent, HASTY)
    assert await profiles(at, b"ask=profile", "ann") == []
    assert await profiles(at, b"ask=profile", "ann") == []
    processors.heard += 1
    processors.tell = whose
    assert await profiles(at, b"ask=profile", "ann") == ["profile of ann"]


async def test_debugging_gives_what_came_and_asks_again() -> None:
    at, processors = waiting_world(
        lambda raw: whose(raw) if raw.body["who"] == "b" else None, HASTY
    )
    assert await profiles(at, b"ask=debug", "a", "b", "c") == ["profile of b"]
    assert await profiles(at, b"ask=debug", "a", "b", "c") == ["profile of b"]
    assert all(processors.asked)
    assert await asked(at) == {"late": 2}


async def test_nobody_is_asked_while_answers_cannot_be_heard() -> None:
    at, processors = waiting_world(whose)
    processors.trouble = "not connected to Kafka yet"
    assert await profiles(at, b"ask=profile", "ann") == []
    assert await profiles(at, b"ask=debug", "ann") == []
    assert processors.asked == ["", ""]
    assert await profiles(at, b"ask=profile") == []
    assert await profiles(world(), b"ask=profile", "ann") == []


async def test_what_was_not_published_is_not_waited_for() -> None:
    at, processors = waiting_world(whose)
    at.kept.away()
    events = codec.dumps([{"who": "ann"}])
    answer = await Call("/send", events, headers=KEY, query=b"ask=profile").answer(at.app)
    assert answer.status == 503
    assert processors.waiting == {}


async def test_many_first_requests_of_a_session_are_told_the_same() -> None:
    at, _ = waiting_world(lambda raw: Told(raw.ask, raw.event_id, profile_id="the one"))
    calls = [profiles(at, b"ask=profile", f"tab {number}") for number in range(20)]
    assert await asyncio.gather(*calls) == [["the one"]] * 20


@pytest.mark.parametrize(("later", "expected"), [(0, "p"), (999, "p"), (1000, "")])
def test_sessions_are_forgotten_by_time(later: int, expected: str) -> None:
    sessions = Sessions(1, 10)
    sessions.learn("shop", "s", "p", NOW)
    assert sessions.whose("shop", "s", NOW + later) == expected
    assert sessions.whose("other", "s", NOW) == ""


def test_sessions_are_forgotten_by_number_the_longest_unused_first() -> None:
    sessions = Sessions(1, 2)
    for name in ("a", "b"):
        sessions.learn("shop", name, name, NOW)
    assert sessions.whose("shop", "a", NOW) == "a"
    sessions.learn("shop", "c", "c", NOW)
    assert [sessions.whose("shop", name, NOW) for name in "abc"] == ["a", "", "c"]
