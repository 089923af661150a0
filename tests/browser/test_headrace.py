"""headrace.js in a real browser: whatever happens to its page, each event is one row."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.shop import Source, shop, sources
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import check_bookkeeping, now_ms

pytestmark = pytest.mark.system

READY = """new Promise((done) => {
  const look = () => self.headrace?.track ? done(1) : setTimeout(look, 10);
  look();
})"""
WAITING = "Object.keys(localStorage).filter((name) => name.includes('queue.')).length"
KEPT = "Object.keys(localStorage).length + document.cookie.length"
BLOCKED = "(() => { try { return localStorage.length } catch (error) { return error.name } })()"
ASKS = "navigator.__defineGetter__('globalPrivacyControl', () => true)"
ASKS_BEFORE = "navigator.__defineGetter__('doNotTrack', () => '1')"
IDLE = """(() => {
  const name = Object.keys(localStorage).find((each) => each.endsWith('_session'));
  const session = JSON.parse(localStorage.getItem(name));
  session.last -= 31 * 60000;
  localStorage.setItem(name, JSON.stringify(session));
})()"""
CAMPAIGN = "utm_source=news&utm_campaign=c1&gclid=G1"


SOURCES = (
    *("hrvisit", "hrclose", "hroffline", "hrblocked", "hrtabs", "hrback"),
    *("hrpending", "hrdenied", "hrcookieless", "hrwish", "hrsession"),
)


@pytest.fixture(scope="module")
def opened(pipeline: Pipeline) -> dict[str, Source]:
    return sources(pipeline, *SOURCES)


def counted(rows: list[Row]) -> Counter[str]:
    return Counter(row["event_type"] for row in rows)


def of(rows: list[Row], event_type: str) -> list[Row]:
    return [row for row in rows if row["event_type"] == event_type]


def visit(browser: Chromium, url: str) -> None:
    browser.open(url)
    browser.run(READY)


def sent(browser: Chromium) -> None:
    """Have the page's view told, and wait until nothing waits in the tab's queue."""
    browser.run("headrace.flush()")
    eventually(lambda: browser.run(WAITING) == 0, within=30, what="the queue is empty")


def gone(browser: Chromium, tab: str) -> None:
    """Close a tab, with another one left."""
    browser.close_tab(tab)
    browser.new_tab()


def test_a_visit_with_navigation_clicks_and_a_form(
    pipeline: Pipeline, opened: dict[str, Source], browser: Chromium
) -> None:
    began = now_ms()
    source = opened["hrvisit"]
    with shop(source.pasted()) as origin:
        visit(browser, f"{origin}/index.html?{CAMPAIGN}#token=1")
        for selector in ("#outside", "#file", "#buy", "#card", "#secret", "#send"):
            browser.click(selector)
        browser.run("history.pushState({}, '', '/socks'), document.title = 'Socks', 1")
        browser.run("history.pushState({}, '', '/socks'), 1")
        browser.run("history.replaceState({}, '', '/socks?size=2'), 1")
        browser.run("scrollTo(0, 1500), headrace.track('looked', {price: 9.95}), 1")
        browser.run("headrace.identify('ann', {plan: 'gold'}), history.go(-2)")
        eventually(
            lambda: browser.run("location.pathname") == "/index.html", within=30, what="back"
        )
        sent(browser)
    rows = source.rows(13)
    assert counted(rows) == {
        "page_view": 3,
        "engagement": 2,
        "outbound_link": 1,
        "download": 1,
        "basket_filled": 1,
        "click": 2,
        "form_submit": 1,
        "looked": 1,
        "identify": 1,
    }
    for row in rows:
        check_bookkeeping(row, since_ms=began)
        assert (row["protocol"], row["library"], row["valid"]) == ("own", "headrace.js", True)
        assert row["context"]["session"]["campaign"]["gclid"] == "G1"
    assert len({(row["session_id"], row["anonymous_id"]) for row in rows}) == 1
    check_views(sorted(of(rows, "page_view"), key=lambda row: str(row["event_time"])), rows)
    check_clicks(rows)
    check_profile(pipeline)


def check_views(views: list[Row], rows: list[Row]) -> None:
    assert [view["page_path"] for view in views] == ["/index.html", "/socks", "/index.html"]
    assert views[1]["page_title"] == "Socks"
    assert views[0]["page_url"].endswith(CAMPAIGN), "what stands behind # may be a secret"
    assert views[1]["referrer"].endswith(CAMPAIGN)
    assert (views[0]["utm_source"], views[0]["click_id"]) == ("news", "G1")
    assert len({view["context"]["page"]["id"] for view in views}) == 3
    (looked,) = of(rows, "looked")
    assert looked["context"]["page"]["id"] == views[1]["context"]["page"]["id"]
    assert looked["properties"] == {"price": 9.95}
    first, second = sorted(of(rows, "engagement"), key=lambda row: str(row["event_time"]))
    assert first["properties"]["scroll_percent"] < 50 < second["properties"]["scroll_percent"]


def check_clicks(rows: list[Row]) -> None:
    said = {row["event_type"]: row["properties"] for row in rows}
    assert said["outbound_link"]["url"] == "http://localhost:9/elsewhere"
    assert said["download"]["extension"] == "pdf"
    assert said["basket_filled"]["sku"] == "socks-1"
    assert said["form_submit"] == {"id": "join", "action": "/join", "method": "get"}
    texts = {row["properties"].get("text") for row in of(rows, "click")}
    assert texts == {None, "Send"}, "what is masked has no text"


def check_profile(pipeline: Pipeline) -> None:
    """The visitor's first touch is a trait of the user that the visitor became."""
    (profile,) = eventually(
        lambda: pipeline.sql(
            "SELECT traits FROM headrace.profiles "
            "WHERE has(user_ids, 'ann') AND source_id = 'hrvisit'"
        ),
        until=lambda found: bool(found) and "initial_gclid" in found[0]["traits"],
        within=30,
        what="the profile has its first touch",
    )
    assert profile["traits"]["initial_utm_source"] == "news"
    assert profile["traits"]["plan"] == "gold"


def test_a_tab_that_is_closed_says_so_and_loses_nothing(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hrclose"]
    with shop(source.pasted()) as origin:
        tab = browser.new_tab()
        visit(browser, f"{origin}/index.html")
        browser.run("headrace.track('last', {n: 1}), 1")
        gone(browser, tab)
        assert counted(source.rows(3)) == {"page_view": 1, "last": 1, "engagement": 1}
        # what was in doubt when the tab was closed is sent again, and is the same
        visit(browser, f"{origin}/next.html")
        sent(browser)
        again = source.rows(4)
    assert counted(again) == {"page_view": 2, "last": 1, "engagement": 1}
    assert len({row["session_id"] for row in again}) == 1


def test_what_happens_offline_is_sent_when_the_network_is_back(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hroffline"]
    with shop(source.pasted()) as origin:
        visit(browser, f"{origin}/index.html")
        sent(browser)
        browser.offline(lost=True)
        for number in range(60):
            browser.run(f"headrace.track('offline', {{number: {number}}}), headrace.flush()")
        assert browser.run(WAITING) == 60
        before = now_ms()
        browser.offline(lost=False)
        sent(browser)
    rows = source.rows(61)
    assert counted(rows) == {"page_view": 1, "offline": 60}
    assert {row["properties"]["number"] for row in of(rows, "offline")} == set(range(60))
    for row in of(rows, "offline"):
        check_bookkeeping(row, since_ms=before)


@pytest.fixture
def blocked(binary: str, tmp_path: Path) -> Iterator[Chromium]:
    """A browser whose visitor lets no site keep anything."""
    wishes = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    browser = Chromium(binary, tmp_path, wishes)
    try:
        yield browser
    finally:
        browser.close()


def test_where_nothing_may_be_kept_everything_is_sent_all_the_same(
    opened: dict[str, Source], blocked: Chromium
) -> None:
    source = opened["hrblocked"]
    with shop(source.pasted()) as origin:
        tab = blocked.new_tab()
        visit(blocked, f"{origin}/index.html")
        assert blocked.run(BLOCKED) == "SecurityError"
        blocked.run("headrace.track('unkept'), 1")
        # Chromium ends a page that takes half a second to go: what it sends then may be little
        source.rows(2)
        gone(blocked, tab)
        rows = source.rows(3)
    assert counted(rows) == {"page_view": 1, "unkept": 1, "engagement": 1}
    assert len({(row["session_id"], row["anonymous_id"]) for row in rows}) == 1


def test_half_an_hour_of_nothing_ends_a_session_and_what_it_began_with(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hrsession"]
    with shop(source.pasted(engagement="false", pages="false")) as origin:
        visit(browser, f"{origin}/index.html?{CAMPAIGN}")
        browser.run("headrace.track('first'), 1")
        visit(browser, f"{origin}/next.html")
        browser.run("headrace.track('second'), 1")
        browser.run(IDLE)
        browser.run("headrace.track('third'), 1")
        sent(browser)
    rows = {row["event_type"]: row for row in source.rows(3)}
    first, second, third = (rows[name] for name in ("first", "second", "third"))
    assert first["session_id"] == second["session_id"] != third["session_id"]
    assert len({row["anonymous_id"] for row in rows.values()}) == 1
    entries = [row["context"]["session"] for row in (first, second, third)]
    assert entries[0] == entries[1]
    assert entries[0]["url"] == f"{origin}/index.html?{CAMPAIGN}"
    assert entries[2]["url"] == f"{origin}/next.html"
    assert "campaign" not in entries[2] or not entries[2]["campaign"]


def test_two_tabs_are_one_visitor_and_do_not_lose_or_double_each_others_events(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hrtabs"]
    with shop(source.pasted(engagement="false")) as origin:
        tabs = [browser.new_tab() for _ in range(2)]
        for tab in tabs:
            browser.use(tab)
            visit(browser, f"{origin}/index.html")
        for number in range(8):
            browser.use(tabs[number % 2])
            browser.run(f"headrace.track('tabbed', {{number: {number}}}), 1")
        for tab in tabs:
            browser.use(tab)
            sent(browser)
    rows = source.rows(10)
    assert sorted(row["properties"]["number"] for row in of(rows, "tabbed")) == list(range(8))
    assert counted(rows) == {"page_view": 2, "tabbed": 8}
    assert len({(row["session_id"], row["anonymous_id"]) for row in rows}) == 1


def test_a_page_that_comes_back_from_the_cache_is_viewed_again(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hrback"]
    with shop(source.pasted()) as origin:
        visit(browser, f"{origin}/index.html")
        browser.run("self.back = 0, addEventListener('pageshow', (e) => back += e.persisted), 1")
        browser.run("headrace.track('before'), 1")
        visit(browser, f"{origin}/next.html")
        browser.back()
        eventually(lambda: browser.run("self.back") == 1, within=30, what="the page is back")
        browser.run("headrace.track('after'), 1")
        sent(browser)
        rows = source.rows(7)
    viewed = {"page_view": 3, "before": 1, "after": 1, "engagement": 2}
    assert counted(rows) == viewed
    assert len({row["context"]["page"]["id"] for row in rows}) == 3
    assert len({row["session_id"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("source_id", "options", "said", "stored"),
    [
        ("hrpending", {"consent": "pending"}, "headrace.consent(true)", 2),
        ("hrdenied", {"consent": "pending"}, "headrace.consent(false)", 0),
        ("hrcookieless", {"cookieless": ""}, "headrace.flush()", 2),
    ],
)
def test_nothing_is_kept_on_the_device_of_who_did_not_agree(
    opened: dict[str, Source],
    browser: Chromium,
    source_id: str,
    options: dict[str, str],
    said: str,
    stored: int,
) -> None:
    source = opened[source_id]
    with shop(source.pasted(engagement="false", **options)) as origin:
        visit(browser, f"{origin}/index.html")
        browser.run("headrace.track('early'), headrace.flush()")
        assert browser.run(KEPT) == 0
        browser.run(said)
        sent(browser)
        rows = source.rows(stored)
    assert counted(rows) == (Counter(page_view=1, early=1) if stored else Counter())
    if source_id == "hrcookieless":
        assert browser.run(KEPT) == 0
        assert {row["anonymous_id"] for row in rows} == {""}
        assert len({(row["profile_id"], row["session_id"]) for row in rows}) == 1


def test_the_browsers_wish_and_robots_are_respected(
    opened: dict[str, Source], browser: Chromium
) -> None:
    source = opened["hrwish"]
    wishes = [f"<script>{asks}</script>{source.pasted()}" for asks in (ASKS, ASKS_BEFORE)]
    silent = [*wishes, source.snippet]
    for snippet, stored in (*((each, 0) for each in silent), (source.pasted(), 1)):
        with shop(snippet) as origin:
            visit(browser, f"{origin}/index.html")
            browser.run("headrace.track('wished'), headrace.flush()")
            sent(browser)
            assert bool(browser.run(KEPT)) == bool(stored)
    assert counted(source.rows(2)) == {"page_view": 1, "wished": 1}
