"""What is said of single events, whatever their records hold."""

import pytest

from deploy.inquest import Known, Line, event_lines, raw_lines
from deploy.sheet import Fate, Place
from processors.unfolding import unfolding
from schemas import codec
from schemas.erasures import Named, Subjects, digest
from schemas.events import iso
from schemas.ledger import UNKNOWN, minute_of
from schemas.sources import Registry
from schemas.topics import HEARTBEAT
from schemas.wire import vendor
from tests.processors.test_unfold import known as webhooks
from tests.processors.test_unfold import line as hook_line

AT = 1_795_262_431_500
KEY = ("shop", minute_of(AT))
LETTER = digest("letter", "shop", "gone")
RAW, EVENTS = Place("t.raw.shop", 1, 7), Place("t.events", 1, 9)


def known(**more: object) -> Known:
    facts: dict[str, object] = {
        "stored": {("shop", "stored")},
        "buried": {("shop", "buried")},
        "letters": {RAW},
        "erased": {("shop", "acme"): AT},
        "waiting": set(),
        "people": Subjects({"p1": AT}, {digest("user", "shop", "anna"): AT, LETTER: AT}),
        "expired": {"old": AT},
    }
    return Known(**(facts | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "fate"),
    [
        (Line(RAW, KEY, "stored", AT, unsaved=True), "stored"),
        (Line(RAW, KEY, "buried", AT), "dead"),
        (Line(RAW, KEY, "", 0), "dead"),
        (Line(RAW._replace(offset=8), KEY, "", 0), "missing"),
        (Line(RAW, KEY, "other", AT, unsaved=True), "unsaved"),
        (Line(RAW, KEY, "other", AT, customer="acme"), "erased"),
        (Line(RAW, KEY, "other", AT + 1, customer="acme"), "missing"),
        (Line(RAW, ("app", KEY[1]), "stored", AT), "missing"),
        (Line(RAW, KEY, "other", AT, who=Named(AT, ("p1",))), "erased"),
        (Line(RAW, KEY, "other", AT, who=Named(AT, users=("anna",))), "erased"),
        (Line(RAW, KEY, "other", AT, who=Named(AT + 1, ("p1",), ("anna",))), "missing"),
        (Line(RAW, KEY, "gone", AT), "erased"),
        (Line(RAW, ("old", KEY[1]), "other", AT + 1, at=AT - 1), "expired"),
        (Line(RAW, ("old", AT + 1), "other", AT + 1, at=AT), "missing"),
    ],
)
def test_every_event_has_a_fate(line: Line, fate: Fate) -> None:
    assert known().fate(line, raw=True) == fate


def test_only_what_the_sink_has_yet_to_do_is_in_flight() -> None:
    line = Line(RAW, KEY, "other", AT)
    assert known(waiting={1}).fate(line, raw=True) == "in_flight"
    assert known(waiting={2}).fate(line, raw=True) == "missing"
    assert known(waiting={1}).fate(line._replace(place=EVENTS), raw=False) == "missing"


def test_canonical_lines_are_read_and_heartbeats_passed_over() -> None:
    row = {"event_id": "e", "source_id": "shop", "received_at": iso(AT), "group_id": "acme"}
    beat = {"event_id": "b", "source_id": HEARTBEAT, "received_at": iso(AT)}
    value = codec.join_lines([codec.dumps(row), codec.dumps(beat), b"[]", b"{"])
    assert list(event_lines(EVENTS, value)) == [
        Line(EVENTS, KEY, "e", AT, customer="acme", who=Named(AT)),
        Line(EVENTS, ("", UNKNOWN), "", 0),
        Line(EVENTS, ("", UNKNOWN), "", 0),
    ]


def test_raw_lines_that_nobody_understands_are_known_by_what_they_say() -> None:
    line = codec.dumps({"event_id": "e", "source_id": "shop", "received_at": AT})
    assert list(raw_lines(RAW, line + b"\n{", Registry())) == [
        Line(RAW, KEY, "e", 0),
        Line(RAW, ("", UNKNOWN), "", 0),
    ]


def test_requests_of_webhooks_are_known_by_what_was_made_of_them() -> None:
    unfold = unfolding(webhooks(), vendor, lambda: AT)
    many, none, failed = hook_line('["a", "b"]'), hook_line("[]", number=2), hook_line("throw")
    value = b"\n".join((many, none, failed))
    unsaved, *made, dead = raw_lines(RAW, value, Registry(), unfold)
    request = "00000000-0000-0000-0000-000000000001"
    assert (unsaved.event_id, unsaved.unsaved) == (request[:-1] + "2", True)
    assert [(line.request, line.unsaved) for line in made] == [(request, False)] * 2
    assert len({line.event_id for line in made}) == 2
    assert (dead.event_id, dead.request) == (request, "")
    facts = known(buried={("shop", request)}, letters=set())
    assert [facts.fate(line, raw=True) for line in (*made, dead)] == ["dead"] * 3
