"""headrace.js and an ingest that is away, overloaded, or wants nothing of it."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.browser.chromium import Chromium
from tests.browser.grudging import Answer, Grudging
from tests.browser.shop import shop
from tests.browser.test_headrace import READY, WAITING
from tests.system.eventually import eventually

WITHIN = 15.0
OLD_BROWSER = "<script>delete Request.prototype.keepalive</script>"
TRACARDI = """<script>
navigator.__defineGetter__("userAgent", () => "a person's");
navigator.__defineGetter__("webdriver", () => false);
const options = {tracker: {source: {id: "shop-id"}, url: {script: "%(url)s", api: "%(url)s"}}};
document.addEventListener("DOMContentLoaded", () => {
  const script = document.createElement("script");
  script.src = options.tracker.url.script + "/tracker/liliput.min.js";
  script.onload = () => {
    if (window.tracardi.default.getState().plugins.tracardi.initialized)
      window.tracardi.default.track("page-view", {a: 1});
  };
  document.head.append(script);
});
</script>"""


_ADVERTS = """gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid srsltid msclkid fbclid
igshid ttclid twclid li_fat_id yclid rdt_cid epik sccid irclid irclickid qclid _kx mc_cid mc_eid
s_kwcid wickedid vmcid wclid"""
CLICK_IDS = _ADVERTS.split()
"""Of the campaigns of advertisers and of mails."""


@pytest.fixture(scope="module")
def visitor(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all: each test has a key, and so a queue, of its own."""
    browser = Chromium(binary, tmp_path_factory.mktemp("visitor"))
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture
def ingest() -> Iterator[Grudging]:
    with Grudging() as ingest:
        yield ingest


def track(visitor: Chromium, *names: str) -> None:
    calls = ", ".join(f"headrace.track('{name}')" for name in names)
    visitor.run(f"{calls}, headrace.flush()")


def emptied(visitor: Chromium) -> None:
    eventually(lambda: visitor.run(WAITING) == 0, within=WITHIN, what="the queue is empty")


def test_it_waits_as_long_as_it_is_told_and_sends_the_same_ids(
    visitor: Chromium, ingest: Grudging
) -> None:
    answers = iter([Answer(503, "2"), Answer(0), Answer()])
    ingest.judge = lambda _: next(answers)
    with shop(ingest.snippet("k-retry")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        track(visitor, "one", "two")
        emptied(visitor)
    first, second, third = ingest.sent
    assert first.ids == second.ids == third.ids
    assert first.names == ["one", "two"]
    assert second.at - first.at >= 2, "Retry-After is in seconds"
    assert first.batch["sent_at"] < second.batch["sent_at"] < third.batch["sent_at"]
    assert first.type.startswith("text/plain"), "another type would cost a pre-flight"


def test_a_batch_that_is_too_large_is_halved_and_one_event_that_is_too_large_given_up(
    visitor: Chromium, ingest: Grudging
) -> None:
    ingest.judge = lambda batch: (
        Answer(413)
        if len(batch["events"]) > 2 or any(each["name"] == "huge" for each in batch["events"])
        else Answer()
    )
    names = [*(f"e{number}" for number in range(8)), "huge"]
    with shop(ingest.snippet("k-large")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        track(visitor, *names)
        emptied(visitor)
    taken = [sent for sent in ingest.sent if ingest.judge(sent.batch).status == 200]
    assert sorted(name for sent in taken for name in sent.names) == names[:-1]


@pytest.mark.parametrize("status", [401, 403, 410])
def test_whoever_is_unknown_stops_keeps_the_newest_and_tries_at_the_next_page(
    visitor: Chromium, ingest: Grudging, status: int
) -> None:
    ingest.judge = lambda _: Answer(status)
    with shop(ingest.snippet(f"k-stop-{status}", **{"queue-size": "5"})) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        track(visitor, "refused")
        eventually(lambda: len(ingest.sent) == 1, within=WITHIN, what="it is refused")
        track(visitor, *(f"e{number}" for number in range(9)))
        assert visitor.run(WAITING) == 5
        ingest.judge = lambda _: Answer()
        visitor.open(f"{origin}/next.html")
        visitor.run(READY)
        emptied(visitor)
    assert [sent.names for sent in ingest.sent] == [["refused"], [f"e{n}" for n in range(4, 9)]]


def test_a_batch_in_which_nothing_is_right_is_not_sent_for_ever(
    visitor: Chromium, ingest: Grudging
) -> None:
    answers = iter([Answer(400), Answer()])
    ingest.judge = lambda _: next(answers)
    with shop(ingest.snippet("k-wrong")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        track(visitor, "wrong")
        emptied(visitor)
        track(visitor, "right")
        emptied(visitor)
    assert [sent.names for sent in ingest.sent] == [["wrong"], ["right"]]


def test_an_older_browser_says_farewell_by_beacon(visitor: Chromium, ingest: Grudging) -> None:
    with shop(OLD_BROWSER + ingest.snippet("k-beacon")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        visitor.run("headrace.track('farewell'), 1")
        visitor.open("about:blank")
        eventually(lambda: bool(ingest.sent), within=WITHIN, what="the beacon came")
        visitor.open(f"{origin}/next.html")
        visitor.run(READY)
        emptied(visitor)
    # a beacon has no answer, so what it carried is sent until there is one: with the same id
    assert {sent.names[0] for sent in ingest.sent} == {"farewell"}
    assert len({sent.ids[0] for sent in ingest.sent}) == 1
    assert ingest.sent[0].type.startswith("text/plain")


def test_what_cannot_be_sent_does_not_stop_the_page(visitor: Chromium, ingest: Grudging) -> None:
    with shop(ingest.snippet("k-odd")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        visitor.run("self.loop = {}, loop.loop = loop, headrace.track('round', loop), 1")
        visitor.run("headrace.track('huge', {text: 'x'.repeat(40000)}), 1")
        track(visitor, "fine")
        emptied(visitor)
    assert [sent.names for sent in ingest.sent] == [["fine"]]


def test_a_sandboxed_frame_sends_too(visitor: Chromium, ingest: Grudging) -> None:
    snippet = ingest.snippet("k-frame", pages="true").replace("'", "&apos;")
    frame = f"<iframe sandbox='allow-scripts' srcdoc='{snippet}'></iframe>"
    with shop(frame) as origin:
        visitor.open(f"{origin}/index.html")
        eventually(lambda: bool(ingest.sent), within=WITHIN, what="it is sent")
    assert ingest.sent[0].names == ["page"]


def test_a_session_keeps_every_click_id_that_it_came_with(
    visitor: Chromium, ingest: Grudging
) -> None:
    query = urlencode({name: f"of {name}" for name in CLICK_IDS} | {"utm_id": "u", "token": "t"})
    with shop(ingest.snippet("k-clicks")) as origin:
        visitor.open(f"{origin}/index.html?{query}")
        visitor.run(READY)
        track(visitor, "here")
        emptied(visitor)
    campaign = ingest.sent[0].batch["events"][0]["context"]["session"]["campaign"]
    assert campaign == {name: f"of {name}" for name in CLICK_IDS} | {"utm_id": "u"}


def test_calls_made_before_it_has_loaded_are_made_then(visitor: Chromium, ingest: Grudging) -> None:
    early = "<script>(self.headrace ||= []).push(['track', 'early', {n: 1}])</script>"
    with shop(early + ingest.snippet("k-early")) as origin:
        visitor.open(f"{origin}/index.html")
        visitor.run(READY)
        emptied(visitor)
        eventually(lambda: bool(ingest.sent), within=WITHIN, what="it is sent")
    (sent,) = ingest.sent
    assert sent.batch["events"][0]["properties"] == {"n": 1}
    assert sent.batch["write_key"] == "k-early"


def test_a_page_with_tracardis_snippet_is_served(visitor: Chromium, ingest: Grudging) -> None:
    with shop(TRACARDI % {"url": ingest.url}) as origin:
        visitor.open(f"{origin}/index.html")
        eventually(lambda: bool(ingest.sent), within=WITHIN, what="its event came")
    (sent,) = ingest.sent
    assert sent.names == ["page-view"]
    assert sent.batch["write_key"] == "shop-id"
