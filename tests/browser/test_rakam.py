"""rakam-js itself, unmodified, from npm."""

import base64
import json
from urllib.parse import urlencode, urlsplit

import pytest

from tests.browser.chromium import Chromium
from tests.browser.known import let_in
from tests.browser.site import Site
from tests.system.pipeline import Pipeline
from tests.system.rows import check_bookkeeping, now_ms, rows_of

pytestmark = pytest.mark.system


def test_its_events_and_user_properties_arrive_and_its_queue_is_empty(
    pipeline: Pipeline, site: Site, browser: Chromium
) -> None:
    key = pipeline.create_source("rakamjs", "--protocol", "rakam")["keys"][0]["key"]
    empty = {"api": {"api_key": key}, "events": []}
    let_in(pipeline, "/event/batch", empty)
    began = now_ms()
    asked = urlencode({"key": key, "user": "ann", "host": urlsplit(pipeline.url).netloc})
    campaign = urlencode({"utm_source": "news", "utm_medium": "email", "utm_campaign": "c1"})
    browser.open(f"{site.origin}/rakam.html?{asked}&{campaign}")
    for call in ("buy()", "leave()", "subscribe()"):
        assert browser.run(call) == [200, "1"], call
    assert browser.run("unsent()") == "[]"

    rows = rows_of(pipeline, "rakamjs", 4)
    assert len(rows) == 4
    kept = _kept_by(browser)
    device, session = kept["device"], kept["session"]
    by_type = {row["event_type"]: row for row in rows}
    assert by_type.keys() == {"order_completed", "looked", "left", "set_properties"}
    for row in rows:
        check_bookkeeping(row, since_ms=began)
        assert (row["source_id"], row["protocol"]) == ("rakamjs", "rakam")
        assert row["user_id"] == "ann"
    user = by_type.pop("set_properties")
    assert user["kind"] == "identify"
    assert user["properties"] == {"email": "ann@example.com", "plan": "gold"}
    for row in by_type.values():
        assert row["kind"] == "track"
        assert row["anonymous_id"] == device
        assert row["session_id"] == f"{device}:{session}"
        assert row["locale"] == "en-US"
        assert (row["utm_source"], row["utm_campaign"]) == ("news", "c1")
    assert len({row["profile_id"] for row in rows}) == 1
    bought = by_type["order_completed"]["properties"]
    asked_for = {"revenue": 9.95, "gift": False, "page_url": "/rakam.html"}
    assert {name: bought[name] for name in asked_for} == asked_for


def test_a_wrong_key_keeps_the_events_in_its_queue(
    pipeline: Pipeline, site: Site, browser: Chromium
) -> None:
    asked = urlencode({"key": "no-such-key", "user": "u", "host": urlsplit(pipeline.url).netloc})
    browser.open(f"{site.origin}/rakam.html?{asked}")
    status, body = browser.run("buy()")
    assert status == 403
    assert json.loads(body)["errors"][0]["title"]
    assert len(json.loads(browser.run("unsent()"))) == 1


def _kept_by(browser: Chromium) -> dict[str, str]:
    """What the tracker keeps: its device in a cookie, its session in local storage."""
    cookie = browser.run("document.cookie.match(/rakam_id[^=]*=([^;]+)/)[1]")
    return {
        "device": json.loads(base64.b64decode(cookie + "==="))["deviceId"],
        "session": browser.run("localStorage.getItem('rakam_sessionId')"),
    }
