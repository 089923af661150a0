"""Requests of webhooks unfolded: which events, which ids, which counts, and what fails."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from processors.ahead import Look
from processors.bury import Record
from processors.sandbox import Sandbox
from processors.steps.enrich import nowhere
from processors.unfold import MOST_IN_A_ROW, SUSPENDED_MS, Unfold
from processors.unfolding import behind, unfolding
from processors.visits import Visits
from processors.work import Outcome, Work
from schemas import codec
from schemas.answers import read
from schemas.sandbox import TIME, Limits, Script, ScriptError
from schemas.sources import Source
from schemas.webhooks import Version, Webhook, Webhooks
from schemas.wire import vendor
from tests.processors.world import IDS, MINUTE, NOW, Feed, raw

SCRIPT = """
function transform(request, parameters) {
  if (request.body === 'throw') throw new Error('no');
  if (request.body === 'nameless') return {properties: {}};
  return request.json.map((id) => id === null ? null :
    ({name: 'made', id: id || undefined, user_id: parameters.user, time: new Date(),
      properties: {chance: Math.random()}}));
}
"""


def known(script: str = SCRIPT, **fields: Any) -> Webhooks:
    found = Webhooks()
    given = {"parameters": {"user": "u"}, "versions": (Version(1, script, 0),), "active": 1}
    webhook = Webhook("hook", "shop", **{**given, **fields})
    found.fold(b"hook", webhook.as_record())
    return found


def line(body: str, *, number: int = 1, ask: str = "", webhook: str = "hook") -> bytes:
    request = {"method": "POST", "path": {}, "query": {}, "headers": {}, "body": body}
    found = raw(number=number, protocol="webhooks", endpoint="collect", ask=ask)
    said = codec.loads(codec.dumps(found)) | {"body": request, "batch": {"webhook": webhook}}
    return codec.dumps(said)


def do(unfold: Unfold, *lines: bytes) -> Outcome:
    feed, store = Feed(Source("shop")), dict[bytes, bytes]()
    look = Look(feed, vendor, nowhere)
    work = Work(look, feed, IDS.issue, IDS.is_own, Visits(lambda _: store), lambda: NOW)
    record = Record("shop", "headrace.raw.shop", 0, 7, b"\n".join(lines))
    assert unfold.concerns("shop")
    assert not unfold.concerns("app")
    return work(look.unfolded(record, asyncio.run(unfold(record))))


def real(webhooks: Webhooks) -> Unfold:
    return unfolding(webhooks, vendor, lambda: NOW)


def rows(outcome: Outcome) -> list[Any]:
    return [json.loads(each) for each in outcome.lines]


def test_one_request_becomes_many_events_or_none_and_the_counts_balance() -> None:
    lines = line('["", "evt_7", null, ""]', ask="3:a"), line("[]", number=2, ask="3:b")
    outcome = do(real(known()), *lines)
    first, named, last = rows(outcome)
    assert {row["event_type"] for row in rows(outcome)} == {"made"}
    assert (named["message_id"], first["message_id"]) == ("evt_7", "")
    assert first["context"]["webhook"] == {"id": "hook", "version": 1, "request": first_id()}
    assert (first["user_id"], first["session_id"], first["protocol"]) == ("u", "", "webhook")
    assert first["event_time"] == first["received_at"]
    assert len({row["event_id"] for row in (first, named, last)}) == 3
    minute = NOW - NOW % MINUTE
    assert outcome.tally == {("shop", minute): [3, 1, 0, 2]}
    assert outcome.unsaved == 1
    stored, nothing = (read(text) for _, text in outcome.answers)
    assert (stored.event_id, stored.saved, nothing.saved) == (first_id(), True, False)

    again = do(real(known()), *lines)
    assert again.lines == outcome.lines, "a replay comes out the same, chance and clock included"


def first_id() -> str:
    return "00000000-0000-0000-0000-000000000001"


def test_what_fails_is_a_letter_with_the_request_and_the_stack() -> None:
    outcome = do(
        real(known()),
        line("throw", ask="3:a"),
        line("nameless", number=2),
        line("[]", number=3, webhook="gone"),
        b"no JSON",
        codec.dumps(raw(number=4, protocol="webhook", endpoint="event", body={"name": "x"})),
    )
    assert outcome.codes == [
        "script-error",
        "webhook-event-invalid",
        "webhook-unknown",
        "json-invalid",
        "missing",  # an event that was made before has no user, and no mark that it needs none
    ]
    letter = json.loads(outcome.dead[0])
    assert letter["reason"].startswith("version 1: Error: no\nat transform (<input>:3:")
    assert json.loads(letter["original"])["body"]["body"] == "throw"
    told = read(outcome.answers[0][1])
    assert (told.saved, told.code) == (False, "script-error")


def test_ids_of_64_bits_keep_their_digits() -> None:
    webhooks = known(
        """
        const transform = ({json}, {shop}) => ({name: 'x', user_id: json.customer.id,
          properties: {order: json.id, small: json.number, shop, line: json.lines[0].id}});
        """,
        parameters={"shop": 2**60 + 1},
    )
    body = (
        '{"id":820982911946154508,"number":7,"customer":{"id":115310627314723954},'
        '"lines":[{"id":-9223372036854775807}]}'
    )
    (row,) = rows(do(real(webhooks), line(body)))
    assert row["user_id"] == "115310627314723954"
    assert row["properties"]["_overflow"] == {  # the catalog of this world is full
        "order": "820982911946154508",
        "small": 7,
        "shop": str(2**60 + 1),
        "line": "-9223372036854775807",
    }


class Late:
    """A script that never ends in time."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.calls = 0

    def call(self, function: str, argument: bytes) -> bytes:  # noqa: ARG002 - its interface
        self.calls += 1
        raise ScriptError(TIME, "interrupted")

    def close(self) -> None:
        """Hold nothing."""


def opening(script: Script) -> Callable[[str, Limits], Script]:
    return lambda _source, _limits: script


def test_a_script_that_takes_all_its_time_again_and_again_is_suspended() -> None:
    late, now = Late(), [NOW]
    unfold = Unfold(known(), opening(late), vendor, behind="", clock=lambda: now[0])
    many = [line("[]", number=number) for number in range(MOST_IN_A_ROW + 2)]
    outcome = do(unfold, *many)
    assert outcome.codes == ["script-time"] * MOST_IN_A_ROW + ["script-suspended"] * 2
    assert late.calls == MOST_IN_A_ROW
    now[0] += SUSPENDED_MS
    assert do(unfold, many[0]).codes == ["script-time"]


def test_a_new_version_is_used_at_once() -> None:
    webhooks = known()
    unfold = Unfold(webhooks, Sandbox, vendor, behind=behind(), clock=lambda: NOW)
    assert len(do(unfold, line('["a"]')).lines) == 1
    other = "const transform = () => [{name: 'x'}, {name: 'y'}];"
    webhooks.fold(b"hook", webhooks.all()[0].with_script(other, NOW).as_record())
    assert len(do(unfold, line('["a"]')).lines) == 1, "it is not active"
    later = codec.loads(webhooks.all()[0].as_record()) | {"active": 2}
    webhooks.fold(b"hook", codec.dumps(later))
    found = rows(do(unfold, line('["a"]')))
    assert [row["event_type"] for row in found] == ["x", "y"]
    assert {row["profile_id"] for row in found} == {""}
    webhooks.fold(b"hook", None)
    assert not unfold.concerns("shop")
