import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.visits import key_of, session_key
from processors.work import LONGEST_LINE, Outcome, Record
from schemas import codec
from schemas.answers import Told, read
from schemas.catalog import Collection
from schemas.events import iso
from schemas.sources import Source
from tests.processors.doing import steps
from tests.processors.world import IDS, MINUTE, NOW, Feed, line

FAILED_AT = NOW + 77
Do = Callable[[Record], Outcome]


def working(store: MutableMapping[bytes, bytes], *sources: Source) -> Do:
    return over(Feed(*sources), store)


def over(feed: Feed, store: MutableMapping[bytes, bytes]) -> Do:
    return steps(feed, store, lambda: FAILED_AT)


def record(*lines: bytes) -> Record:
    return Record("shop", "x.raw.shop", 2, 9, b"\n".join(lines))


def rows(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in lines]


def do(*lines: bytes) -> Outcome:
    return working({})(record(*lines))


def test_lines_come_out_in_order() -> None:
    outcome = do(*(line(number=number) for number in range(5)))
    assert [row["properties"]["number"] for row in rows(outcome.lines)] == list(range(5))
    assert outcome.dead == []
    assert outcome.newest == NOW


def test_an_empty_record_is_nothing() -> None:
    assert do() == Outcome()


def test_a_session_is_cut_and_named_after_its_first_event() -> None:
    outcome = do(line("v", time=NOW), line("v", time=NOW + MINUTE), line("w", time=NOW))
    mine, later, other = (row["session_id"] for row in rows(outcome.lines))
    assert mine == later == IDS.issue("session", "shop", "v", str(NOW))
    assert other == IDS.issue("session", "shop", "w", str(NOW))
    assert outcome.states == [key_of("shop", "v"), key_of("shop", "w")]


def test_a_client_s_session_is_used_as_it_is() -> None:
    store: dict[bytes, bytes] = {}
    outcome = working(store)(record(line(session_id="theirs")))
    assert rows(outcome.lines)[0]["session_id"] == "theirs"
    assert (store, outcome.states) == ({}, [])


def test_an_event_of_nobody_has_no_session_but_its_client_s() -> None:
    store: dict[bytes, bytes] = {}
    lines = line(profiled=False), line(profiled=False, session_id="theirs")
    outcome = working(store)(record(*lines))
    assert [row["session_id"] for row in rows(outcome.lines)] == ["", "theirs"]
    assert (store, outcome.states) == ({}, [])


@pytest.mark.parametrize(("timeout", "sessions"), [(60, 2), (1800, 1)])
def test_the_source_says_when_a_session_ends(timeout: int, sessions: int) -> None:
    work = working({}, Source("shop", session_timeout=timeout))
    outcome = work(record(line(time=NOW), line(time=NOW + MINUTE + 1)))
    assert len({row["session_id"] for row in rows(outcome.lines)}) == sessions


@pytest.mark.parametrize(("session_max", "sessions"), [(60, 2), (600, 1)])
def test_the_source_says_how_long_a_session_is(session_max: int, sessions: int) -> None:
    work = working({}, Source("shop", session_timeout=60, session_max=session_max))
    outcome = work(record(*(line(time=NOW + step * MINUTE // 2) for step in range(4))))
    assert len({row["session_id"] for row in rows(outcome.lines)}) == sessions


@pytest.mark.parametrize(("cuts", "sessions"), [(True, 2), (False, 1)])
def test_the_source_says_whether_a_campaign_begins_a_session(*, cuts: bool, sessions: int) -> None:
    work = working({}, Source("shop", session_on_campaign=cuts))
    outcome = work(record(line(time=NOW, utm_source="mail"), line(time=NOW + 1, utm_source="ads")))
    assert len({row["session_id"] for row in rows(outcome.lines)}) == sessions


def test_times_that_cannot_be_become_the_edge_s() -> None:
    outcome = do(line(time=5), line(time=NOW + 10**12), line(time=None))
    assert {row["event_time"] for row in rows(outcome.lines)} == {iso(NOW)}


def test_what_fails_is_buried_with_its_bytes_and_the_rest_goes_on() -> None:
    poison = [b"garbage", b"\xff\xfe", line(number=8, protocol="morse")]
    outcome = do(line(number=1), *poison, line(number=2))
    assert [row["properties"]["number"] for row in rows(outcome.lines)] == [1, 2]
    assert outcome.codes == ["json-invalid", "json-invalid", "protocol-unknown"]
    letters = rows(outcome.dead)
    assert letters[0]["original"] == "garbage"
    assert letters[1]["original_encoding"] == "base64"
    assert letters[2] == {
        "stage": "process",
        "code": "protocol-unknown",
        "reason": "no vendor module is called 'morse'; replay it with a version that has one",
        "source_id": "shop",
        "event_id": "00000000-0000-0000-0000-000000000008",
        "topic": "x.raw.shop",
        "partition": 2,
        "offset": 9,
        "failed_at": iso(FAILED_AT),
        "original": poison[2].decode(),
        "original_encoding": "utf8",
    }


def test_a_bug_costs_the_event_its_row_and_nothing_else() -> None:
    outcome = do(line(number=1), line(number=2, bug="oh"), line(number=3))
    assert [row["properties"]["number"] for row in rows(outcome.lines)] == [1, 3]
    assert outcome.codes == ["process-bug"]
    assert rows(outcome.dead)[0]["reason"] == "LookupError: oh"


def test_state_that_nobody_can_read_does_not_lose_the_event() -> None:
    outcome = working({key_of("shop", "v"): b"?"})(record(line("v")))
    assert outcome.codes == ["session-state-invalid"]


def test_an_event_grown_too_long_is_buried_and_a_letter_too_long_points_back() -> None:
    long = line(number=5, text='"' * (LONGEST_LINE // 2))
    outcome = do(long)
    assert outcome.codes == ["event-too-large"]
    letter = rows(outcome.dead)[0]
    assert letter["original"] == ""
    assert "read them from x.raw.shop [2] at offset 9" in letter["reason"]
    assert letter["event_id"] == "00000000-0000-0000-0000-000000000005"


def test_a_merged_profile_goes_on_as_its_survivor() -> None:
    feed = Feed()
    issued = IDS.issue("profile", "shop", "user", "u")
    feed.merges.put(issued, "survivor")
    outcome = over(feed, {})(record(line(user="u"), line(profile_id=issued)))
    assert [row["profile_id"] for row in rows(outcome.lines)] == ["survivor"] * 2


def test_the_source_s_channel_is_the_event_s_unless_it_has_its_own() -> None:
    work = working({}, Source("shop", channel="shop window"))
    outcome = work(record(line(), line(channel="mail")))
    assert [row["channel"] for row in rows(outcome.lines)] == ["shop window", "mail"]
    assert "channel" not in rows(do(line()).lines)[0]


BOUND_TO = IDS.issue("profile", "shop", "session", "s")


@pytest.mark.parametrize(
    ("unsaved", "row"),
    [
        (["session"], {"session_id": "", "profile_id": BOUND_TO}),
        (["profile"], {"session_id": "s", "profile_id": ""}),
        (["session", "profile"], {"session_id": "", "profile_id": ""}),
        (["event"], None),
    ],
)
def test_what_the_client_wants_unsaved_is_processed_all_the_same(
    unsaved: list[str], row: dict[str, str] | None
) -> None:
    store: dict[bytes, bytes] = {}
    event = line(session_id="s", rule="sticky", unsaved=unsaved, ask="1:x")
    outcome = working(store)(record(event))
    assert (len(outcome.lines), outcome.unsaved) == ((1, 0) if row else (0, 1))
    if row:
        assert rows(outcome.lines)[0] | row == rows(outcome.lines)[0]
    told = read(outcome.answers[0][1])
    assert (told.profile_id, told.session_id, told.saved) == (BOUND_TO, "s", row is not None)
    assert len(store) == len(outcome.states) == 2
    assert outcome.newest == NOW


def test_events_of_a_transitional_source_are_processed_and_not_stored() -> None:
    store: dict[bytes, bytes] = {}
    work = working(store, Source("shop", transitional=True))
    outcome = work(record(line("v"), line(session_id="s", rule="sticky", ask="0:x")))
    assert (outcome.lines, outcome.dead, outcome.unsaved) == ([], [], 2)
    assert set(store) == {key_of("shop", "v"), session_key("shop", "s"), session_key("", "s")}
    assert read(outcome.answers[0][1]).saved is False


def test_a_frozen_schema_takes_what_it_knows() -> None:
    feed = Feed(Source("shop", dynamic_schema=False))
    work = over(feed, {})
    unknown = work(record(line(number=1)))
    assert unknown.codes == ["schema-frozen"]
    feed.catalog.put(Collection("shop", "moved", {"number": "double"}))
    outcome = work(record(line(number=2), line(number=3, more=1), line(more=1, extends=True)))
    assert rows(outcome.lines)[0]["properties"]["number"] == 2
    assert (len(outcome.lines), outcome.codes) == (2, ["schema-frozen"])
    assert "'more' of 'moved' is new" in rows(outcome.dead)[0]["reason"]


def test_nobody_is_told_who_did_not_ask() -> None:
    asked = ["", "x", "-1:x", ":", "999999:x"]
    assert do(b"garbage", b"[1]", *(line(ask=ask) for ask in asked)).answers == []


def test_an_edge_is_told_what_became_of_its_events() -> None:
    outcome = do(
        line("v", number=1, ask="3:a", errors=["e" * 2000] * 30),
        line("v", number=2, ask="3:b", body=[1]),
        line("v", number=3, ask="2:c", bug="secret"),
        line("v", number=4, ask="2:d", session_id="s", rule="existing"),
        line("v", number=5, ask="2:e", session_id="s", rule="sticky"),
    )
    assert [partition for partition, _ in outcome.answers] == [3, 3, 2, 2, 2]
    cut, unread, bug, unknown, opened = (read(text) for _, text in outcome.answers)
    assert cut == Told(
        "3:a",
        "00000000-0000-0000-0000-000000000001",
        "moved",
        IDS.issue("profile", "shop", "session", IDS.issue("session", "shop", "v", str(NOW))),
        IDS.issue("session", "shop", "v", str(NOW)),
        saved=True,
        opened=True,
        errors=("e" * 1000,) * 20,
    )
    assert unread == Told(
        "3:b",
        "00000000-0000-0000-0000-000000000002",
        saved=False,
        errors=("the body is no object",),
        code="body-invalid",
    )
    assert bug.errors == ("process-bug: kept as a dead letter",)
    assert (unknown.profile_id, unknown.session_id, unknown.opened) == ("", "", False)
    assert (opened.profile_id, opened.session_id, opened.opened) == (BOUND_TO, "s", True)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_every_line_comes_out_alive_or_dead(lines: list[bytes]) -> None:
    outcome = do(*lines)
    count = len(codec.split_lines(b"\n".join(lines)))
    assert len(outcome.lines) + len(outcome.dead) == count
    assert len(outcome.codes) == len(outcome.dead)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ("event_id", "source_id", "received_at", "visitor", "session_id", "body", "ask")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values)))
def test_an_envelope_of_any_shape_comes_out_alive_or_dead(fields: dict[str, Any]) -> None:
    outcome = do(codec.dumps(json.loads(line()) | fields))
    assert len(outcome.lines) + len(outcome.dead) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100)), min_size=1, max_size=30))
def test_packing_makes_no_difference(events: list[tuple[str, int]]) -> None:
    lines = [
        line(visitor, number=number, time=NOW + minutes * MINUTE)
        for number, (visitor, minutes) in enumerate(events)
    ]
    packed = do(*lines).lines
    work = working({})
    assert [text for each in lines for text in work(record(each)).lines] == packed
