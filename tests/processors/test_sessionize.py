import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.steps.sessionize import (
    GRAIN,
    KEPT,
    Rule,
    Session,
    Visits,
    campaign_of,
    dump,
    load,
    place,
    worth_keeping,
)
from schemas.errors import Malformed

TIMEOUT = 1_800_000
FOREVER = 1 << 60


def firsts(times: list[int], timeout: int = TIMEOUT) -> list[int]:
    """Place events one after the other; a session is told by the time it began with."""
    sessions: tuple[Session, ...] = ()
    found = []
    for time in times:
        sessions, session = place(sessions, time, Rule(timeout, FOREVER))
        found.append(session.first)
    return found


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([0], [0], id="the first event opens a session"),
        pytest.param([0, 10], [0, 0], id="the next one belongs to it"),
        pytest.param([0, TIMEOUT], [0, 0], id="up to the time-out it goes on"),
        pytest.param([0, TIMEOUT + 1], [0, TIMEOUT + 1], id="beyond it a new one begins"),
        pytest.param([0, 30, TIMEOUT + 30], [0, 0, 0], id="activity keeps it alive"),
        pytest.param([50, 20], [50, 50], id="an earlier event stretches it backwards"),
        pytest.param([TIMEOUT + 1, 0], [TIMEOUT + 1, 0], id="much earlier is another one"),
        pytest.param(
            [0, 3 * TIMEOUT, 10], [0, 3 * TIMEOUT, 0], id="a late event finds its old session"
        ),
        pytest.param(
            [0, 2 * TIMEOUT, TIMEOUT], [0, 2 * TIMEOUT, 0], id="between two it joins the earlier"
        ),
        pytest.param(
            [0, 2 * TIMEOUT, TIMEOUT + 1],
            [0, 2 * TIMEOUT, 2 * TIMEOUT],
            id="but the later when that is nearer",
        ),
    ],
)
def test_sessions_by_table(times: list[int], expected: list[int]) -> None:
    assert firsts(times) == expected


times = st.lists(st.integers(0, 20 * TIMEOUT), min_size=1, max_size=40)


@given(times)
def test_kept_sessions_are_few_disjoint_and_in_order(arrivals: list[int]) -> None:
    sessions: tuple[Session, ...] = ()
    for time in arrivals:
        sessions, session = place(sessions, time, Rule(TIMEOUT, FOREVER))
        assert session in sessions
        assert session.start <= time <= session.last
        assert session.start <= session.first <= session.last
        assert len(sessions) <= KEPT
        for earlier, later in pairwise(sessions):
            assert earlier.last < later.start


@given(st.lists(st.integers(0, 3 * TIMEOUT), min_size=1, max_size=40))
def test_what_comes_twice_falls_into_the_same_session(arrivals: list[int]) -> None:
    """Three time-outs hold no more sessions than are kept, so nothing is forgotten between."""
    sessions: tuple[Session, ...] = ()
    found = []
    for time in arrivals:
        sessions, session = place(sessions, time, Rule(TIMEOUT, FOREVER))
        found.append(session.first)
    for time, first in zip(arrivals, found, strict=True):
        again, session = place(sessions, time, Rule(TIMEOUT, FOREVER))
        assert session.first == first
        assert again is sessions


@given(st.lists(st.integers(0, TIMEOUT), min_size=1, max_size=6, unique=True), st.randoms())
def test_order_does_not_change_what_belongs_together(gaps: list[int], rnd: random.Random) -> None:
    """Clusters shorter than the time-out and further apart than it come out whole."""
    clusters = [[number * 3 * TIMEOUT + gap // 2 for gap in gaps] for number in range(KEPT)]
    arrivals = [(time, number) for number, cluster in enumerate(clusters) for time in cluster]
    rnd.shuffle(arrivals)
    names: dict[int, set[int]] = {}
    for (_, cluster), first in zip(arrivals, firsts([time for time, _ in arrivals]), strict=True):
        names.setdefault(cluster, set()).add(first)
    assert all(len(found) == 1 for found in names.values())
    assert len({next(iter(found)) for found in names.values()}) == KEPT


@given(st.lists(st.integers(1, 2 * TIMEOUT), min_size=1, max_size=40))
def test_in_order_a_session_ends_exactly_with_a_longer_pause(pauses: list[int]) -> None:
    arrivals = [0]
    for pause in pauses:
        arrivals.append(arrivals[-1] + pause)
    found = firsts(arrivals)
    for pause, before, after in zip(pauses, found, found[1:], strict=False):
        assert (before != after) == (pause > TIMEOUT)


@given(st.lists(st.integers(0, 40 * TIMEOUT), min_size=1, max_size=60))
def test_no_session_is_longer_than_its_events_imply(arrivals: list[int]) -> None:
    members: dict[int, list[int]] = {}
    for time, first in zip(arrivals, firsts(arrivals), strict=True):
        members.setdefault(first, []).append(time)
    for first, held in members.items():
        held.sort()
        gaps = [b - a for a, b in pairwise(held)]
        assert first in held
        assert all(gap <= TIMEOUT for gap in gaps)


def test_a_late_session_does_not_push_itself_out() -> None:
    many = [number * 10 * TIMEOUT for number in range(1, KEPT + 1)]
    assert firsts([*many, 0, 5])[-2:] == [0, 0]


@pytest.mark.parametrize(
    ("old", "new", "worth"),
    [
        ((), (Session(0, 0, 0),), True),
        ((Session(0, 0, 0),), (Session(0, 0, 0),), False),
        ((Session(0, 0, 0),), (Session(0, 0, TIMEOUT // GRAIN - 1),), False),
        ((Session(0, 0, 0),), (Session(0, 0, TIMEOUT // GRAIN),), True),
        ((Session(5, 5, 5),), (Session(5, 4, 5),), True),
        ((Session(0, 0, 0),), (Session(9, 9, 9),), True),
    ],
)
def test_what_is_worth_keeping(
    old: tuple[Session, ...], new: tuple[Session, ...], worth: bool
) -> None:
    assert worth_keeping(old, new, TIMEOUT) is worth


def test_a_time_out_below_the_grain_keeps_every_step() -> None:
    assert worth_keeping((Session(0, 0, 0),), (Session(0, 0, 1),), GRAIN - 1)


@given(st.integers(0, 1000), st.integers(0), times)
def test_state_survives_being_written(partition: int, touched: int, arrivals: list[int]) -> None:
    sessions: tuple[Session, ...] = ()
    for time in arrivals:
        sessions, _ = place(sessions, time, Rule(TIMEOUT, FOREVER))
    visits = Visits(partition, touched, sessions)
    assert load(dump(visits)) == visits


@pytest.mark.parametrize("value", [b"", b"1", b"1,2,3", b"1,2,3,4", b"x,y", b"[1,2]", b"\xff"])
def test_foreign_state_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load(value)
    assert caught.value.code == "session-state-invalid"


def opened(events: list[tuple[int, str]], rule: Rule) -> list[int]:
    """Place events with their campaigns; a session is told by its name."""
    sessions: tuple[Session, ...] = ()
    found = []
    for time, campaign in events:
        sessions, session = place(sessions, time, rule, campaign)
        found.append(session.first)
    return found


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([(0, "a"), (5, "")], [0, 0], id="a campaign holds for what follows"),
        pytest.param([(0, "a"), (5, "a")], [0, 0], id="the same campaign goes on"),
        pytest.param([(0, "a"), (5, "b"), (6, "")], [0, 5, 5], id="another one begins anew"),
        pytest.param([(0, ""), (5, "a")], [0, 5], id="so does the first one"),
        pytest.param([(5, ""), (0, "a"), (6, "")], [5, 5, 5], id="the page view came late"),
        pytest.param([(0, "a"), (5, "b"), (0, "a"), (5, "b")], [0, 5, 0, 5], id="both again"),
        pytest.param([(5, "a"), (5, "b"), (5, "a")], [5, 6, 5], id="two at once have two names"),
        pytest.param([(0, "a"), (9, ""), (4, "b"), (4, "b")], [0, 0, 4, 4], id="late between"),
    ],
)
def test_campaigns_by_table(events: list[tuple[int, str]], expected: list[int]) -> None:
    assert opened(events, Rule(TIMEOUT, FOREVER)) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([0, 10, 20, 21], [0, 0, 0, 21], id="no longer than the longest"),
        pytest.param([0, 10, 20, 21, 20], [0, 0, 0, 21, 0], id="what comes again stays"),
        pytest.param([20, 5, 0, 0], [20, 20, 20, 20], id="backwards, too"),
        pytest.param([20, 5, -1, -1], [20, 20, -1, -1], id="but no further"),
    ],
)
def test_the_longest_session_by_table(times: list[int], expected: list[int]) -> None:
    assert opened([(time, "") for time in times], Rule(15, 20)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", "a", "b"])), max_size=12),
    st.integers(1, 30),
    st.integers(30, 90),
)
def test_no_session_is_longer_and_no_two_have_one_name(
    events: list[tuple[int, str]], timeout: int, longest: int
) -> None:
    sessions: tuple[Session, ...] = ()
    for time, campaign in events:
        sessions, session = place(sessions, time, Rule(timeout, longest), campaign)
        assert session.start <= time <= session.last
        assert not campaign or session.campaign == campaign
        assert all(each.last - each.start <= longest for each in sessions)
        assert len({each.first for each in sessions}) == len(sessions) <= KEPT
        assert load(dump(Visits(1, 2, sessions))).sessions == sessions


def test_a_campaign_is_named_by_its_parts() -> None:
    assert campaign_of({"utm_term": "shoes", "ip": "192.0.2.7"}) == ""
    spring = campaign_of({"utm_source": "mail", "utm_campaign": "spring"})
    assert len(spring) == 12
    assert spring == campaign_of({"utm_campaign": "spring", "utm_source": "mail", "utm_term": "x"})
    assert spring != campaign_of({"utm_medium": "mail", "utm_campaign": "spring"})


@pytest.mark.parametrize("value", [b'1,2,3,3,3;["a","b"]', b"1,2,3,3,3;", b"1,2,3,3,3;7"])
def test_campaigns_that_nobody_wrote_are_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        load(value)
