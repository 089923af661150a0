"""Whose a session is, on a running pipeline: in the answers and in the rows (facts, 1.6)."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.tracker import Told, Tracker, new_session, profiles, stored

pytestmark = pytest.mark.system

SOURCE = "site"
AT_ONCE = 20
ANSWER_SECONDS = 10.0
RESTART_SECONDS = 60.0
MERGED_SECONDS = 30.0


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A pipeline of this file's own, since a tier of it is stopped and another one killed."""
    pipeline = Pipeline(tmp_path_factory.mktemp("profiles"), HEADRACE_ANSWER_SECONDS="5")
    try:
        pipeline.start()
        pipeline.create_source(SOURCE)
        yield pipeline
        assert pipeline.stop() == 0, pipeline.output
    finally:
        pipeline.close()


@pytest.fixture
def tracker(pipeline: Pipeline) -> Iterator[Tracker]:
    tracker = Tracker(pipeline, SOURCE)
    eventually(
        lambda: _answered_by_the_processors(tracker),
        within=RESTART_SECONDS,
        what="the processors answer for the source",
    )
    yield tracker
    tracker.close()


def _answered_by_the_processors(tracker: Tracker) -> bool:
    try:
        return not tracker.track(new_session()).whole["warnings"]
    except (AssertionError, OSError):
        return False


def at_once(pipeline: Pipeline, calls: Sequence[Callable[[Tracker], Told]]) -> list[Told]:
    """Make calls, each over its own connection, all at the same moment."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[Tracker], Told]) -> Told:
        tracker = Tracker(pipeline, SOURCE)
        barrier.wait()
        try:
            return call(tracker)
        finally:
            tracker.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_parallel_first_requests_of_a_session_have_one_profile(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    session = new_session()
    told = at_once(pipeline, [lambda each: each.track(session)] * AT_ONCE)
    (profile,) = {each.profile for each in told}
    assert profile is not None
    assert UUID(profile)
    assert {each.session for each in told} == {session}
    assert profiles(stored(pipeline, session, AT_ONCE)) == [profile] * AT_ONCE


def test_parallel_first_requests_with_known_profiles_agree_on_one(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    session = new_session()
    own = [tracker.profile() for _ in range(AT_ONCE)]
    assert len(set(own)) == AT_ONCE
    calls = [lambda each, profile=profile: each.track(session, profile) for profile in own]
    (profile,) = {each.profile for each in at_once(pipeline, calls)}
    assert profile in own
    assert profiles(stored(pipeline, session, AT_ONCE)) == [profile] * AT_ONCE


def test_a_forged_profile_is_never_adopted(pipeline: Pipeline, tracker: Tracker) -> None:
    own = tracker.profile()
    changed = own[:-1] + ("0" if own[-1] != "0" else "1")
    answered = {}
    for forged in (str(uuid4()), changed, "prof-1", own.replace("-", ""), "' OR 1=1 --"):
        session = new_session()
        first, second = tracker.track(session, forged), tracker.track(session, forged)
        assert first.profile == second.profile
        assert first.profile not in {forged, own, None}
        answered[session] = first.profile
    for session, profile in answered.items():
        assert profiles(stored(pipeline, session, 2)) == [profile] * 2


def test_a_new_session_begins_with_the_known_profile(pipeline: Pipeline, tracker: Tracker) -> None:
    own, session = tracker.profile(), new_session()
    assert tracker.track(session, own).profile == own
    assert tracker.track(session, None).profile == own
    assert profiles(stored(pipeline, session, 2)) == [own] * 2


def test_a_session_that_the_edge_makes_is_the_known_profiles(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    own = tracker.profile()
    told = tracker.track(None, own)
    assert told.profile == own
    assert told.session is not None
    assert profiles(stored(pipeline, told.session, 1)) == [own]


def test_a_known_session_keeps_its_profile(pipeline: Pipeline, tracker: Tracker) -> None:
    session, other = new_session(), tracker.profile()
    profile = tracker.track(session).profile
    for given in (None, profile, other, str(uuid4())):
        assert tracker.track(session, given).profile == profile
    assert profiles(stored(pipeline, session, 5)) == [profile] * 5


def test_a_known_session_keeps_its_profile_when_the_edge_has_forgotten_it(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    session, own, other = new_session(), tracker.profile(), tracker.profile()
    assert tracker.track(session, own).profile == own
    pipeline.restart("ingest")
    eventually(
        lambda: _answered_by_the_processors(tracker),
        within=RESTART_SECONDS,
        what="the new edge answers",
    )
    assert tracker.track(session, other).profile == own
    assert tracker.track(session).profile == own
    assert profiles(stored(pipeline, session, 3)) == [own] * 3


def test_a_session_of_nobody_gets_a_new_profile_when_it_becomes_somebodys(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    session, own = new_session(), tracker.profile()
    nobody = tracker.track(session, own, profile_less=True)
    assert (nobody.profile, nobody.session) == (None, session)
    told = tracker.track(session, own)
    assert told.profile not in {own, None}
    assert tracker.track(session, profile_less=True).profile is None
    assert tracker.track(session).profile == told.profile
    rows = profiles(stored(pipeline, session, 4))
    assert rows == ["", told.profile, "", told.profile]


def test_a_hand_over_merges_for_ever(pipeline: Pipeline, tracker: Tracker) -> None:
    before, after, later = new_session(), new_session(), new_session()
    old = tracker.track(before).profile
    referred = tracker.profile()
    assert old != referred
    context = {"tracardi": {"pass": {"profile": referred, "source": SOURCE}}}
    assert tracker.track(before, old, context=context).profile == referred
    assert tracker.track(before, old).profile == referred
    assert profiles(stored(pipeline, before, 3)) == [old, referred, referred]
    eventually(
        lambda: tracker.track(new_session(), old).profile == referred,
        within=MERGED_SECONDS,
        what="new sessions of the old profile are the referred one's",
    )
    assert tracker.track(after, old).profile == referred
    assert profiles(stored(pipeline, after, 1)) == [referred]
    pipeline.restart("ingest")
    eventually(
        lambda: _answered_by_the_processors(tracker),
        within=RESTART_SECONDS,
        what="the new edge answers",
    )
    assert tracker.track(later, old).profile == referred
    assert tracker.track(before, old).profile == referred


def test_a_forged_hand_over_is_only_warned_about(pipeline: Pipeline, tracker: Tracker) -> None:
    session = new_session()
    profile = tracker.track(session).profile
    context = {"tracardi": {"pass": {"profile": str(uuid4()), "source": SOURCE}}}
    told = tracker.track(session, profile, context=context)
    assert told.profile == profile
    assert len(told.whole["warnings"]) == 1
    assert profiles(stored(pipeline, session, 2)) == [profile] * 2


def test_the_debugger_tells_what_was_done(pipeline: Pipeline, tracker: Tracker) -> None:
    session = new_session()
    told = tracker.track(session, events=("Seen It", "bought"), options={"debugger": True})
    rows = stored(pipeline, session, 2)
    debugging = told.whole["debugging"]
    assert set(told.whole["events"]) == {row["event_id"] for row in rows}
    assert debugging["events"]["saved"] == 2
    assert debugging["events"]["types"] == ["seen-it", "bought"]
    assert debugging["events"]["ids"] == told.whole["events"]
    assert debugging["profile"]["ids"] == [told.profile]
    assert debugging["session"]["ids"] == [session]
    assert told.whole["errors"] == told.whole["warnings"] == []


def test_the_debugger_tells_of_events_that_are_not_kept(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    session = new_session()
    unsaved = {"debugger": True, "saveEvents": False}
    told = tracker.track(session, options=unsaved)
    assert told.whole["debugging"]["events"]["saved"] == 0
    assert tracker.track(session, events=("kept",)).profile == told.profile
    (row,) = stored(pipeline, session, 1)
    assert row["event_type"] == "kept"


def test_an_answer_does_not_wait_for_processors_that_stand_still(
    pipeline: Pipeline, tracker: Tracker
) -> None:
    own, session, unknown = tracker.profile(), new_session(), new_session()
    workers = [pid for name, pid in pipeline.tiers().items() if name.startswith("process")]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        guessed = tracker.track(session, own)
        first, second = tracker.track(unknown), tracker.track(unknown)
        assert time.monotonic() - began < ANSWER_SECONDS
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert guessed.profile == own
    assert guessed.whole["warnings"]
    assert first.profile == second.profile
    assert profiles(stored(pipeline, session, 1)) == [own]
    assert profiles(stored(pipeline, unknown, 2)) == [first.profile] * 2
