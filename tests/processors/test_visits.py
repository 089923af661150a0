from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from processors.shelves import Kept, MemoryShelf
from processors.steps.bind import Held
from processors.steps.bind import load as load_bound
from processors.steps.sessionize import GRAIN, Rule, Session, dump, load
from processors.steps.sessionize import Visits as State
from processors.visits import GRAIN_MS, IDLE_MS, Sweep, Visits, key_of, session_key
from tests.processors.world import MINUTE, NOW

TIMEOUT = 30 * MINUTE
RULE = Rule(TIMEOUT, 1 << 60)
KEY = key_of("shop", "v")


def over(store: Kept) -> Callable[[int], Kept]:
    return lambda _: store


def test_one_record_writes_a_visitor_once() -> None:
    store: dict[bytes, bytes] = {}
    visits = Visits(over(store))
    for step in range(100):
        visits.place(3, KEY, NOW + step * MINUTE, NOW, RULE)
    assert store == {}
    assert visits.settle(0) == [KEY]
    assert load(store[KEY]) == State(3, NOW, (Session(NOW, NOW, NOW + 99 * MINUTE),))
    assert visits.settle(0) == []


def test_small_steps_stay_out_of_the_changelog_but_not_out_of_memory() -> None:
    store: dict[bytes, bytes] = {}
    visits = Visits(over(store))
    begun = NOW - NOW % (TIMEOUT // GRAIN)
    visits.place(0, KEY, begun, NOW, RULE)
    assert visits.settle(0) == [KEY]
    visits.place(0, KEY, begun + 1000, NOW + 1000, RULE)
    assert visits.settle(0) == []
    assert load(store[KEY]) == State(0, NOW, (Session(begun, begun, begun + 1000),))
    assert visits.place(0, KEY, begun + 1000 + TIMEOUT, NOW, RULE).first == begun


def test_an_event_inside_a_session_changes_nothing() -> None:
    store = {KEY: dump(State(0, 5, (Session(NOW, NOW, NOW + MINUTE),)))}
    visits = Visits(over(store))
    assert visits.place(0, KEY, NOW + 1, NOW, RULE).first == NOW
    assert visits.settle(0) == []
    assert load(store[KEY]).touched == 5


@given(st.lists(st.tuples(st.integers(0, 4 * TIMEOUT), st.booleans()), min_size=1, max_size=30))
def test_settling_between_events_makes_no_difference(steps: list[tuple[int, bool]]) -> None:
    often, once = Visits(over({})), Visits(over({}))
    for time, settle in steps:
        a = often.place(0, KEY, time, NOW, RULE)
        b = once.place(0, KEY, time, NOW, RULE)
        assert a == b
        if settle:
            often.settle(0)


@given(st.lists(st.integers(0, 3 * TIMEOUT), min_size=1, max_size=30), st.integers(0, 29))
def test_redelivery_from_any_offset_gives_the_same_sessions(times: list[int], back: int) -> None:
    """A crash after the changelog was written: the same events meet the later state."""
    visits = Visits(over({}))

    def first(time: int) -> int:
        session = visits.place(0, KEY, time, NOW, RULE)
        visits.settle(0)
        return session.first

    found = [first(time) for time in times]
    again = times[min(back, len(times) - 1) :]
    assert [first(time) for time in again] == found[-len(again) :]


def test_sources_and_visitors_do_not_mix() -> None:
    assert len({key_of("a", "b"), key_of("a", "c"), key_of("b", "b"), key_of("ab", "")}) == 4


def test_endless_visitor_ids_make_short_keys() -> None:
    assert len(key_of("shop", "x" * 100_000)) < 100
    assert key_of("shop", "x" * 100_000) != key_of("shop", "x" * 100_001)
    assert key_of("shop", "\ud800") != key_of("shop", "\ud801")


def state(partition: int, touched: int) -> bytes:
    return dump(State(partition, touched, (Session(touched, touched, touched),)))


class Shelves:
    """Shelves of partitions, all of which are ours at first."""

    def __init__(self, **states: int) -> None:
        self.shelves = {0: MemoryShelf(), 1: MemoryShelf()}
        self.owned = {0, 1}
        for name, touched in states.items():
            partition = int(name.startswith("other"))
            self.shelves[partition][name.encode()] = state(partition, touched)

    def sweep(self, *, every: int = GRAIN_MS) -> Sweep:
        return Sweep(self.shelves.__getitem__, lambda: self.owned, every=every)

    def keys(self) -> set[bytes]:
        return {key for shelf in self.shelves.values() for key, _ in shelf.walk()}


def swept(sweep: Sweep, newest: int, rounds: int = 20) -> list[tuple[int, bytes]]:
    return [found for _ in range(rounds) for found in sweep.due(newest, idle=IDLE_MS, count=2)]


def test_the_sweep_forgets_the_idle_and_only_them() -> None:
    shelves = Shelves(idle=NOW - IDLE_MS - 1, busy=NOW - IDLE_MS, other=NOW - IDLE_MS - 1)
    assert swept(shelves.sweep(), NOW) == [(0, b"idle"), (1, b"other")]
    assert shelves.keys() == {b"busy"}


def test_what_nobody_can_read_is_forgotten() -> None:
    shelves = Shelves(busy=NOW)
    shelves.shelves[0][b"junk"] = b"?"
    assert swept(shelves.sweep(), NOW) == [(0, b"junk")]
    assert shelves.keys() == {b"busy"}


def test_the_sweep_leaves_alone_what_left_meanwhile() -> None:
    shelves = Shelves(one=0, two=0, other_a=0, other_b=0)
    sweep = shelves.sweep()
    assert len(list(sweep.due(NOW, count=1))) == 1
    shelves.owned = {1}
    assert sorted(swept(sweep, NOW)) == [(1, b"other_a"), (1, b"other_b")]


def test_the_sweep_begins_anew_only_after_a_while() -> None:
    shelves = Shelves()
    sweep = shelves.sweep(every=100)
    assert swept(sweep, NOW) == []
    shelves.shelves[0][b"idle"] = state(0, NOW - 2 * IDLE_MS)
    assert swept(sweep, NOW + 99) == []
    assert swept(sweep, NOW + 100) == [(0, b"idle")]


BOUND = [session_key("shop", "s"), session_key("", "s")]


def test_one_record_writes_a_session_once_and_no_more_while_it_stays() -> None:
    store: dict[bytes, bytes] = {}
    visits = Visits(over(store))
    for step in range(100):
        visits.hold(3, "shop", "s", Held(f"p{step}"), NOW)
    assert visits.held(0, "shop", "s") == Held("p99")
    assert store == {}
    assert visits.settle(0) == BOUND
    assert visits.held(0, "shop", "s") == Held("p99")
    visits.hold(3, "shop", "s", Held("p99"), NOW + GRAIN_MS - 1)
    assert visits.settle(0) == []


def test_a_session_in_use_is_never_swept() -> None:
    shelves = Shelves()
    visits, sweep = Visits(shelves.shelves.__getitem__), shelves.sweep()
    for now in range(NOW, NOW + 3 * IDLE_MS, GRAIN_MS - 1):
        visits.hold(0, "shop", "s", Held("p"), now)
        visits.settle(0)
        assert swept(sweep, now) == []
    assert load_bound(shelves.shelves[0].get(BOUND[0]) or b"").since == NOW
    assert sorted(swept(sweep, NOW + 5 * IDLE_MS)) == sorted((0, key) for key in BOUND)
    assert shelves.keys() == set()


def test_a_click_finds_its_own_source_s_session_first_and_only_what_was_before_it() -> None:
    visits = Visits(over({}))
    visits.hold(0, "shop", "s", Held(""), NOW)
    visits.hold(0, "blog", "s", Held("q"), NOW + 1)
    assert visits.seen(0, "shop", "s", NOW + 2) == Held("")
    assert visits.seen(0, "links", "s", NOW - 1) is None
    assert visits.seen(0, "links", "s", NOW) == Held("")
    assert visits.seen(0, "links", "s", NOW + 1) == Held("q")
    assert visits.seen(0, "links", "t", NOW) is None
    assert visits.held(0, "links", "s") is None


def test_a_session_is_no_visitor() -> None:
    assert key_of("shop", "s") not in BOUND
    assert len({*BOUND, session_key("sho", "ps"), session_key("s", "")}) == 4


def test_a_visitor_gone_meanwhile_is_no_trouble() -> None:
    shelves = Shelves(a=0, b=0)
    sweep = shelves.sweep()
    assert [key for _, key in sweep.due(NOW, count=1)] == [b"a"]
    del shelves.shelves[0][b"b"]
    assert list(sweep.due(NOW, count=1)) == []
