"""A page that sends what Tracardi's tracker was recorded sending: fetch, then beacon."""

from urllib.parse import urlencode

import pytest

from tests.browser.chromium import Chromium
from tests.browser.known import let_in
from tests.browser.site import Site
from tests.system.pipeline import Pipeline
from tests.system.rows import check_bookkeeping, now_ms, rows_of

pytestmark = pytest.mark.system


def test_two_pages_and_two_farewells_are_one_session_of_one_profile(
    pipeline: Pipeline, site: Site, browser: Chromium
) -> None:
    pipeline.create_source("tracardijs", "--protocol", "tracardi")
    let_in(pipeline, "/track", {"source": {"id": "tracardijs"}})
    began = now_ms()
    page = f"{site.origin}/tracardi.html?{urlencode({'api': pipeline.url, 'source': 'tracardijs'})}"
    browser.open(page)
    first = browser.run("visited")
    profile = browser.run("localStorage.getItem('tracardi-profile-id')")
    session = browser.run("sessionId()")
    browser.open(f"{page}&n=2")  # the first page says farewell by beacon
    second = browser.run("visited")
    browser.open("about:blank")  # and so does the second
    for answer in (first, second):
        assert answer["status"] == 200
        assert answer["profile"] == {"id": profile}
        assert answer["session"] == {"id": session}
        assert answer["errors"] == answer["warnings"] == answer["ux"] == []

    rows = rows_of(pipeline, "tracardijs", 6)
    assert [row["event_type"] for row in rows].count("leaving") == 2
    assert sorted({row["event_type"] for row in rows}) == ["leaving", "page-view", "purchase-order"]
    assert {row["profile_id"] for row in rows} == {profile}
    assert {row["session_id"] for row in rows} == {session}
    for row in rows:
        check_bookkeeping(row, since_ms=began)
        assert row["protocol"] == "tracardi"
        assert row["page_title"] == "A shop with Tracardi"
        assert row["utm_campaign"] == "c1"
    assert {
        row["properties"]["price"] for row in rows if row["event_type"] == "purchase-order"
    } == {9.95}


def test_a_page_of_an_origin_that_is_not_allowed_reads_nothing(
    pipeline: Pipeline, site: Site, browser: Chromium
) -> None:
    pipeline.create_source("closedjs", "--origin", "https://shop.example")
    let_in(pipeline, "/track", {"source": {"id": "closedjs"}})
    asked = urlencode({"api": pipeline.url, "source": "closedjs"})
    browser.open(f"{site.origin}/tracardi.html?{asked}")
    assert "Failed to fetch" in browser.run("visited.catch(String)")
    # a program has no origin, and what it sends afterwards is all that is stored
    later = {"source": {"id": "closedjs"}, "events": [{"type": "later"}]}
    assert pipeline.client.post_json("/track", later).status == 200
    assert [row["event_type"] for row in rows_of(pipeline, "closedjs", 1)] == ["later"]
