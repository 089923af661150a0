"""A person is erased from every table, and stays so whatever comes late."""

from collections.abc import Sequence
from typing import Any

from schemas.events import iso
from schemas.merges import Edge
from schemas.metrics import Metrics
from sinks.clickhouse import ClickHouse
from sinks.kin import Subject
from tests.sinks import erased, flow
from tests.sinks.erased import ERASURE, IDS, LINK, OLD, OTHER, USER, Taken, forgetting, persons
from tests.sinks.people import Known, shown

AFTER = 3_600_000


async def erase(clickhouse: ClickHouse, taken: Taken, *profiles: str) -> Subject:
    """Have a person erased as the desk does."""
    person = persons(clickhouse, taken)
    subject = await person.hide(await person.note(ERASURE, profiles or (USER,)))
    await person.state(subject)
    return subject


async def left(clickhouse: ClickHouse) -> list[Any]:
    rows = await flow.ask(clickhouse, "SELECT message_id FROM @events FINAL ORDER BY message_id")
    return [row[0] for row in rows]


async def test_nothing_of_a_person_is_left_in_any_table(clickhouse: ClickHouse) -> None:
    taken = Taken(Known(LINK))
    await erased.keep(clickhouse, taken.known)
    before = await erased.survivors(clickhouse, *IDS, "anna@example.org")
    assert before.keys() == {
        "events",
        "session_states",
        "profile_changes",
        "profile_states",
        "profile_overrides",
        "dead_letters",
    }
    subject = await erase(clickhouse, taken)
    assert subject.events == 3
    left_yet = await erased.survivors(clickhouse, *IDS - {"device-1"})
    assert left_yet.keys() == {"dead_letters", "profile_overrides"}, "queries find nothing at once"
    assert await shown(clickhouse) == {OTHER: (await shown(clickhouse))[OTHER]}
    metrics = Metrics()
    await forgetting(clickhouse, taken, metrics).sweep()
    assert await erased.survivors(clickhouse, *IDS - {"device-1"}, "anna@example.org") == {}
    # the device is somebody else's, too
    assert await erased.survivors(clickhouse, "device-1") == {"events": 1}
    assert await left(clickhouse) == ["3"]
    assert taken.edges_taken == [LINK]
    assert len(taken.keys) == 2
    assert {(each[0], each[2]) for each in taken.keys} == {(1, None)}
    assert metrics.get("headrace_erasures_pending") == 1
    ((entry, pages, events),) = await flow.ask(
        clickhouse, "SELECT entry, pages, events FROM @sessions WHERE session_id = 's-shared'"
    )
    assert (entry, pages, events) == ("http://a/3", 1, 1), "the session is as if alone"
    ((letters,),) = await flow.ask(clickhouse, "SELECT count() FROM @dead_letters FINAL")
    assert letters == 2, "letters of others stay"


async def test_a_replay_brings_nobody_back(clickhouse: ClickHouse) -> None:
    taken = Taken(Known(LINK))
    await erased.keep(clickhouse, taken.known)
    await erase(clickhouse, taken)
    follower = forgetting(clickhouse, taken)
    for sweeping in (follower, follower, forgetting(clickhouse, taken)):
        await sweeping.sweep()
        if sweeping is follower:
            taken.known.learn(LINK)
            await erased.keep(clickhouse, taken.known)
    assert await erased.survivors(clickhouse, *IDS - {"device-1"}, "anna@example.org") == {}


async def test_what_is_received_later_is_accepted(clickhouse: ClickHouse) -> None:
    taken = Taken(Known(LINK))
    await erased.keep(clickhouse, taken.known)
    subject = await erase(clickhouse, taken)
    await forgetting(clickhouse, taken).sweep()
    later = subject.asked_at + AFTER
    await erased.keep(clickhouse, taken.known, 100, at=later, received_at=iso(later))
    await forgetting(clickhouse, taken).sweep()
    assert await left(clickhouse) == ["101", "102", "103", "104", "3"]
    found = await shown(clickhouse)
    assert found[USER]["changes"] == 1
    assert found[USER]["traits"] == {"name": "Anna"}
    assert found[OLD]["changes"] == 1, "what had made them one is gone"


async def test_a_merge_that_comes_later_is_of_the_erasure(clickhouse: ClickHouse) -> None:
    """A visitor's events were there; what says that the visitor is the user was in flight."""
    taken = Taken(Known())
    await erased.keep(clickhouse, taken.known)
    await erase(clickhouse, taken)
    follower = forgetting(clickhouse, taken)
    await follower.sweep()
    assert await left(clickhouse) == ["1", "3"], "the visitor is somebody else as yet"
    taken.known.learn(LINK)
    await erased.fold(clickhouse, taken.known)
    await follower.sweep()
    await follower.sweep()
    assert await left(clickhouse) == ["3"]
    assert await erased.survivors(clickhouse, *IDS - {"device-1"}) == {}
    assert taken.known.merges.resolve(OLD) == OLD
    taken.known.learn(Edge(OLD, USER, flow.clock() + AFTER, "link"))
    await follower.sweep()
    assert taken.known.merges.resolve(OLD) == USER, "a merge of today stays"


async def test_files_are_rewritten_and_survivors_counted(clickhouse: ClickHouse) -> None:
    taken, metrics = Taken(Known(LINK)), Metrics()
    await erased.keep(clickhouse, taken.known)
    await erase(clickhouse, taken)
    patient = forgetting(clickhouse, taken)
    await patient.sweep()
    hidden = await erased.survivors(clickhouse, *IDS - {"device-1"}, hidden=True)
    assert "events" in hidden, "the files have them still"
    follower = forgetting(clickhouse, taken, metrics, rewrite_ms=0, settle_ms=0)

    async def verified() -> bool:
        await follower.sweep()
        return metrics.get("headrace_erasures_pending") == 0

    await flow.eventually(verified, "the erasure is verified")
    assert await erased.survivors(clickhouse, *IDS - {"device-1"}, hidden=True) == {}
    (subject,) = await persons(clickhouse, taken).all()
    assert (subject.events, subject.survivors, subject.profiles) == (3, 0, 2)
    assert subject.verified_at >= subject.found_at > 0


class Killed(Exception):
    """The end of a process, as its client of ClickHouse sees it."""


class Mortal(ClickHouse):
    """Dies before one of its calls is sent."""

    def __init__(self, url: str, calls: int) -> None:
        super().__init__(url)
        self._calls = calls

    async def query(self, *given: Any, **more: Any) -> Sequence[Sequence[Any]]:
        self._live()
        return await super().query(*given, **more)

    async def command(self, *given: Any, **more: Any) -> None:
        self._live()
        await super().command(*given, **more)

    async def insert(self, *given: Any, **more: Any) -> int:
        self._live()
        return await super().insert(*given, **more)

    def _live(self) -> None:
        self._calls -= 1
        if self._calls < 0:
            raise Killed


async def test_killed_between_any_two_calls(clickhouse: ClickHouse, url: str) -> None:
    """Each one that follows is killed a little later, and finds what the one before has left."""
    taken = Taken(Known(LINK))
    await erased.keep(clickhouse, taken.known)
    await persons(clickhouse, taken).note(ERASURE, [OLD])
    for calls in range(1, 200, 3):
        mortal = Mortal(url, calls)
        try:
            await forgetting(mortal, taken).sweep()
            break
        except Killed:
            pass
        finally:
            await mortal.close()
    assert calls > 20, "it was killed at many places"
    assert await erased.survivors(clickhouse, *IDS - {"device-1"}, "anna@example.org") == {}
    assert await left(clickhouse) == ["3"]
    assert {each[1] for each in taken.keys} == {said.key for said in erased.changes()[:2]}
    sql = "SELECT entry, pages, events FROM @sessions WHERE session_id = 's-shared'"
    assert await flow.ask(clickhouse, sql) == [("http://a/3", 1, 1)]
