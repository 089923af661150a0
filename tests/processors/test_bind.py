from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.steps.bind import MERGED, Bound, Held, Whose, bind, dump, load
from processors.work import Outcome, Record
from schemas.errors import Malformed
from schemas.events import Binding
from schemas.merges import Merges, read
from tests.processors.doing import steps
from tests.processors.test_work import rows
from tests.processors.world import IDS, NOW, Feed, line

Rule = Literal["sticky", "static", "existing", "nobody"]
DERIVED, P, Q, R, H = "derived", "p", "q", "r", "h"
NEW = None
OPENED = True


def merged(*pairs: tuple[str, str]) -> Callable[[str], str]:
    merges = Merges()
    for pair in pairs:
        merges.put(*pair)
    return merges.resolve


@dataclass(frozen=True)
class Case:
    """A row of facts/tracardi-rakam.md 1.6: what is known, what comes, what it amounts to."""

    row: str
    held: Held | None
    given: str
    profile: str
    after: Held | None
    opened: bool = False
    rule: Rule = "sticky"
    handed_over: str = ""
    known: tuple[tuple[str, str], ...] = ()
    merges: tuple[tuple[str, str], ...] = ()
    session: str = "s"


CASES = [
    Case("unknown, absent", NEW, "", DERIVED, Held(DERIVED), OPENED),
    Case("unknown, known", NEW, P, P, Held(P), OPENED),
    Case("unknown, forged: the edge lets none through", NEW, "", DERIVED, Held(DERIVED), OPENED),
    Case("unknown, merged", NEW, P, R, Held(R), OPENED, known=((P, R),)),
    Case("unknown, its own profile merged", NEW, "", R, Held(R), OPENED, known=((DERIVED, R),)),
    Case("known, absent", Held(Q), "", Q, Held(Q)),
    Case("known, equal", Held(Q), Q, Q, Held(Q)),
    Case("known, other", Held(Q), P, Q, Held(Q)),
    Case("known, merged since", Held(Q), P, R, Held(R), OPENED, known=((Q, R),)),
    Case("known, no profile, absent", Held(""), "", DERIVED, Held(DERIVED), OPENED),
    Case("known, no profile, known", Held(""), P, DERIVED, Held(DERIVED), OPENED),
    Case("profile-less, unknown", NEW, P, "", Held(""), OPENED, rule="nobody"),
    Case("profile-less, known", Held(Q), P, "", Held(Q), rule="nobody"),
    Case("static, unknown", NEW, P, P, Held(P), OPENED, rule="static"),
    Case("static, other", Held(Q), P, P, Held(P), rule="static"),
    Case("static, merged elsewhere", Held(P), P, P, Held(P), rule="static", known=((P, R),)),
    Case("static, absent", Held(Q), "", Q, Held(Q), rule="static"),
    Case("a link, unknown", NEW, P, "", None, rule="existing", session=""),
    Case("a link, known", Held(Q), "", Q, Held(Q), rule="existing"),
    Case("a link, merged", Held(Q), "", R, Held(Q), rule="existing", known=((Q, R),)),
    Case("a link, nobody", Held(""), "", "", Held(""), rule="existing"),
    Case("handed over, unknown, absent", NEW, "", H, Held(H), OPENED, handed_over=H),
    Case("handed over, known", Held(H), P, H, Held(H), handed_over=H),
    Case("handed over, merged", NEW, "", R, Held(R), OPENED, handed_over=H, known=((H, R),)),
    Case("handed over, nobody", Held(""), P, H, Held(H), OPENED, handed_over=H),
    Case(
        "handed over, unknown, other",
        NEW, P, H, Held(H, (P,)), OPENED,
        handed_over=H, merges=((P, H),),
    ),
    Case(
        "handed over, known, other",
        Held(Q), "", H, Held(H, (Q,)),
        handed_over=H, merges=((Q, H),),
    ),
    Case(
        "handed over, merged already",
        Held(Q), "", H, Held(H), OPENED,
        handed_over=H, known=((Q, H),),
    ),
    Case("not known of yet", Held(H, (Q,)), P, H, Held(H, (Q,)), merges=((Q, H),)),
    Case("known of now", Held(H, (Q,)), P, H, Held(H), known=((Q, H),)),
    Case(
        "handed over once more after another",
        Held(R, (Q, H)), "", R, Held(R, (Q, H)),
        handed_over=H, merges=((Q, R), (H, R)),
    ),
    Case(
        "handed over, static",
        NEW, P, P, Held(P), OPENED,
        rule="static", handed_over=H, merges=((P, H),),
    ),
    Case("handed over, profile-less", Held(Q), "", "", Held(Q), rule="nobody", handed_over=H),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.row for case in CASES])
def test_the_table(case: Case) -> None:
    found = bind(
        Binding(case.rule, case.handed_over),
        "s",
        case.held,
        given=case.given,
        derive=lambda: DERIVED,
        resolve=merged(*case.known),
    )
    assert found == Whose(case.profile, case.session, case.after, case.merges, case.opened)


@given(
    st.integers(0, 99),
    st.integers(0, 2**48),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(max_size=9), max_size=MERGED),
)
def test_state_is_read_back(partition: int, touched: int, profile: str, merged: list[str]) -> None:
    bound = Bound(partition, touched, touched // 2, touched // 3, Held(profile, tuple(merged)))
    assert load(dump(bound)) == bound


@pytest.mark.parametrize("junk", [b"", b"?", b"1,2", b"1,2,3", b"1,2,[]", b'x,2,[3,"p"]', b"1,2,{"])
def test_junk_is_no_state(junk: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        load(junk)
    assert caught.value.code == "session-state-invalid"


# What is stored, request by request, over one store as the processors have it.

OWN = [IDS.issue("profile", "elsewhere", str(number)) for number in range(3)]
PROFILES = ["", *OWN]


class Site:
    """A worker, and what it stored: event -> every (profile, session) of its rows."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.store: dict[bytes, bytes] = {}
        self.stored: dict[int, list[tuple[str, str]]] = {}
        self.work = self._work()

    def _work(self) -> Callable[[Record], Outcome]:
        return steps(self.feed, self.store)

    def take(self, number: int, *, learns: bool = True, **request: Any) -> Outcome:
        """One request; ``learns`` the merges at once, as from the overrides topic."""
        event = line(number=number, received_at=NOW + number, **request)
        outcome = self.work(Record("shop", "raw.shop", 0, number, event))
        if learns:
            for value in outcome.merges.values():
                self.feed.merges.put(*read(value))
        assert outcome.dead == []
        for row in rows(outcome.lines):
            found = row["profile_id"], row["session_id"]
            self.stored.setdefault(number, []).append(found)
        return outcome

    def profiles(self) -> dict[int, set[tuple[str, str]]]:
        """Whose each event is after all merges, as a query sees it."""
        resolve = self.feed.merges.resolve
        return {
            number: {(resolve(profile), session) for profile, session in found}
            for number, found in self.stored.items()
        }


requests = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["s1", "s2"]),
        "rule": st.sampled_from(["sticky", "sticky", "existing", "nobody"]),
        "profile_id": st.sampled_from(PROFILES),
        "handed_over": st.sampled_from(["", "", "", *OWN]),
    }
)
statics = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from(["s1", "s2"]),
        "rule": st.sampled_from(["static", "nobody"]),
        "profile_id": st.sampled_from(["user-1", "user-2"]),
        "handed_over": st.just(""),
    }
)


@given(
    st.lists(requests, max_size=12) | st.lists(statics, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=4),
)
def test_what_is_delivered_again_comes_out_the_same(
    given_requests: list[dict[str, Any]], crashes: list[tuple[int, int]]
) -> None:
    """Crashes at any place: reading begins again further back, with the state of now."""
    plain, crashing = Site(), Site()
    for number, request in enumerate(given_requests):
        plain.take(number, **request)
    for last, back in crashes:
        for number, request in enumerate(given_requests[: last + 1]):
            if number >= min(back, last) or number not in crashing.stored:
                crashing.take(number, **request)
    for number, request in enumerate(given_requests):
        if number not in crashing.stored:
            crashing.take(number, **request)
    assert all(len(found) == 1 for found in crashing.profiles().values())
    assert crashing.profiles() == plain.profiles()


@given(st.lists(requests, min_size=1, max_size=12))
def test_every_request_twice_in_a_row_is_every_request_once(
    given_requests: list[dict[str, Any]],
) -> None:
    once, twice = Site(), Site()
    for number, request in enumerate(given_requests):
        once.take(number, **request)
        for _ in range(2):
            twice.take(number, **request)
    assert once.profiles() == twice.profiles()


@given(st.lists(requests, max_size=12))
def test_a_profile_is_the_edge_s_or_issued_here(given_requests: list[dict[str, Any]]) -> None:
    site = Site()
    mine = {IDS.issue("profile", "shop", "session", session) for session in ("s1", "s2")}
    let_through = {
        request[name] for request in given_requests for name in ("profile_id", "handed_over")
    }
    for number, request in enumerate(given_requests):
        site.take(number, **request)
    found = {profile for each in site.stored.values() for profile, _ in each}
    assert found <= mine | let_through | {""}


@given(st.lists(st.sampled_from(PROFILES), min_size=20, max_size=20))
def test_twenty_first_requests_of_one_session_give_one_profile(given_ids: list[str]) -> None:
    site = Site()
    for number, profile in enumerate(given_ids):
        site.take(number, session_id="s", rule="sticky", profile_id=profile)
    assert len({found for each in site.stored.values() for found in each}) == 1


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=6))
def test_an_id_of_no_seal_is_never_handed_over(forged: list[str]) -> None:
    site = Site()
    for number, profile in enumerate(forged):
        outcome = site.take(number, session_id="s", rule="sticky", handed_over=profile)
        assert outcome.merges == {}
    mine = IDS.issue("profile", "shop", "session", "s")
    assert {found for each in site.stored.values() for found in each} == {(mine, "s")}


def test_a_merge_that_a_crash_kept_from_being_written_is_written_again() -> None:
    """The state of both requests was written, neither merge, and both requests come again."""
    site = Site()
    site.take(0, session_id="s", rule="sticky", profile_id=OWN[0])
    for number, other in ((1, OWN[1]), (2, OWN[2])):
        site.take(number, learns=False, session_id="s", rule="sticky", handed_over=other)
    for number, other in ((1, OWN[1]), (2, OWN[2])):
        site.take(number, session_id="s", rule="sticky", handed_over=other)
    assert {site.feed.merges.resolve(profile) for profile in OWN} == {OWN[2]}


def test_a_merge_is_written_until_it_is_known_and_not_after() -> None:
    site = Site()
    site.take(0, session_id="s", rule="sticky", profile_id=OWN[0])
    asked: dict[str, Any] = {"session_id": "s", "rule": "sticky", "handed_over": OWN[1]}
    first = site.take(1, learns=False, **asked).merges
    again = site.take(2, **asked).merges
    for merges in (first, again):
        assert [read(value)[:2] for value in merges.values()] == [(OWN[0], OWN[1])]
    assert site.take(3, **asked).merges == {}


def test_a_link_of_another_source_finds_the_session_of_its_page() -> None:
    site = Site()
    site.take(0, session_id="s", rule="sticky", profile_id=OWN[0])
    site.take(1, session_id="s", rule="existing", source_id="links")
    site.take(2, session_id="s", rule="sticky", source_id="blog")
    assert site.stored[1] == [(OWN[0], "s")]
    assert site.stored[2] == [(IDS.issue("profile", "blog", "session", "s"), "s")]


def test_a_session_without_a_name_stands_for_nobody_else() -> None:
    site = Site()
    for number in range(2):
        site.take(number, rule="sticky")
    assert site.store == {}
    assert site.stored[0] != site.stored[1]
